"""TileGrid: where the tiles and strips of a TIFF page are, and how one is decoded."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

from ...geometry.levels import Region, ceil_div
from .file import DECODE_ERRORS, decode_reason
from .photometric import JPEGS

__all__ = ["BIG_NBYTES", "TileGrid", "decode_tile"]

# From this size on, threads that want the same tile wait for one of them to decode it.
BIG_NBYTES = 8 << 20

Pixels = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGrid:
    """Where the tiles of a page are; a strip is a tile of the image's width."""

    height: int
    width: int
    tile_height: int
    tile_width: int
    tile_depth: int
    depth: int

    @classmethod
    def of(cls, keyframe: Any) -> "TileGrid":
        """Return the grid of a page and of all that are like it."""
        height, width = int(keyframe.imagelength), int(keyframe.imagewidth)
        tile = (min(int(keyframe.rowsperstrip), height), width, 1)
        if keyframe.is_tiled:
            tile = (keyframe.tilelength, keyframe.tilewidth, keyframe.tiledepth)
        return cls(
            height=height,
            width=width,
            tile_height=int(tile[0]),
            tile_width=int(tile[1]),
            tile_depth=int(tile[2]),
            depth=int(keyframe.imagedepth),
        )

    @property
    def columns(self) -> int:
        """Number of tiles side by side."""
        return ceil_div(self.width, self.tile_width)

    @property
    def rows(self) -> int:
        """Number of tiles one above the other."""
        return ceil_div(self.height, self.tile_height)

    def index(self, plane: int, row: int, column: int) -> tuple[int, int]:
        """Return the index of a tile in its page, and which of its planes is meant.

        `plane` counts the planes inside the page: through the depth of each band of samples.
        """
        band, depth = divmod(plane, self.depth)
        sheet, inside = divmod(depth, self.tile_depth)
        sheets = ceil_div(self.depth, self.tile_depth)
        return ((band * sheets + sheet) * self.rows + row) * self.columns + column, inside

    def tiles_of(self, region: Region) -> tuple[range, range]:
        """Return rows and columns of the tiles that a region touches."""
        bottom, right = region.y + region.height, region.x + region.width
        return (
            range(region.y // self.tile_height, ceil_div(bottom, self.tile_height)),
            range(region.x // self.tile_width, ceil_div(right, self.tile_width)),
        )

    def overlap(self, region: Region, row: int, column: int) -> Region:
        """Return what a region and a tile have in common."""
        top, left = row * self.tile_height, column * self.tile_width
        y, x = max(top, region.y), max(left, region.x)
        bottom = min(top + self.tile_height, region.y + region.height)
        right = min(left + self.tile_width, region.x + region.width)
        return Region(y, x, bottom - y, right - x)


def decode_tile(page: Any, index: int, data: bytes) -> Pixels:
    """Return the pixels of a tile, (depth, height, width, samples).

    Raises
    ------
    SourceError
        If they do not decode; says why, and not which tile.
    """
    keyframe = page.keyframe
    arguments: dict[str, Any] = {}
    if keyframe.compression in JPEGS:
        arguments = {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}
    try:
        segment, _, _ = keyframe.decode(data, index, **arguments)
        return np.asarray(segment)
    except DECODE_ERRORS as exc:
        raise SourceError(f"does not decode: {decode_reason(exc)}") from exc
