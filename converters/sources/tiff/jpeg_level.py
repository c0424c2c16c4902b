"""JPEG tiles of a level of a TIFF image: whether they can be kept, and the mosaics of regions."""

from typing import Any

from numcodecs_neural.errors import UnsupportedJpegError
from numcodecs_neural.jpeg.mosaic import Mosaic

from ...geometry.levels import Region
from ..jpeg.mosaics import join_tiles, span_of
from ..jpeg.parsed import ParsedJpeg
from ..jpeg.tiles import JpegTiles
from .frame_layout import Part
from .level import Level
from .photometric import JPEGS
from .tiled_level import TiledLevel

__all__ = ["jpeg_tiles_of", "mosaic_of"]


def jpeg_tiles_of(level: Level) -> JpegTiles:
    """Return how a level is stored in JPEG, as one of its tiles tells, or why that is no use."""
    if not isinstance(level, TiledLevel) or int(level.keyframe.compression) not in JPEGS:
        return JpegTiles(reason="its pixels are not JPEG")
    reason = _why_not(level)
    if reason is not None:
        return JpegTiles(reason=reason)
    begun = level.first_tile()
    if begun is None:
        return JpegTiles(reason="none of its tiles is stored")
    (page, data), grid = begun, level.grid
    return JpegTiles.of(
        page.keyframe.jpegheader or data,
        tables=page.jpegtables or b"",
        tile=(grid.tile_height, grid.tile_width),
        grid=(grid.rows, grid.columns),
        samples=level.layout.samples,
        sizes=_sizes(level),
    )


def mosaic_of(level: TiledLevel, region: Region, part: Part) -> Mosaic:
    """Return the JPEG tiles behind a region, whose pixels are those of `part`.

    Raises
    ------
    UnsupportedJpegError
        If these tiles cannot be kept exactly, though the first one could.
    SourceError
        If one is damaged.
    """
    grid = level.grid
    rows = span_of(region.y, region.y + region.height, grid.height, grid.tile_height)
    columns = span_of(region.x, region.x + region.width, grid.width, grid.tile_width)
    tiles = [
        [level.parsed_tile(part, (row, column)) for column in columns.tiles] for row in rows.tiles
    ]
    return join_tiles(_alike(tiles, level), level.missing_pixel, rows, columns)


def _why_not(level: TiledLevel) -> str | None:
    layout = level.layout
    if level.is_converted:
        return "the colours that its JPEG tiles hold stand for others"
    if layout.is_interleaved:
        return "its JPEG tiles hold several channels"
    if layout.samples == 3 and layout.trailing != "rgb":
        return "its colours are in planes of their own"
    if level.grid.tile_depth > 1:
        return "its JPEG tiles are several planes deep"
    return None


def _sizes(level: TiledLevel) -> set[tuple[int, int]]:
    """Return the sizes that a tile may have: the last strip is often shorter."""
    grid = level.grid
    last = grid.height - (grid.rows - 1) * grid.tile_height
    heights = {grid.tile_height} if level.keyframe.is_tiled else {grid.tile_height, last}
    return {(height, grid.tile_width) for height in heights}


def _alike(tiles: list[list[ParsedJpeg | None]], level: TiledLevel) -> list[list[Any]]:
    """Return tiles of one height: a last strip that is shorter gets more rows."""
    frames = [tile.frame for row in tiles for tile in row if tile is not None]
    if not {(frame.height, frame.width) for frame in frames} <= _sizes(level):
        raise UnsupportedJpegError("its JPEG data have another size than the file says")
    height = max((frame.height for frame in frames), default=0)
    return [
        [
            tile.lengthened(height) if tile is not None and tile.frame.height < height else tile
            for tile in row
        ]
        for row in tiles
    ]
