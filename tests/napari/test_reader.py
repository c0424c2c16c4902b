"""The reader of the napari plugin, without napari: which layers it makes of which store."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.errors import SourceError
from numcodecs_neural.napari import sample
from numcodecs_neural.napari.layers import LayerData
from numcodecs_neural.napari.reader import get_reader
from numcodecs_neural.reading.chunks import LevelChunks
from tests.annotations import Image
from tests.converters.sources.omezarr_writer import RGB, write_image


def layers_of(path: Path) -> list[LayerData]:
    reader = get_reader(str(path))
    assert reader is not None
    return reader(str(path))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Return two channels of fluorescence, with two times and three planes."""
    path = tmp_path / "cells.ome.zarr"
    pixels = np.arange(2 * 2 * 3 * 8 * 9, dtype="u2").reshape(2, 2, 3, 8, 9)
    channels = [
        {"label": "DAPI", "color": "0000FF", "window": {"start": 100, "end": 900}},
        {"label": "", "color": "FF8000"},
    ]
    write_image(zarr.open_group(path, mode="w"), [pixels], "tczyx", omero={"channels": channels})
    return path


def test_a_slide_is_one_layer_in_colour_with_all_levels(tmp_path: Path, tissue: Image) -> None:
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w")
    levels = [tissue, tissue[:, ::2, ::2]]
    write_image(group, levels, "cyx", omero={"channels": RGB})

    ((data, arguments, kind),) = layers_of(tmp_path / "a.ome.zarr")

    assert kind == "image"
    assert [level.shape for level in data] == [(512, 512, 3), (256, 256, 3)]
    assert np.array_equal(data[1].compute(), np.moveaxis(levels[1], 0, -1))
    assert arguments == {
        "name": "a",
        "rgb": True,
        "multiscale": True,
        "scale": (0.26, 0.25),
        "translate": (0, 0),
        "units": ("micrometer", "micrometer"),
        "axis_labels": ("y", "x"),
        "cache": False,
    }


def test_channels_are_layers_with_name_colour_and_contrast(film: Path) -> None:
    first, second = layers_of(film)

    assert first[0].shape == second[0].shape == (2, 3, 8, 9)
    assert second[0].compute()[1, 2, 0, 0] == (((1 * 2 + 1) * 3 + 2) * 8) * 9
    assert first[1]["name"] == "DAPI"
    assert first[1]["colormap"] == "blue"
    assert first[1]["contrast_limits"] == (100, 900)
    assert second[1]["name"] == "cells channel 1"
    assert second[1]["colormap"] == "#FF8000"
    assert "contrast_limits" not in second[1]
    assert first[1]["blending"] == "additive"


@pytest.mark.parametrize(
    ("channels", "colours", "visible"),
    [
        pytest.param([], ["green", "magenta"], [True, True], id="not told"),
        pytest.param(
            [{"color": "FF0000"}, {"active": False}], ["red", "magenta"], [True, False], id="told"
        ),
        pytest.param([{"active": False}] * 2, ["green", "magenta"], [True, True], id="none active"),
    ],
)
def test_channels_have_colours_and_are_seen_as_the_store_tells(
    tmp_path: Path, channels: list[dict[str, Any]], colours: list[str], visible: list[bool]
) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    write_image(group, [np.ones((2, 8, 9), "u2")], "cyx", omero={"channels": channels})

    layers = layers_of(tmp_path / "a.zarr")

    assert [arguments["colormap"] for _, arguments, _ in layers] == colours
    assert [arguments.get("visible", True) for _, arguments, _ in layers] == visible


def test_a_chunk_decodes_once_for_all_its_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    write_image(group, [np.ones((2, 64, 128), "u2")], "cyx", chunks=(2, 64, 64))
    decoded = []
    decode = LevelChunks.decode

    def note(chunks: LevelChunks, index: tuple[int, ...]) -> Any:
        decoded.append(index)
        return decode(chunks, index)

    monkeypatch.setattr(LevelChunks, "decode", note)

    for data, _, _ in layers_of(tmp_path / "a.zarr") * 2:
        data.compute()

    assert sorted(decoded) == [(0, 0, 0), (0, 0, 1)]


def test_films_and_stacks_have_seconds_and_micrometres(film: Path) -> None:
    arguments = layers_of(film)[0][1]

    assert arguments["axis_labels"] == ("t", "z", "y", "x")
    assert arguments["scale"] == (0.5, 0.3, 0.26, 0.25)
    assert arguments["units"] == ("second", "micrometer", "micrometer", "micrometer")


