"""JPEG tiles of a slide as files of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources.tiff.source import TiffSource
from numcodecs_neural.errors import SourceError
from tests.annotations import Image

SIDE = 128


@pytest.fixture
def opened() -> Iterator[Callable[..., TiffSource]]:
    """Return `TiffSource`; what it opened is closed after the test."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(closing(TiffSource(path)))


@pytest.fixture(params=["rgb", "ycbcr"])
def jpeg_tiff(request: pytest.FixtureRequest, slide: Image, tmp_path: Path) -> Path:
    """Return a file of JPEG tiles whose streams do not say what their colours are."""
    path = tmp_path / f"{request.param}.tif"
    pixels = np.ascontiguousarray(slide[300:600, 200:420])
    options: dict[str, Any] = {"photometric": request.param, "compression": "jpeg"}
    tifffile.imwrite(path, pixels, tile=(SIDE, SIDE), **options)
    return path


def test_each_tile_decodes_to_the_slide_s_pixels_by_itself(
    jpeg_tiff: Path, opened: Callable[..., TiffSource]
) -> None:
    source = opened(jpeg_tiff)

    tiles = list(source.jpeg_files())

    assert [tile[:2] for tile in tiles] == [(row, column) for row in range(3) for column in (0, 1)]
    row, column, data = tiles[0]
    region = Region(row * SIDE, column * SIDE, SIDE, SIDE)
    # No word of the page's photometric: as JPEG XL's transcoder and all viewers see it.
    assert (imagecodecs.jpeg8_decode(data) == source.read_region(region)).all()


def test_jpeg_xl_transcodes_a_tile_there_and_back(
    jpeg_tiff: Path, opened: Callable[..., TiffSource]
) -> None:
    _, _, data = next(opened(jpeg_tiff).jpeg_files())

    transcoded = imagecodecs.jpegxl_encode_jpeg(data)

    assert len(transcoded) < len(data)
    assert imagecodecs.jpegxl_decode_jpeg(transcoded, numthreads=1) == data


def test_bytes_after_the_end_of_a_tile_are_left_out(
    slide: Image, tmp_path: Path, opened: Callable[..., TiffSource]
) -> None:
    path = tmp_path / "padded.tif"
    pixels = np.ascontiguousarray(slide[300 : 300 + SIDE, 200 : 200 + SIDE])
    stream = bytes(imagecodecs.jpeg8_encode(pixels, 85))
    page: dict[str, Any] = {"tile": (SIDE, SIDE), "compression": "jpeg", "photometric": "ycbcr"}
    padded = iter([stream + b"\n padding"])
    tifffile.imwrite(path, padded, shape=pixels.shape, dtype=np.uint8, **page)

    source = opened(path)
    ((_, _, data),) = source.jpeg_files()

    assert data == stream
    found = source.read_region(Region(0, 0, SIDE, SIDE))
    assert (found == imagecodecs.jpeg8_decode(stream)).all()


def test_rgb_as_aperio_stores_it_is_told_by_a_marker(
    slide: Image, tmp_path: Path, opened: Callable[..., TiffSource]
) -> None:
    path = tmp_path / "shared.svs"
    pixels = np.ascontiguousarray(slide[300 : 300 + SIDE, 200 : 200 + SIDE])
    # Red, green and blue coded as they are, under the names of Y, Cb and Cr.
    colors: dict[str, Any] = {"colorspace": "ycbcr", "outcolorspace": "ycbcr"}
    stream = bytes(imagecodecs.jpeg8_encode(pixels, 85, **colors))
    tables, scan = split_tables(stream)
    page: dict[str, Any] = {"tile": (SIDE, SIDE), "compression": "jpeg", "photometric": "rgb"}
    tifffile.imwrite(
        path, iter([scan]), shape=pixels.shape, dtype=np.uint8, jpegtables=tables, **page
    )
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["PhotometricInterpretation"].overwrite(2)

    source = opened(path)
    ((_, _, data),) = source.jpeg_files()

    assert b"\xff\xdb" not in scan
    found = source.read_region(Region(0, 0, SIDE, SIDE))
    assert (imagecodecs.jpeg8_decode(data) == found).all()
    assert np.abs(found.astype(int) - pixels).mean() < 8


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"compression": "deflate", "tile": (64, 64)}, id="not JPEG"),
        pytest.param({"compression": "jpeg", "rowsperstrip": 64}, id="strips"),
        pytest.param({}, id="raw"),
    ],
)
def test_other_files_have_no_jpeg_tiles(
    slide: Image, tmp_path: Path, options: dict[str, Any], opened: Callable[..., TiffSource]
) -> None:
    path = tmp_path / "other.tif"
    tifffile.imwrite(path, slide[:200, :200], photometric="rgb", **options)

    assert list(opened(path).jpeg_files()) == []


def test_a_tile_that_is_cut_off_is_named(
    jpeg_tiff: Path, opened: Callable[..., TiffSource]
) -> None:
    jpeg_tiff.write_bytes(jpeg_tiff.read_bytes()[:-20])

    with pytest.raises(SourceError, match=r"row 2, column 1 of level 0 has \d+ of \d+ bytes"):
        list(opened(jpeg_tiff).jpeg_files())


def split_tables(stream: bytes) -> tuple[bytes, bytes]:
    """Return the tables of a JPEG as a stream of their own, and the rest without them."""
    tables, rest, place = b"", b"", 2
    while stream[place + 1] != 0xDA:
        size = 2 + int.from_bytes(stream[place + 2 : place + 4], "big")
        segment = stream[place : place + size]
        # Without Adobe's marker either: Aperio writes none.
        if segment[1] in (0xDB, 0xC4):
            tables += segment
        elif segment[1] not in (0xE0, 0xEE):
            rest += segment
        place += size
    return b"\xff\xd8" + tables + b"\xff\xd9", b"\xff\xd8" + rest + stream[place:]


def test_old_style_jpeg_is_named_with_what_reads_it(tissue: Image, tmp_path: Path) -> None:
    path = tmp_path / "old.tif"
    pixels = np.ascontiguousarray(np.moveaxis(tissue[:, :SIDE, :SIDE], 0, -1))
    data = imagecodecs.jpeg8_encode(pixels)
    scan = bytes(data[data.index(b"\xff\xda") :])
    page: dict[str, Any] = {"shape": pixels.shape, "dtype": "uint8", "photometric": "ycbcr"}
    tifffile.imwrite(path, iter([scan]), compression="jpeg", rowsperstrip=SIDE, **page)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["Compression"].overwrite(6)

    with pytest.raises(SourceError, match=r"old\.tif holds old-style JPEG .* libtiff reads it"):
        TiffSource(path)
