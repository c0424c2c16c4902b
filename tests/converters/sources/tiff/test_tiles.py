"""Tiles and strips of TIFF: decoded once, kept within bounds, and named where they are damaged."""

import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources.tiff import tiled_level as tiff_tiled
from numcodecs_neural.converters.sources.tiff.tile_grid import decode_tile
from numcodecs_neural.converters.sources.tile_cache import TileCache
from numcodecs_neural.errors import SourceError
from tests.annotations import Image, Open


def test_an_image_in_one_strip_is_decoded_once_for_all_threads(
    slide: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Open
) -> None:
    path = tmp_path / "strip.tif"
    large = np.tile(slide, (2, 2, 1))
    tifffile.imwrite(path, large, photometric="rgb", rowsperstrip=len(large), compression="zstd")
    calls: list[int] = []

    def counted(page: Any, index: int, data: bytes) -> NDArray[Any]:
        calls.append(index)
        pixels: NDArray[Any] = decode_tile(page, index, data)
        return pixels

    monkeypatch.setattr(tiff_tiled, "decode_tile", counted)
    source = opened(path)
    pieces = [Region(y, x, 500, 600) for y in range(0, 2500, 500) for x in range(0, 1900, 600)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(source.read_region, pieces))

    assert calls == [0]
    for piece, pixels in zip(pieces, found, strict=True):
        assert (pixels == large[piece.slices]).all()


def test_kept_tiles_take_no_more_than_they_may() -> None:
    cache = TileCache(1000)
    decoded: list[int] = []

    def tile(number: int) -> Image:
        decoded.append(number)
        return np.zeros((1, 20, 20, 1), np.uint8)

    for number in (0, 1, 0, 2, 0, 1):
        cache.get_or_decode((number,), functools.partial(tile, number), is_kept=True, is_big=False)

    # Two fit: 1 had to go for 2, since 0 was wanted in between.
    assert decoded == [0, 1, 2, 1]


def test_a_damaged_tile_of_a_stack_is_named_with_its_plane(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "stack.tif"
    stack = np.random.default_rng(1).integers(0, 99, (3, 64, 64), dtype=np.uint16)
    tifffile.imwrite(path, stack, tile=(32, 32), compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[2].dataoffsets[3]
    content = bytearray(path.read_bytes())
    content[start : start + 10] = bytes(10)
    path.write_bytes(content)

    with pytest.raises(SourceError, match="row 1, column 1 of level 0 of plane 2 does not decode"):
        opened(path).read_region(Region(0, 0, 64, 64), frame=(2,))


def test_a_raw_file_that_is_cut_off_names_the_rows(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "raw.tif"
    tifffile.imwrite(path, np.zeros((400, 300), np.uint16))
    path.write_bytes(path.read_bytes()[:-6000])
    source = opened(path)

    assert source.read_region(Region(0, 0, 300, 300)).shape == (300, 300, 1)
    with pytest.raises(SourceError, match=r"raw\.tif: the file is cut off: rows 350 to 399"):
        source.read_region(Region(350, 0, 50, 10))


def test_a_tile_too_large_to_decode_is_refused_when_the_file_is_opened(
    tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "strip.tif"
    tifffile.imwrite(path, np.zeros((400, 300), np.uint16), rowsperstrip=400, compression="lzw")
    monkeypatch.setattr(tiff_tiled, "MAX_TILE_NBYTES", 400 * 300)

    with pytest.raises(SourceError, match=r"strip\.tif .* must be decoded as wholes: save it in"):
        opened(path)
