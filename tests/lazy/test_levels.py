"""Levels of OME-Zarr images as DataArrays: names, places, units, and nothing read too early."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural.errors import ConfigError, SourceError
from tests.annotations import Image
from tests.converters.sources.omezarr_writer import RGB, write_image

pytest.importorskip("xarray", reason="it is what levels are opened as")
from numcodecs_neural.lazy import open_level


@pytest.fixture
def slide(tmp_path: Path, tissue: Image) -> Path:
    """Return a colour slide of two levels; the pixels of the second are 2 x 2 of the first."""
    path = tmp_path / "slide.ome.zarr"
    group = zarr.open_group(path, mode="w")
    write_image(
        group, [tissue[:, :200, :300], tissue[:, :200:2, :300:2]], "cyx", omero={"channels": RGB}
    )
    ome: Any = group.attrs["ome"]
    ome["multiscales"][0]["name"] = "colon"
    ome["multiscales"][0]["datasets"][1]["coordinateTransformations"] = [
        {"type": "scale", "scale": [1, 0.52, 0.5]},
        {"type": "translation", "translation": [0, 0.13, 0.125]},
    ]
    group.attrs["ome"] = ome
    return path


def test_a_level_has_the_pixels_of_its_array_and_the_name_of_the_image(
    slide: Path, tissue: Image
) -> None:
    level = open_level(slide)

    assert level.dims == ("c", "y", "x")
    assert level.name == "colon"
    assert np.array_equal(level.values, tissue[:, :200, :300])


def test_coordinates_are_pixel_centres_in_micrometres(slide: Path) -> None:
    level, reduced = open_level(slide, 0), open_level(slide, 1)

    assert level.y.values[:2].tolist() == [0, 0.26]
    assert level.x.attrs == {"units": "micrometer"}
    # The middle of the first two pixels of level 0, and two of its pixels further.
    assert reduced.y.values[:2] == pytest.approx([0.13, 0.65])
    assert reduced.x.values[-1] == pytest.approx((level.x.values[-2:]).mean())


def test_places_select_the_same_tissue_in_every_level(slide: Path) -> None:
    parts = [open_level(slide, n).sel(y=slice(10, 30), x=slice(20, 40)) for n in range(2)]

    assert parts[1].sizes["y"] * 2 == pytest.approx(parts[0].sizes["y"], abs=1)
    assert parts[1].mean() == pytest.approx(float(parts[0].mean()), rel=0.02)


def test_colours_are_named(slide: Path) -> None:
    red = open_level(slide).sel(c="red")

    assert red.dims == ("y", "x")


def test_dask_chunks_are_shards_where_there_are_any(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    write_image(group, [np.ones((200, 200), "u1")], "yx", shards=(128, 128))

    assert open_level(tmp_path / "a.zarr").chunks == ((128, 72), (128, 72))


def test_films_have_seconds_and_stacks_micrometres(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    channels = {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}
    write_image(group, [np.ones((2, 2, 3, 9, 9), "u2")], "tczyx", omero=channels)

    level = open_level(tmp_path / "a.zarr")

    assert level.t.values.tolist() == [0, 0.5]
    assert level.t.attrs["units"] == "second"
    assert level.z.values == pytest.approx([0, 0.3, 0.6])
    assert level.c.values.tolist() == ["DAPI", "GFP"]


def test_without_units_places_are_counted_as_the_store_counts(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    write_image(group, [np.ones((2, 9, 9), "u2")], "cyx")
    ome: Any = group.attrs["ome"]
    for axis in ome["multiscales"][0]["axes"]:
        axis.pop("unit", None)
    group.attrs["ome"] = ome

    level = open_level(tmp_path / "a.zarr")

    assert level.y.values[1] == 0.26
    assert level.y.attrs == {}
    assert "c" not in level.coords


def test_the_last_level_can_be_counted_from_the_end(slide: Path) -> None:
    assert open_level(slide, -1).shape == (3, 100, 150)


def test_a_level_that_is_not_there_is_refused(slide: Path) -> None:
    with pytest.raises(ConfigError, match="has 2 levels, and no level 2: 0 is the largest"):
        open_level(slide, 2)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    zarr.open_group(tmp_path / "a.zarr", mode="w")

    with pytest.raises(SourceError, match="without the metadata of OME-Zarr"):
        open_level(tmp_path / "a.zarr")


def test_no_pixel_is_read_before_it_is_asked_for(
    slide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a pixel was read")

    with monkeypatch.context() as patch:
        patch.setattr(zarr.Array, "__getitem__", refuse)
        part = open_level(slide)[:, :20, :20]

    assert part.shape == (3, 20, 20)
    assert part.values.any()
