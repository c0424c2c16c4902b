"""Opens the levels of a TIFF image, as raw rows or as tiles."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

from ..jpeg.parsed import ParsedJpeg
from ..tile_cache import TileCache
from .file import ByteReader, axes_and_shape, first_tile
from .frame_layout import Layout
from .level import Level, path_of
from .photometric import Photometric, photometric_of
from .raw_level import RawLevel
from .tiled_level import TiledLevel

__all__ = ["levels_of"]

# Tiles that a region's border cuts are wanted again by its neighbours; and where tiles are strips,
# by all regions beside it.
CACHE_NBYTES = 64 << 20
MAX_CACHE_NBYTES = 256 << 20
# Rows of the largest region that is read at a time.
ROWS_AT_ONCE = 2048
# Coefficients of a region's JPEG tiles, which are wanted again once its pixels are read.
PARSED_NBYTES = 64 << 20
# How many of the planes that are missing an error names.
NAMED_PLANES = 4
_OLD_JPEG, _SOI = 6, b"\xff\xd8"


class _Caches(NamedTuple):
    """What the levels of an image keep together."""

    cache: TileCache[NDArray[Any]]
    parsed: TileCache[ParsedJpeg]


def levels_of(
    image: Any, layout: Layout, photometric: Photometric, reader: ByteReader
) -> list[Level]:
    """Return the levels of an image that are like its first, largest first.

    Their files must be open.

    Raises
    ------
    SourceError
        If planes are missing, or tiles are compressed in a way or of a size that is not decoded.
    """
    caches = _Caches(TileCache(_cache_nbytes(image.keyframe)), TileCache(PARSED_NBYTES))
    levels = [_level_of(image.levels[0], (0, layout, photometric, reader), caches)]
    for series in image.levels[1:]:
        alike = _photometric_of_alike(series, image.levels[0], layout, photometric)
        if alike is not None and series.keyframe.imagelength < levels[-1].shape[0]:
            levels.append(_level_of(series, (len(levels), layout, alike, reader), caches))
    return levels


def _photometric_of_alike(
    series: Any, first: Any, layout: Layout, photometric: Photometric
) -> Photometric | None:
    """Return what a level's samples stand for, or None if it is no smaller copy of the first."""
    axes, shape = axes_and_shape(series)
    y = axes.find("YX")
    if y < 0 or math.prod(shape[:y]) != layout.planes:
        return None
    if series.keyframe.shaped[-1] != first.keyframe.shaped[-1]:
        return None
    try:
        found = photometric_of(series, path_of(series.keyframe))
    except SourceError:
        return None
    kinds = [(one.dtype, one.is_rgb, one.is_mapped) for one in (found, photometric)]
    return found if kinds[0] == kinds[1] else None


def _cache_nbytes(keyframe: Any) -> int:
    """Return what to keep of decoded tiles: a band of a region's height where tiles are strips."""
    row = keyframe.imagewidth * keyframe.shaped[-1] * np.dtype(keyframe.dtype).itemsize
    is_wide = not keyframe.is_tiled or keyframe.tilewidth >= keyframe.imagewidth
    return min(max(ROWS_AT_ONCE * row if is_wide else 0, CACHE_NBYTES), MAX_CACHE_NBYTES)


def _level_of(
    series: Any, arguments: tuple[int, Layout, Photometric, ByteReader], caches: _Caches
) -> Level:
    number, layout = arguments[:2]
    keyframe = series.keyframe
    start = series.dataoffset if keyframe.is_final and not series.is_multifile else None
    pages = list(series) if start is None else [keyframe]
    if start is None:
        _check_pages(pages, keyframe, number, layout)
    if keyframe.is_final and all(_is_raw_like(page, keyframe) for page in pages):
        return RawLevel(pages, *arguments, start=start)
    _check_codec(keyframe)
    _prepare_decoders(pages)
    return TiledLevel(pages, *arguments, **caches._asdict())


