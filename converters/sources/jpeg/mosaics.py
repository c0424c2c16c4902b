"""Mosaics of the JPEG tiles behind a region: whole tiles, or a window that is cut out of one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import UnsupportedJpegError
from numcodecs_neural.jpeg import Component, Frame
from numcodecs_neural.jpeg.mosaic import Mosaic, zero_coefficients

from .parsed import ParsedJpeg, unit_of

__all__ = ["Span", "join_tiles", "span_of"]


@dataclass(frozen=True, slots=True)
class Span:
    """The tiles along one axis that a region is made of, or the part of one that it lies in.

    Parameters
    ----------
    tiles : range
        Rows or columns of tiles.
    inner : tuple of int, optional
        First pixel in the tile and the one after the last, where only a part of one is needed.
    """

    tiles: range
    inner: tuple[int, int] | None = None


def span_of(start: int, stop: int, side: int, tile: int) -> Span:
    """Return the tiles of an axis that pixels `start` to `stop` of a level are made of.

    Parameters
    ----------
    side : int
        Pixels of the level along this axis.
    tile : int
        Pixels of a tile.

    Raises
    ------
    UnsupportedJpegError
        If some tiles are cut, and several are touched.
    """
    tiles = range(start // tile, -(-stop // tile))
    if start % tile == 0 and (stop % tile == 0 or stop == side):
        return Span(tiles)
    if len(tiles) > 1:
        raise UnsupportedJpegError(
            f"pixels {start} to {stop} are not made of whole JPEG tiles of {tile} pixels"
        )
    return Span(tiles, (start % tile, stop - tiles.start * tile))


def join_tiles(
    tiles: Sequence[Sequence[ParsedJpeg | None]], fill: tuple[int, ...], rows: Span, columns: Span
) -> Mosaic:
    """Return the mosaic of tiles, given row by row; None where the source has none.

    Raises
    ------
    UnsupportedJpegError
        If none is there, or they differ in more than their coefficients.
    """
    stored = next((tile for row in tiles for tile in row if tile is not None), None)
    if stored is None:
        raise UnsupportedJpegError("none of its JPEG tiles is stored")
    window = _Window.of(stored.frame, rows, columns)
    cut = [[None if tile is None else window.cut(tile) for tile in row] for row in tiles]
    first = next(tile for row in cut for tile in row if tile is not None)
    grid = len(cut), len(cut[0])
    joined, present = zero_coefficients(first.frame, grid), np.zeros(grid, np.bool_)
    for row, line in enumerate(cut):
        for column, tile in enumerate(line):
            if tile is not None:
                _check_alike(tile, first)
                present[row, column] = True
                for whole, own in zip(joined, tile.coefficients, strict=True):
                    height, width, _ = own.shape
                    whole[row * height :, column * width :][:height, :width] = own
    return Mosaic(
        frame=first.frame,
        colour=first.colour,
        steps=first.steps,
        grid=grid,
        present=present,
        coefficients=joined,
        fill=fill,
        offset=window.offset,
    )


def _check_alike(tile: ParsedJpeg, first: ParsedJpeg) -> None:
    for name in ("frame", "colour", "steps"):
        if getattr(tile, name) != getattr(first, name):
            what = {"frame": "sizes or samplings", "colour": "colours", "steps": "tables"}[name]
            raise UnsupportedJpegError(f"its JPEG tiles have different {what}")


@dataclass(frozen=True, slots=True)
class _Cut:
    """A part of a tile along one axis, in minimum coded units: with margins, and without."""

    outer: tuple[int, int]
    inner: tuple[int, int]

    @classmethod
    def of(cls, span: Span, side: int, unit: int, *, has_margin: bool) -> "_Cut":
        """Return the units that an inner part of a tile needs; all of them without one."""
        units = -(-side // unit)
        first, stop = span.inner or (0, side)
        if first % unit:
            raise UnsupportedJpegError(
                f"pixel {first} of a JPEG tile is not where one of its units of {unit} begins"
            )
        inner = first // unit, min(-(-stop // unit), units)
        margin = 1 if has_margin else 0
        return cls((max(inner[0] - margin, 0), min(inner[1] + margin, units)), inner)


@dataclass(frozen=True, slots=True)
class _Window:
    """The part of each tile that is needed.

    Where chroma is subsampled, decoders mix its samples with their neighbours: a margin of one unit
    holds those of the pixels at the border.
    """

    frame: Frame
    unit: tuple[int, int]
    rows: _Cut
    columns: _Cut

    @classmethod
    def of(cls, frame: Frame, rows: Span, columns: Span) -> "_Window":
        """Return the window of tiles of this frame."""
        unit = unit_of(frame)
        down = any(component.vertical < frame.vertical for component in frame.components)
        across = any(component.horizontal < frame.horizontal for component in frame.components)
        return cls(
            frame,
            unit,
            _Cut.of(rows, frame.height, unit[0], has_margin=down),
            _Cut.of(columns, frame.width, unit[1], has_margin=across),
        )

    @property
    def offset(self) -> tuple[int, int]:
        """Pixel of the window where the region begins."""
        y, x = (cut.inner[0] - cut.outer[0] for cut in (self.rows, self.columns))
        return y * self.unit[0], x * self.unit[1]

    def cut(self, tile: ParsedJpeg) -> ParsedJpeg:
        """Return the part of a tile that lies in the window."""
        if tile.frame != self.frame:
            raise UnsupportedJpegError("its JPEG tiles have different sizes or samplings")
        frame = replace(
            self.frame,
            height=_pixels_of(self.rows, self.unit[0], self.frame.height),
            width=_pixels_of(self.columns, self.unit[1], self.frame.width),
        )
        if frame == self.frame:
            return tile
        blocks = [
            self._blocks(component, own)
            for component, own in zip(frame.components, tile.coefficients, strict=True)
        ]
        return replace(tile, frame=frame, coefficients=tuple(blocks))

    def _blocks(self, component: Component, blocks: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return the window of a component; its margins are 0 where no pixel outside needs them."""
        down, across = component.vertical, component.horizontal
        (top, bottom), (left, right) = self.rows.outer, self.columns.outer
        window = blocks[top * down : bottom * down, left * across : right * across]
        if (down, across) != (self.frame.vertical, self.frame.horizontal):
            return window
        (begin, end), (first, last) = self.rows.inner, self.columns.inner
        kept = np.zeros_like(window)
        inner = (
            slice((begin - top) * down, (end - top) * down),
            slice((first - left) * across, (last - left) * across),
        )
        kept[inner] = window[inner]
        return kept


def _pixels_of(cut: _Cut, unit: int, side: int) -> int:
    return min(cut.outer[1] * unit, side) - cut.outer[0] * unit
