"""Regions beside slices of numpy, of images of all kinds."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural.slide import OmeZarrSlide, SlideError
from numcodecs_neural.slide.pyramid import Pyramid
from tests.annotations import Image, Rng
from tests.slide.conftest import OWN_CODEC, SIZES, WriteSlide

EACH_EXAMPLE_READS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def expected(level: Image, x: int, y: int, width: int, height: int) -> Image:
    """Return a region of a level (3, y, x) as RGBA, by plain slicing of a padded image."""
    opaque = np.full((*level.shape[1:], 4), 255, np.uint8)
    opaque[..., :3] = np.moveaxis(level, 0, -1)
    margin = 700
    padded = np.pad(opaque, ((margin, margin), (margin, margin), (0, 0)))
    found: Image = padded[y + margin : y + margin + height, x + margin : x + margin + width]
    return found


@pytest.fixture
def slide(store: Path) -> OmeZarrSlide:
    return OmeZarrSlide(store)


@given(
    level=st.integers(0, 1),
    place=st.tuples(st.integers(-330, 330), st.integers(-280, 280)),
    size=st.tuples(st.integers(1, 330), st.integers(1, 280)),
)
@EACH_EXAMPLE_READS
def test_random_regions_are_slices(
    level: int,
    place: tuple[int, int],
    size: tuple[int, int],
    levels: list[Image],
    slide: OmeZarrSlide,
) -> None:
    x, y = (at * 2**level for at in place)

    region = np.asarray(slide.read_region((x, y), level, size))

    np.testing.assert_array_equal(region, expected(levels[level], *place, *size))


@given(level=st.integers(0, 3), place=st.integers(-1000, 1000))
def test_a_place_is_the_nearest_pixel(level: int, place: int) -> None:
    pyramid = Pyramid(SIZES)
    exact = place / pyramid.downsamples[level]

    found = pyramid.start(level, place)

    if place < 0:
        assert exact <= found < exact + 1
    else:
        assert abs(found - exact) <= 0.5


def test_all_eight_threads_read_the_same(levels: list[Image], write_slide: WriteSlide) -> None:
    slide = OmeZarrSlide(write_slide(levels[1:2], **OWN_CODEC))
    places = [(x, y) for x in range(0, 90, 30) for y in range(0, 90, 30)]

    with ThreadPoolExecutor(8) as pool:
        regions = list(pool.map(lambda place: slide.read_region(place, 0, (64, 64)), places * 4))

    for (x, y), region in zip(places * 4, regions, strict=True):
        np.testing.assert_array_equal(np.asarray(region), expected(levels[1], x, y, 64, 64))


def test_what_is_not_stored_has_the_fill_value_and_is_opaque(write_slide: WriteSlide) -> None:
    pixels = np.full((3, 128, 128), 231, np.uint8)
    pixels[:, 100:] = 0
    slide = OmeZarrSlide(write_slide([pixels], fill_value=231))

    region = np.asarray(slide.read_region((10, 10), 0, (200, 50)))

    assert (region[:, :118] == (231, 231, 231, 255)).all()
    assert not region[:, 118:].any()


def test_a_damaged_chunk_is_an_error(levels: list[Image], write_slide: WriteSlide) -> None:
    path = write_slide(levels[1:2], **OWN_CODEC)
    (path / "0" / "c" / "0" / "1" / "1").write_bytes(b"damaged")

    with (
        OmeZarrSlide(path) as slide,
        pytest.raises(SlideError, match="the chunk at row 64, column 64 of level 0"),
    ):
        slide.read_region((0, 0), 0, (256, 256))


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    ("axes", "shape", "chunks"),
    [
        ("cyx", (3, 90, 70), (3, 32, 32)),
        ("cyx", (3, 90, 70), (2, 32, 32)),
        ("cyx", (3, 90, 70), (1, 90, 70)),
        ("tczyx", (2, 3, 4, 90, 70), (1, 3, 2, 32, 32)),
        ("czyx", (3, 4, 90, 70), (1, 1, 64, 64)),
    ],
    ids=str,
)
def test_colours_are_read_from_any_layout(
    axes: str,
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    zarr_format: int,
    rng: Rng,
    write_slide: WriteSlide,
) -> None:
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    path = write_slide([pixels], axes, chunks=chunks, zarr_format=zarr_format)
    frame = {"t": 1, "z": 3}
    asked: dict[str, Any] = {axis: at for axis, at in frame.items() if axis in axes}
    inside = tuple(frame.get(axis, slice(None)) for axis in axes)

    with OmeZarrSlide(path, **asked) as slide:
        region = np.asarray(slide.read_region((0, 0), 0, (70, 90)))

    np.testing.assert_array_equal(region[..., :3], np.moveaxis(pixels[inside], 0, -1))


def test_a_level_of_fewer_planes_shows_the_one_at_the_same_place(
    rng: Rng, write_slide: WriteSlide
) -> None:
    shapes = (3, 6, 40, 60), (3, 3, 20, 30), (3, 1, 10, 15)
    levels = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]
    path = write_slide(levels, "czyx", chunks=(3, 2, 16, 16))

    with OmeZarrSlide(path, z=3) as slide:
        found = [
            np.asarray(slide.read_region((0, 0), level, slide.level_dimensions[level]))[..., :3]
            for level in range(slide.level_count)
        ]

    assert len(found) == 3
    for level, region, z in zip(levels, found, (3, 1, 0), strict=True):
        np.testing.assert_array_equal(region, np.moveaxis(level[:, z], 0, -1))


def test_a_plane_that_is_not_there_is_refused(rng: Rng, write_slide: WriteSlide) -> None:
    path = write_slide([rng.integers(0, 256, (4, 20, 20), dtype=np.uint8)], "zyx")

    with pytest.raises(SlideError, match="z=4 was asked for; the image has z 0 to 3"):
        OmeZarrSlide(path, z=4)


def shown(pixels: NDArray[Any], axes: str, path: Path) -> Image:
    with OmeZarrSlide(path) as slide:
        region = np.asarray(slide.read_region((0, 0), 0, pixels.shape[:-3:-1]))
    rgb: Image = region[..., :3]
    return rgb


def test_one_channel_of_eight_bits_is_grey(rng: Rng, write_slide: WriteSlide) -> None:
    pixels = rng.integers(0, 256, (50, 40), dtype=np.uint8)

    found = shown(pixels, "yx", write_slide([pixels], "yx", fill_value=0))

    np.testing.assert_array_equal(found, np.repeat(pixels[..., np.newaxis], 3, axis=-1))


def test_channels_are_added_in_their_colours_within_their_windows(
    write_slide: WriteSlide,
) -> None:
    pixels = np.zeros((3, 40, 40), np.uint16)
    pixels[0], pixels[1, :20], pixels[2] = 600, 4000, 60_000
    channels = [
        {"color": "0000FF", "window": {"start": 100, "end": 1100}, "active": True},
        {"color": "#ff8000", "window": {"start": 0, "end": 1000}, "active": True},
        {"color": "00FF00", "window": {"start": 0, "end": 1}, "active": False},
    ]
    path = write_slide([pixels], omero={"channels": channels}, fill_value=0)

    found = shown(pixels, "cyx", path)

    assert found[0, 0].tolist() == [255, 128, 128]
    assert found[30, 0].tolist() == [0, 0, 128]


def test_channels_of_which_nothing_is_said_have_colours(write_slide: WriteSlide) -> None:
    pixels = np.zeros((2, 40, 40), np.uint8)
    pixels[0, :20], pixels[1, 20:] = 255, 255

    found = shown(pixels, "cyx", write_slide([pixels], fill_value=0))

    assert (found[0, 0].tolist(), found[30, 0].tolist()) == ([0, 255, 0], [255, 0, 255])


def test_floats_are_shown_from_nought_to_one(write_slide: WriteSlide) -> None:
    pixels = np.array([[0.0, 0.5, 1.0, 9.0, np.nan]], np.float32)

    found = shown(pixels, "yx", write_slide([pixels], "yx", fill_value=0))

    assert found[0, :, 0].tolist() == [0, 128, 255, 255, 0]
