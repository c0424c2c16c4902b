"""FrameReader: the encoded frames of a DICOM level, checked, and JPEG ones as coefficients."""

import contextlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
)
from wsidicom.geometry import Point

from numcodecs_neural.errors import JpegError, SourceError, UnsupportedJpegError
from numcodecs_neural.jpeg import Colour
from numcodecs_neural.jpeg.mosaic import Mosaic

from ...geometry.levels import Region
from ..base import JpegTiles
from ..jpeg.mosaics import join_tiles, span_of
from ..jpeg.parsed import ParsedJpeg, parse_jpeg
from ..jpeg2000 import check_jpeg2000
from ..tile_cache import TileCache

__all__ = ["FrameReader", "Plane"]

_JPEG = (JPEGBaseline8Bit, JPEGExtended12Bit)
_JPEG2000 = (JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL)


class Plane(NamedTuple):
    """One focal plane of one optical path, as wsidicom names them."""

    z: float
    path: str


class FrameReader:
    """The encoded frames of one level.

    Parameters
    ----------
    path : Path
        The slide, for errors.
    level : wsidicom.group.Level
        The level.
    samples : int
        Of a pixel.
    parsed : TileCache
        Keeps the coefficients of JPEG frames.
    """

    def __init__(self, path: Path, level: Any, samples: int, parsed: TileCache[ParsedJpeg]) -> None:
        self._path, self._level, self._samples, self._parsed = path, level, samples, parsed

    def tiles(self, plane: Plane) -> JpegTiles:
        """Return how the level is stored in JPEG, of which `plane` is the first."""
        image = self._image(plane)
        if image.transfer_syntax not in _JPEG:
            return JpegTiles(reason="its pixels are not JPEG")
        rows, columns = image.tiled_size.height, image.tiled_size.width
        places = product(range(rows), range(columns))
        first = next((at for at in places if _is_stored(image, plane, at)), None)
        if first is None:
            return JpegTiles(reason="none of its tiles is stored")
        tile = image.tile_size.height, image.tile_size.width
        return JpegTiles.of(
            _frame(image, plane, first),
            tile=tile,
            grid=(rows, columns),
            samples=self._samples,
            sizes=[tile],
        )

    def mosaic(self, region: Region, plane: Plane) -> Mosaic:
        """Return the JPEG frames behind a region.

        Raises
        ------
        UnsupportedJpegError
            If these frames cannot be kept exactly, though the first one could.
        SourceError
            If one is damaged; says which.
        """
        image = self._image(plane)
        size, tile = image.image_size, image.tile_size
        rows = span_of(region.y, region.y + region.height, size.height, tile.height)
        columns = span_of(region.x, region.x + region.width, size.width, tile.width)
        tiles = [[self._parse(image, plane, (y, x)) for x in columns.tiles] for y in rows.tiles]
        frames = [found.frame for row in tiles for found in row if found is not None]
        if any((frame.height, frame.width) != (tile.height, tile.width) for frame in frames):
            raise UnsupportedJpegError("its JPEG data have another size than the file says")
        blank = image.blank_color
        fill = blank if isinstance(blank, tuple) else (blank,)
        return join_tiles(tiles, fill[: self._samples], rows, columns)

    def check(self, region: Region, plane: Plane) -> None:
        """Raise SourceError where a frame of a region is damaged: decoders may pass over it."""
        image = self._image(plane)
        if image.transfer_syntax not in (*_JPEG, *_JPEG2000):
            return
        for at in _tiles_of(region, image.tile_size):
            if image.transfer_syntax in _JPEG:
                with contextlib.suppress(UnsupportedJpegError):
                    self._parse(image, plane, at)
            elif _is_stored(image, plane, at):
                self._check_jpeg2000(image, plane, at)

    def _parse(self, image: Any, plane: Plane, at: tuple[int, int]) -> ParsedJpeg | None:
        """Return the coefficients of a frame; None if it is not stored."""
        if not _is_stored(image, plane, at):
            return None
        colour = Colour.RGB if image.photometric_interpretation == "RGB" else None
        key = (self._level.level, *plane, *at)
        try:
            return self._parsed.get_or_decode(
                key,
                lambda: parse_jpeg(_frame(image, plane, at), colour=colour),
                is_kept=True,
                is_big=False,
            )
        except UnsupportedJpegError:
            raise
        except JpegError as exc:
            raise self._damaged(at, exc) from exc

    def _check_jpeg2000(self, image: Any, plane: Plane, at: tuple[int, int]) -> None:
        try:
            check_jpeg2000(_frame(image, plane, at))
        except ValueError as exc:
            raise self._damaged(at, exc) from exc

    def _damaged(self, at: tuple[int, int], exc: Exception) -> SourceError:
        return SourceError(
            f"{self._path}: the tile at row {at[0]}, column {at[1]} of level "
            f"{self._level.level} does not decode: {exc}"
        )

    def _image(self, plane: Plane) -> Any:
        return self._level.get_instance(plane.z, plane.path).image_data


def _is_stored(image: Any, plane: Plane, at: tuple[int, int]) -> bool:
    return not image.is_sparse(Point(at[1], at[0]), *plane)


def _frame(image: Any, plane: Plane, at: tuple[int, int]) -> bytes:
    """Return an encoded frame, which is stored."""
    data: bytes = image.get_encoded_tile(Point(at[1], at[0]), *plane)
    return data


def _tiles_of(region: Region, tile: Any) -> Iterator[tuple[int, int]]:
    bottom, right = region.y + region.height, region.x + region.width
    return product(
        range(region.y // tile.height, -(-bottom // tile.height)),
        range(region.x // tile.width, -(-right // tile.width)),
    )