def test_a_grey_picture_is_grey(tmp_path: Path) -> None:
    write_image(zarr.open_group(tmp_path / "a.zarr", mode="w"), [np.ones((9, 9), "u1")], "yx")

    ((data, arguments, _),) = layers_of(tmp_path / "a.zarr")

    assert data.shape == (9, 9)
    assert arguments["colormap"] == "gray"
    assert arguments["contrast_limits"] == (0, 255)
    assert not arguments["multiscale"]


@pytest.mark.parametrize("name", ["slide.ome.zarr", "slide.ozx"])
def test_tissue_is_a_hidden_layer_of_labels(
    source_of: Any, slide: Image, tmp_path: Path, name: str
) -> None:
    source = source_of(slide, (0.5, 0.5))
    convert(source, tmp_path / name, ConvertOptions(codec="zstd", chunk_px=128, workers=1))

    image, labels = layers_of(tmp_path / name)

    assert labels[2] == "labels"
    assert labels[1]["name"] == "slide tissue"
    assert not labels[1]["visible"]
    assert labels[0][0].shape == image[0][0].shape[:2]
    assert labels[1]["scale"] == image[1]["scale"] == (0.5, 0.5)
    assert 0 < labels[0][-1].compute().mean() < 1


def test_a_label_that_does_not_open_leaves_the_image(film: Path) -> None:
    group = zarr.open_group(film, mode="r+").create_group("labels")
    group.attrs["ome"] = {"version": "0.5", "labels": ["cells"]}

    assert len(layers_of(film)) == 2


def test_what_is_lost_is_black_and_a_warning_names_it(
    source_of: Any, slide: Image, tmp_path: Path
) -> None:
    store = tmp_path / "slide.ome.zarr"
    source = source_of(slide, (0.5, 0.5))
    convert(source, store, ConvertOptions(codec="zstd", chunk_px=128, workers=1, levels=2))
    for shard in (store / "1" / "c").rglob("*"):
        if shard.is_file():
            shard.unlink()
    image, _ = layers_of(store)
    level = image[0][1]

    with pytest.warns(UserWarning, match=r"slide\.ome\.zarr.*level 1.*lost") as warned:
        pixels = level.compute()

    assert pixels.shape == level.shape
    # One for all chunks that are lost.
    assert len(warned) == 1
    assert 0.1 < (pixels == 0).all(-1).mean() < 0.9
    # What was elided has its fill value.
    assert pixels.max() == 243


@pytest.mark.parametrize("name", ["a.ome.zarr", "a.ozx"])
def test_what_is_damaged_is_named_in_an_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".ozx"):
        path.write_bytes(b"PK, and the rest is missing")
    else:
        path.mkdir()
        (path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "gro')

    with pytest.raises(SourceError, match=name):
        layers_of(path)


@pytest.mark.parametrize("kind", ["group", "array", "text", "nothing"])
def test_what_is_no_ome_zarr_is_declined(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.zarr"
    if kind == "group":
        zarr.open_group(path, mode="w")
    elif kind == "array":
        zarr.create_array(path, shape=(4, 4), dtype="u1")
    elif kind == "text":
        path.write_text("neither a folder nor a zip")

    assert get_reader(str(path)) is None


def test_one_path_in_a_list_is_read_and_several_are_declined(film: Path) -> None:
    assert get_reader([str(film)]) is not None
    assert get_reader([str(film), str(film)]) is None


def test_all_images_of_a_store_are_layers(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "a.zarr", mode="w")
    root.attrs["ome"] = {"version": "0.5", "bioformats2raw.layout": 3}
    for number in range(2):
        write_image(root.create_group(str(number)), [np.ones((9, 8 + number), "u1")], "yx")

    assert [data.shape for data, _, _ in layers_of(tmp_path / "a.zarr")] == [(9, 8), (9, 9)]


def test_the_demo_slide_is_converted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source_of: Any, slide: Image
) -> None:
    made = []

    def write(store: Path) -> None:
        made.append(store)
        convert(source_of(slide), store, ConvertOptions(codec="zstd", workers=1))

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setattr(sample, "_convert", write)

    first, second = sample.demo_slide(), sample.demo_slide()

    assert len(made) == 1
    assert made[0].is_relative_to(tmp_path)
    assert [layer[1]["name"] for layer in first] == [layer[1]["name"] for layer in second]
    assert first[0][1]["rgb"]
