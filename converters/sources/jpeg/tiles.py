"""JpegTiles: how a level of a slide is stored in JPEG, or why it cannot be kept exactly."""

from collections.abc import Collection
from dataclasses import dataclass

from numcodecs_neural.errors import JpegError, UnsupportedJpegError
from numcodecs_neural.jpeg import Colour

from .parsed import parse_jpeg_header, unit_of

__all__ = ["JpegTiles"]

Sides = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegTiles:
    """The JPEG tiles of a level, as far as one of them tells.

    Parameters
    ----------
    tile : tuple of int
        Height and width of a tile in pixels: of a strip, its rows and the width of the level; of a
        single JPEG, the size of the level.
    unit : tuple of int
        Height and width of a minimum coded unit: a tile can be cut at multiples of it.
    grid : tuple of int
        Rows and columns of tiles.
    reason : str, optional
        Why the level cannot be kept exactly, as a clause for a report; None if it can.
    """

    tile: Sides = (0, 0)
    unit: Sides = (0, 0)
    grid: Sides = (0, 0)
    reason: str | None = None

    @classmethod
    def of(
        cls,
        stream: bytes,
        *,
        tables: bytes = b"",
        tile: Sides,
        grid: Sides,
        samples: int,
        sizes: Collection[Sides],
    ) -> "JpegTiles":
        """Return the tiles of a level, as one of them tells.

        Parameters
        ----------
        stream : bytes
            One tile, as far as the header of its first scan at least.
        tables : bytes
            A stream of tables alone that goes before each.
        tile, grid
            As the file says, outside its JPEG streams.
        samples : int
            Of a pixel, as readers give it.
        sizes : collection of (height, width)
            Those that a stream may have, in pixels.
        """
        try:
            header = parse_jpeg_header(stream, tables=tables)
        except UnsupportedJpegError as exc:
            return cls(reason=f"its {exc}")
        except JpegError as exc:
            return cls(reason=f"its first tile is damaged: {exc}")
        is_grey, frame = header.colour is Colour.GREY, header.frame
        if is_grey != (samples == 1):
            kind = "grey" if is_grey else "in colour"
            return cls(reason=f"its JPEG data are {kind}, and its pixels are not")
        if (frame.height, frame.width) not in sizes:
            return cls(reason="its JPEG data have another size than the file says")
        return cls(tile=tile, unit=unit_of(frame), grid=grid)

    def fits(self, chunk_px: int) -> bool:
        """Return whether each chunk of this side is made of whole tiles, or lies inside one.

        Examples
        --------
        >>> tiles = JpegTiles(tile=(240, 240), unit=(8, 8), grid=(13, 10))
        >>> tiles.fits(480), tiles.fits(512)
        (True, False)
        >>> JpegTiles(tile=(8, 3968), unit=(8, 8), grid=(608, 1)).fits(512)
        True
        """
        axes = zip(self.tile, self.unit, self.grid, strict=True)
        return self.reason is None and all(_fits(chunk_px, *axis) for axis in axes)


def _fits(chunk: int, tile: int, unit: int, tiles: int) -> bool:
    if chunk % tile == 0:
        return True
    return chunk % unit == 0 and (tiles == 1 or tile % chunk == 0)
