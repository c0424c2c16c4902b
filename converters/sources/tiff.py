"""TiffSource: slides in TIFF (SVS, OME-TIFF, generic pyramids), read tile by tile with tifffile."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

from ..geometry import Region, ceil_div
from ..options import slide_stem
from .base import Associated, Frame, SlideInfo
from .tiff_metadata import compression_history, microns_per_pixel

__all__ = ["TiffSource", "open_source"]

# Tiles that a region's border cuts are wanted again by its neighbours.
CACHE_NBYTES = 64 << 20
# What scanners leave out is glass.
MISSING = 255
_JPEG = frozenset({6, 7})
# Damaged files run into all of these; imagecodecs roots its errors in RuntimeError, and in
# ImportError where a codec was left out of its build.
_DECODE_ERRORS = (
    ImportError,
    IndexError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
    tifffile.TiffFileError,
)


def open_source(path: Path, *, series: int = 0) -> "TiffSource":
    """Open one image of a TIFF file."""
    return TiffSource(path)


class TiffSource:
    """A slide in the first image of a TIFF file.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    SourceError
        If it is no TIFF, or its pixels are not 8-bit RGB.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._cache = _TileCache(CACHE_NBYTES)
        self._tiff = _open(path)
        try:
            self._pages = _rgb_levels(self._tiff, path)
            self._info = _describe(self._tiff, self._pages, path)
        except BaseException:
            self._tiff.close()
            raise

    def __reduce__(self) -> tuple[type["TiffSource"], tuple[Path]]:
        return type(self), (self._path,)

    @property
    def info(self) -> SlideInfo:
        """What the file says about itself."""
        return self._info

    def read_region(self, region: Region, level: int = 0, frame: Frame = ()) -> NDArray[np.uint8]:
        """Return the pixels of `region`, shape (height, width, 3), decoding only its tiles."""
        page = self._pages[level]
        out = np.empty((region.height, region.width, 3), np.uint8)
        rows, columns = _tiles_of(region, _tile_shape(page))
        for row in rows:
            for column in columns:
                self._copy_tile(out, region, level, (row, column))
        return out

    def read_associated(self, name: Associated) -> NDArray[np.uint8] | None:
        """Return None."""
        return None

    def close(self) -> None:
        """Close the file."""
        self._tiff.close()

    def _copy_tile(
        self, out: NDArray[np.uint8], region: Region, level: int, tile: tuple[int, int]
    ) -> None:
        page = self._pages[level]
        height, width = _tile_shape(page)
        top, left = tile[0] * height, tile[1] * width
        y0, y1 = max(top, region.y), min(top + height, region.y + region.height)
        x0, x1 = max(left, region.x), min(left + width, region.x + region.width)
        is_cut = y1 - y0 < height or x1 - x0 < width
        pixels = self._tile(level, tile, is_wanted_again=is_cut)
        target = out[y0 - region.y : y1 - region.y, x0 - region.x : x1 - region.x]
        if pixels is None:
            target[:] = MISSING
            return
        part = pixels[y0 - top : y1 - top, x0 - left : x1 - left]
        if part.shape != target.shape:
            raise self._error(level, tile, f"has {pixels.shape[1]} x {pixels.shape[0]} pixels")
        target[:] = part

    def _tile(
        self, level: int, tile: tuple[int, int], *, is_wanted_again: bool
    ) -> NDArray[np.uint8] | None:
        key = (level, *tile)
        found = self._cache.get(key)
        if found is not None:
            return found
        page = self._pages[level]
        index = tile[0] * _tile_columns(page) + tile[1]
        data = self._tile_bytes(page, index, level, tile)
        if data is None:
            return None
        pixels = self._decode(page, index, data, level, tile)
        if is_wanted_again:
            self._cache.put(key, pixels)
        return pixels

    def _tile_bytes(self, page: Any, index: int, level: int, tile: tuple[int, int]) -> bytes | None:
        if index >= len(page.dataoffsets):
            raise self._error(level, tile, "is missing from the file's index")
        offset, size = page.dataoffsets[index], page.databytecounts[index]
        if size == 0:
            return None
        with self._lock:
            handle = self._tiff.filehandle
            handle.seek(offset)
            data: bytes = handle.read(size)
        if len(data) < size:
            raise self._error(level, tile, f"has {len(data)} of {size} bytes: the file is cut off")
        return data

    def _decode(
        self, page: Any, index: int, data: bytes, level: int, tile: tuple[int, int]
    ) -> NDArray[np.uint8]:
        keyframe = page.keyframe
        tables: dict[str, bytes] = {}
        if keyframe.compression in _JPEG:
            tables = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
            # libjpeg turns a scan that ends early into grey, and says so on nobody's screen.
            if page.jpegheader is None and not data.rstrip(b"\0\xff").endswith(b"\xff\xd9"):
                raise self._error(level, tile, "does not decode: its JPEG data are cut off")
        try:
            segment, _, _ = keyframe.decode(data, index, **tables)
        except _DECODE_ERRORS as exc:
            raise self._error(level, tile, f"does not decode: {exc}") from exc
        pixels: NDArray[np.uint8] = segment[0]
        return pixels

    def _error(self, level: int, tile: tuple[int, int], what: str) -> SourceError:
        row, column = tile
        return SourceError(
            f"{self._path}: the tile at row {row}, column {column} of level {level} {what}"
        )


