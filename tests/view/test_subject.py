"""Tiles are the slide's own pixels, or its channels in colour."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.errors import SourceError
from numcodecs_neural.omezarr.shown_channels import ShownChannel
from numcodecs_neural.view import levels
from numcodecs_neural.view.levels import ShownLevels
from numcodecs_neural.view.looks import Look
from numcodecs_neural.view.subject import Subject
from tests.annotations import Image
from tests.converters.conftest import ArraySource
from tests.converters.sources.omezarr_writer import write_image

PLAIN = Look({}, ())


def test_tiles_of_a_slide_are_its_pixels(tiff: Path, pixels: Image) -> None:
    subject = Subject(tiff)

    tile = subject.tile(0, 1, 3, PLAIN)

    np.testing.assert_array_equal(tile, pixels[512:1024, 1536:1800])
    subject.close()


def test_tiles_of_a_store_are_what_zarr_reads(store: Path) -> None:
    subject = Subject(store)

    tile = subject.tile(1, 0, 1, PLAIN)

    level: Any = zarr.open_group(str(store), mode="r")["1"]
    np.testing.assert_array_equal(tile, np.moveaxis(level[:, :512, 512:900], 0, -1))
    subject.close()


@pytest.mark.parametrize("place", [(0, 3, 0), (0, 0, 4), (2, 0, 0), (-1, 0, 0)], ids=str)
def test_there_are_no_tiles_outside(store: Path, place: tuple[int, int, int]) -> None:
    subject = Subject(store)

    assert subject.tile(*place, PLAIN) is None
    subject.close()


def test_channels_are_added_in_their_colours(stack: Path) -> None:
    subject = Subject(stack)
    planes = tifffile.imread(stack)
    red, green = ShownChannel(0, 0, 1000, (255, 0, 0)), ShownChannel(1, 100, 600, (0, 255, 0))

    tile = subject.tile(0, 0, 0, Look({"z": 2}, (red, green)))

    assert tile is not None
    light = np.clip((planes[2].astype(float) - [[[0]], [[100]]]) / [[[1000]], [[500]]], 0, 1)
    np.testing.assert_allclose(tile[..., 0], 255 * light[0], atol=0.51)
    np.testing.assert_allclose(tile[..., 1], 255 * light[1], atol=0.51)
    assert not tile[..., 2].any()
    subject.close()


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(PLAIN, id="no channel"),
        pytest.param(Look({}, (ShownChannel(2, 0, 1, (1, 1, 1)),)), id="a channel too many"),
        pytest.param(Look({"z": 3}, (ShownChannel(0, 0, 1, (1, 1, 1)),)), id="a plane too many"),
    ],
)
def test_of_channels_that_are_not_there_there_are_no_tiles(stack: Path, look: Look) -> None:
    subject = Subject(stack)

    assert subject.tile(0, 0, 0, look) is None
    subject.close()


def test_a_description_has_what_the_controls_need(stack: Path, store: Path) -> None:
    of_stack, of_store = Subject(stack), Subject(store)

    described, plain = of_stack.describe(), of_store.describe()

    assert described["axes"] == {"z": 3}
    assert [channel["label"] for channel in described["channels"]] == ["channel 0", "channel 1"]
    assert all(100 <= one["low"] < one["high"] < 900 for one in described["channels"])
    # Sliders reach as far as samples are, and not over all of 16 bits.
    assert all(one["min"] == 0 and 900 < one["max"] < 4000 for one in described["channels"])
    assert plain["channels"] == []
    assert plain["mpp"] == [0.5, 0.5]
    assert plain["levels"] == [
        {"height": 1300, "width": 1800, "tile": 512},
        {"height": 650, "width": 900, "tile": 512},
    ]
    of_stack.close()
    of_store.close()


def test_a_store_tells_from_what_to_what_a_channel_is_shown(tmp_path: Path) -> None:
    channels = [{"label": "DAPI", "window": {"start": 100, "end": 300}}, {"label": "Cy3"}]
    samples = np.linspace(500, 700, 2 * 64 * 64).astype(np.uint16).reshape(2, 64, 64)
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w")
    write_image(group, [samples], "cyx", omero={"channels": channels})
    subject = Subject(tmp_path / "a.ome.zarr")

    told, untold = subject.describe()["channels"]

    assert (told["low"], told["high"]) == (100, 300)
    assert 600 <= untold["low"] < untold["high"] <= 700
    subject.close()


def test_a_slide_without_small_levels_gets_one_by_area_average(
    pixels: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "_SMALL_PX", 512)
    source = ArraySource(pixels)
    source.info = replace(source.info, level_shapes=(pixels.shape[:2],))

    shown = ShownLevels(source, [512])
    small = shown.read(1, Region(0, 0, 325, 450), ())

    assert shown.sizes[1] == levels.ShownLevel(325, 450)
    expected = pixels.reshape(325, 4, 450, 4, 3).mean((1, 3))
    np.testing.assert_allclose(small, expected, atol=0.51)


def test_a_slide_too_large_for_that_is_refused(
    pixels: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "_SMALL_PX", 512)
    monkeypatch.setattr(levels, "_READABLE_PIXELS", 10_000)
    source = ArraySource(pixels)
    source.info = replace(source.info, level_shapes=(pixels.shape[:2],))

    with pytest.raises(SourceError, match="convert it first"):
        ShownLevels(source, [512])