def _check_pages(pages: list[Any], keyframe: Any, number: int, layout: Layout) -> None:
    """Refuse pages that are too few, or not alike."""
    bands, depth = keyframe.shaped[:2]
    needed = layout.planes // (bands * depth)
    if len(pages) < needed:
        raise SourceError(
            f"{path_of(keyframe)} has {len(pages)} of the {needed} pages of level {number}: it is "
            "cut off, or says that it holds more than it does"
        )
    _check_none_missing(pages[:needed], path_of(keyframe), number, layout)
    for page in pages:
        if page.keyframe is keyframe:
            continue
        if _kind_of(page.keyframe) != _kind_of(keyframe):
            raise SourceError(
                f"{path_of(page)} has a page of {_kind_of(page.keyframe)} in level {number}, "
                f"where others have {_kind_of(keyframe)}: save all alike"
            )


def _check_none_missing(pages: list[Any], path: Path, number: int, layout: Layout) -> None:
    """Refuse an image whose planes are not all in its files: tifffile reads zeros for the rest."""
    planes_per_page = layout.planes // len(pages)
    missing = [
        page * planes_per_page + plane
        for page, found in enumerate(pages)
        if found is None
        for plane in range(planes_per_page)
    ]
    if not missing:
        return
    named = "; ".join(layout.place_of(plane) for plane in missing[:NAMED_PLANES])
    more = len(missing) - NAMED_PLANES
    raise SourceError(
        f"{path} does not hold {len(missing)} of the {layout.planes} planes of level {number} "
        f"that its description names: {named}{f'; and {more} more' if more > 0 else ''}. Copy the "
        "file, or all files of its set, again; if these planes were never recorded, save those "
        "that were as an image of their own"
    )


def _kind_of(keyframe: Any) -> str:
    """Return what must be the same of all pages, in words: how they are compressed need not be."""
    sides = [keyframe.tilelength, keyframe.tilewidth, keyframe.tiledepth]
    if not keyframe.is_tiled:
        sides = [min(int(keyframe.rowsperstrip), int(keyframe.imagelength))]
    return (
        f"shape {keyframe.shape}, {keyframe.dtype}, colours {int(keyframe.photometric)} and "
        f"{'tiles' if keyframe.is_tiled else 'strips'} of {' x '.join(map(str, sides))}"
    )


def _is_raw_like(page: Any, keyframe: Any) -> bool:
    """Return whether a page is stored as it is, and in the byte order of another."""
    if page.keyframe is keyframe:
        return True
    orders = [one.parent.byteorder for one in (page.keyframe, keyframe)]
    return bool(page.keyframe.is_final) and orders[0] == orders[1]


def _check_codec(keyframe: Any) -> None:
    """Refuse what no tile could be decoded of, before the first is asked for."""
    if keyframe.compression == _OLD_JPEG and not first_tile(keyframe).startswith(_SOI):
        raise SourceError(
            f"{path_of(keyframe)} holds old-style JPEG (compression 6 of TIFF), whose tables lie "
            "apart from its scans: libtiff reads it, so convert it first (tiff2rgba -c lzw IN OUT)"
        )
    if keyframe.compression not in tifffile.TIFF.DECOMPRESSORS:
        name = getattr(keyframe.compression, "name", keyframe.compression)
        raise SourceError(
            f"{path_of(keyframe)} is compressed with {name}, which imagecodecs does not decode "
            "here: save it with another compression"
        )


def _prepare_decoders(pages: list[Any]) -> None:
    """Make the decoders, which look into their files, while those can be opened."""
    for keyframe in {id(page.keyframe): page.keyframe for page in pages}.values():
        handle = keyframe.parent.filehandle
        is_closed = handle.closed
        if is_closed:
            handle.open()
        try:
            _ = keyframe.decode
        finally:
            if is_closed:
                handle.close()