class _TileCache:
    """The latest decoded tiles, up to a number of bytes; safe between threads."""

    def __init__(self, nbytes: int) -> None:
        self._free = nbytes
        self._tiles: OrderedDict[tuple[int, ...], NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[int, ...]) -> NDArray[np.uint8] | None:
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
            return self._tiles.get(key)

    def put(self, key: tuple[int, ...], tile: NDArray[np.uint8]) -> None:
        with self._lock:
            if key in self._tiles:
                return
            self._tiles[key] = tile
            self._free -= tile.nbytes
            while self._free < 0:
                self._free += self._tiles.popitem(last=False)[1].nbytes


def _open(path: Path) -> tifffile.TiffFile:
    try:
        return tifffile.TiffFile(path)
    except (OSError, *_DECODE_ERRORS) as exc:
        raise SourceError(f"{path} cannot be read as a TIFF file: {exc}") from exc


def _rgb_levels(tiff: tifffile.TiffFile, path: Path) -> list[Any]:
    """Return one page a level, or refuse what is not interleaved 8-bit RGB."""
    try:
        series = tiff.series[0]
        levels = list(series.levels)
    except _DECODE_ERRORS as exc:
        raise SourceError(f"{path} has no image that can be read: {exc}") from exc
    first = levels[0]
    if first.axes != "YXS" or first.shape[2] != 3 or first.dtype != np.uint8:
        raise SourceError(
            f"{path} holds an image of axes {first.axes}, shape {first.shape} and type "
            f"{first.dtype}; this release converts 8-bit RGB slides (axes YXS, three samples)"
        )
    return [level.pages[0] for level in levels if level.shape[2:] == (3,)]


def _describe(tiff: tifffile.TiffFile, pages: list[Any], path: Path) -> SlideInfo:
    return SlideInfo(
        name=slide_stem(path),
        level_shapes=tuple((p.keyframe.imagelength, p.keyframe.imagewidth) for p in pages),
        mpp=microns_per_pixel(tiff),
        history=compression_history(tiff, pages[0]),
        size_bytes=path.stat().st_size,
    )


def _tile_shape(page: Any) -> tuple[int, int]:
    """Return height and width of a tile; a strip is a tile of the image's width."""
    keyframe = page.keyframe
    if keyframe.is_tiled:
        return keyframe.tilelength, keyframe.tilewidth
    return min(keyframe.rowsperstrip, keyframe.imagelength), keyframe.imagewidth


def _tile_columns(page: Any) -> int:
    return ceil_div(int(page.keyframe.imagewidth), _tile_shape(page)[1])


def _tiles_of(region: Region, tile: tuple[int, int]) -> tuple[range, range]:
    return (
        range(region.y // tile[0], ceil_div(region.y + region.height, tile[0])),
        range(region.x // tile[1], ceil_div(region.x + region.width, tile[1])),
    )
