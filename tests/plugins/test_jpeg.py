"""JPEG tiles in arrays of both formats of Zarr: exact where they are offered, else as always."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural.codec import mosaic_of
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.offers import offered
from tests.annotations import Image, Psnr
from tests.jpeg.streams import encoded

Layout = dict[str, Any]
Create = Callable[..., Any]
Offer = tuple[Image, int, Mosaic]

CHUNK, TILE = 128, 64
SHAPE = 301, 203


@pytest.fixture(scope="module")
def streams(tissue: Image) -> list[list[bytes]]:
    """Return the tiles of a slide of 301 x 203 pixels."""
    pixels = tissue.transpose(1, 2, 0)
    corners = [range(0, length, TILE) for length in SHAPE]
    return [
        [
            encoded(np.ascontiguousarray(pixels[y : y + TILE, x : x + TILE]), 80, subsampling="420")
            for x in corners[1]
        ]
        for y in corners[0]
    ]


@pytest.fixture(scope="module")
def slide(streams: list[list[bytes]]) -> Image:
    """Return the pixels of the slide as a reader has them, (c, y, x)."""
    pixels = Mosaic.from_tiles(streams).pixels()[: SHAPE[0], : SHAPE[1]]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


@pytest.fixture(scope="module")
def offers(streams: list[list[bytes]], slide: Image) -> list[Offer]:
    """Return an offer for each chunk, row by row."""
    per_chunk = CHUNK // TILE
    found = []
    for y, x in product(*(range(0, length, CHUNK) for length in SHAPE)):
        chunk = np.full((3, CHUNK, CHUNK), 255, np.uint8)
        inside = slide[:, y : y + CHUNK, x : x + CHUNK]
        chunk[:, : inside.shape[1], : inside.shape[2]] = inside
        rows = streams[y // TILE :][:per_chunk]
        mosaic = Mosaic.from_tiles([row[x // TILE :][:per_chunk] for row in rows])
        found.append((chunk, -3, mosaic))
    return found


def chunk_files(array: Any) -> list[bytes]:
    """Return the chunks of an array without shards."""
    root = Path(str(array.store_path).removeprefix("file://"))
    files = [path for path in root.rglob("*") if path.is_file()]
    return [path.read_bytes() for path in files if path.read_bytes()[:4] == b"NNIC"]


def test_offered_chunks_come_back_exactly(
    layout: Layout, create: Create, slide: Image, offers: list[Offer]
) -> None:
    array = create(slide.shape, layout)

    with offered(offers):
        array[:] = slide

    read: Any = zarr.open_array(array.store_path, mode="r")[:]
    np.testing.assert_array_equal(read, slide, strict=True)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_the_coefficients_of_all_tiles_can_be_read_from_the_chunks(
    zarr_format: int, create: Create, slide: Image, offers: list[Offer]
) -> None:
    array = create(slide.shape, {"zarr_format": zarr_format})

    with offered(offers):
        array[:] = slide

    mosaics = [mosaic_of(chunk) for chunk in chunk_files(array)]
    found = {bytes(m.coefficients[0]) for m in mosaics if m is not None}
    assert found == {bytes(mosaic.coefficients[0]) for _, _, mosaic in offers}


def test_a_chunk_with_a_changed_pixel_is_lossy_and_the_others_are_exact(
    layout: Layout, create: Create, slide: Image, offers: list[Offer], psnr: Psnr
) -> None:
    array = create(slide.shape, layout)
    changed = slide.copy()
    changed[1, 5, 7] ^= 1

    with offered(offers):
        array[:] = changed

    first, read = np.s_[:, :CHUNK, :CHUNK], array[:]
    assert (read[first] != changed[first]).any()
    assert psnr(read[first], changed[first]) > 24
    read[first] = changed[first]
    np.testing.assert_array_equal(read, changed)


def test_plain_pixels_are_coded_as_always(
    layout: Layout, create: Create, slide: Image, offers: list[Offer]
) -> None:
    array, other = create(slide.shape, layout), create(slide.shape, layout)
    with offered(offers):
        array[:] = slide

    array[:] = slide
    other[:] = slide

    np.testing.assert_array_equal(array[:], other[:])
    assert (array[:] != slide).any()


def test_threads_offer_and_write_their_chunks_at_once(
    create: Create, slide: Image, offers: list[Offer]
) -> None:
    array = create(slide.shape, {"zarr_format": 3})
    corners = list(product(*(range(0, length, CHUNK) for length in SHAPE)))

    def write(n: int) -> None:
        y, x = corners[n]
        with offered([offers[n]]):
            array[:, y : y + CHUNK, x : x + CHUNK] = slide[:, y : y + CHUNK, x : x + CHUNK]

    with ThreadPoolExecutor(len(corners)) as threads:
        list(threads.map(write, range(len(corners))))

    np.testing.assert_array_equal(array[:], slide)
