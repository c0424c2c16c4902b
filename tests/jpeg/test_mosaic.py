"""Tiles side by side have the pixels that a reader of the slide puts together."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError, JpegError
from numcodecs_neural.jpeg import Colour, Component, Process
from numcodecs_neural.jpeg.mosaic import Mosaic, plain_frame
from numcodecs_neural.jpeg.reading import read_jpeg
from tests.jpeg.streams import PROGRESSIVE, SAMPLINGS, encoded, libjpeg, photo, saved


def tiles_of(pixels: NDArray[np.uint8], height: int, width: int) -> list[list[NDArray[np.uint8]]]:
    """Cut pixels into tiles, row by row."""
    return [
        [pixels[y : y + height, x : x + width] for x in range(0, pixels.shape[1], width)]
        for y in range(0, pixels.shape[0], height)
    ]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("size", [(48, 40), (37, 21), (3, 5)], ids=str)
def test_each_tile_has_the_pixels_that_libjpeg_gives_it(
    size: tuple[int, int], sampling: str
) -> None:
    height, width = size
    tiles = tiles_of(photo(2 * height, 3 * width), height, width)
    streams = [[encoded(tile, 75, subsampling=sampling) for tile in row] for row in tiles]

    mosaic = Mosaic.from_tiles(streams)

    assert mosaic.grid == (2, 3)
    assert mosaic.shape == (2 * height, 3 * width)
    expected = np.vstack([np.hstack([libjpeg(stream) for stream in row]) for row in streams])
    np.testing.assert_array_equal(mosaic.pixels(), expected)


def test_grey_tiles_have_one_channel() -> None:
    stream = saved(photo()[..., 1])

    mosaic = Mosaic.from_tiles([[stream]])

    assert mosaic.colour is Colour.GREY
    np.testing.assert_array_equal(mosaic.pixels()[..., 0], libjpeg(stream))


def test_absent_tiles_have_the_fill_samples() -> None:
    stream = saved(photo(32, 24), quality=90)

    mosaic = Mosaic.from_tiles([[None, stream], [None, None]], fill=(240, 241, 242))

    pixels = mosaic.pixels()
    np.testing.assert_array_equal(pixels[:32, 24:], libjpeg(stream))
    assert (pixels[:, :24] == (240, 241, 242)).all()
    assert (pixels[32:] == (240, 241, 242)).all()
    assert not any(blocks[:, : blocks.shape[1] // 2].any() for blocks in mosaic.coefficients)


def test_absent_tiles_are_white_where_no_fill_is_given() -> None:
    mosaic = Mosaic.from_tiles([[saved(photo(16, 16)), None]])

    assert (mosaic.pixels()[:, 16:] == 255).all()


def test_the_coefficients_of_a_tile_are_those_of_its_stream() -> None:
    streams = [[saved(photo(40, 24 + n)[:, n:], quality=80) for n in range(3)]]

    mosaic = Mosaic.from_tiles(streams)

    alone = Mosaic.from_tiles([[streams[0][2]]])
    for own, expected in zip(mosaic.tile(0, 2), alone.coefficients, strict=True):
        np.testing.assert_array_equal(own, expected)


@pytest.mark.parametrize("options", PROGRESSIVE.values(), ids=str)
def test_how_a_source_codes_its_coefficients_is_forgotten(options: dict[str, Any]) -> None:
    mosaic = Mosaic.from_tiles([[saved(photo(), **options)]])

    assert mosaic.frame.process is Process.BASELINE
    assert [c.identifier for c in mosaic.frame.components] == [1, 2, 3]
    assert [c.table for c in mosaic.frame.components] == [0, 1, 2]


def test_a_mosaic_made_by_hand_forgets_it_too() -> None:
    description, coefficients = read_jpeg(saved(photo(), progressive=True))

    mosaic = Mosaic(
        frame=description.frame,
        colour=description.colour,
        steps=description.steps,
        grid=(1, 1),
        present=np.ones((1, 1), np.bool_),
        coefficients=coefficients,
        fill=(0, 0, 0),
    )

    assert mosaic.frame == plain_frame(description.frame) != description.frame


def test_a_single_component_has_sampling_factors_of_1() -> None:
    stream = bytearray(saved(photo(33, 20)[..., 0]))
    begin = stream.index(b"\xff\xc0")
    assert stream[begin + 11] == 0x11
    stream[begin + 11] = 0x22

    mosaic = Mosaic.from_tiles([[bytes(stream)]])

    assert mosaic.frame.components == (Component(1, 1, 1, 0),)
    np.testing.assert_array_equal(mosaic.pixels()[..., 0], libjpeg(bytes(stream)))


def test_the_source_may_say_the_colour_outside_its_streams() -> None:
    stream = saved(photo(), subsampling=0, quality=95)

    as_it_says = Mosaic.from_tiles([[stream]])
    as_rgb = Mosaic.from_tiles([[stream]], colour=Colour.RGB)

    assert as_it_says.colour is Colour.YCBCR
    assert as_rgb.colour is Colour.RGB
    assert (as_rgb.pixels() != as_it_says.pixels()).any()


@pytest.mark.parametrize(
    "other",
    [
        saved(photo(40, 25)),
        saved(photo(40, 24), quality=74),
        saved(photo(40, 24), subsampling=0),
        saved(photo(40, 24)[..., 0]),
    ],
    ids=["size", "steps", "sampling", "colour"],
)
def test_tiles_that_differ_in_more_than_coefficients_are_refused(other: bytes) -> None:
    with pytest.raises(JpegError, match="row 0, column 1 has another"):
        Mosaic.from_tiles([[saved(photo(40, 24), quality=75), other]])


@pytest.mark.parametrize("streams", [[], [[]], [[None, None]], [[b"", b""], [b""]]], ids=str)
def test_rows_that_are_no_grid_and_grids_without_a_tile_are_refused(
    streams: list[list[bytes | None]],
) -> None:
    with pytest.raises(ConfigError, match="a mosaic has rows of"):
        Mosaic.from_tiles(streams)


def test_damaged_tiles_are_refused() -> None:
    with pytest.raises(JpegError, match="ends"):
        Mosaic.from_tiles([[saved(photo())[:-100]]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": Colour.GREY}, "3 components is grey"),
        ({"steps": ((1,) * 64,)}, "3 tables of 64 steps"),
        ({"steps": ((0,) * 64,) * 3}, "each 1 to 65535"),
        ({"fill": (1, 2)}, "expected 3 of 8 bits"),
        ({"offset": (0, 189)}, r"offset of \(0, 189\)"),
        ({"grid": (1, 2)}, r"expected bool of shape \(1, 2\)"),
        ({"coefficients": ()}, r"coefficients of a mosaic are \[\]"),
    ],
    ids=["colour", "tables", "steps", "fill", "offset", "grid", "coefficients"],
)
def test_what_does_not_belong_together_is_refused(change: dict[str, Any], message: str) -> None:
    mosaic = Mosaic.from_tiles([[saved(photo(147, 189))]])

    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(mosaic, **change)
