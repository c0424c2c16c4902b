"""Shapes in pixels of level 0, and which chunks they touch: without pixels, and without rounding.

A shape covers points, x to the right and y down; a pixel is the square from its corner to the next.
A chunk is touched if some of its inside is covered, however little, or if a line crosses it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...geometry.levels import LevelGrid

__all__ = ["Points", "Shape", "box", "touched"]

Points = NDArray[np.float64]
"""Of shape (n, 2): x and y."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """A polygon with holes, a line or points.

    Parameters
    ----------
    name : str
        For error messages: where it stands in its file.
    parts : tuple of Points
        Rings of a polygon, in any order and direction: what an odd number of them surrounds is
        inside. Else a line, or points, each for itself.
    is_closed : bool
        Whether the parts are rings.
    """

    name: str
    parts: tuple[Points, ...]
    is_closed: bool = True

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Lowest x and y, and highest x and y."""
        every = np.concatenate(self.parts)
        (left, top), (right, bottom) = every.min(axis=0), every.max(axis=0)
        return float(left), float(top), float(right), float(bottom)


def box(name: str, x: float, y: float, width: float, height: float) -> Shape:
    """Return a rectangle as a shape."""
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return Shape(name=name, parts=(np.array(corners, np.float64),))


def touched(shape: Shape, grid: LevelGrid) -> NDArray[np.bool_]:
    """Return which chunks of level 0, whose grid is given, a shape touches.

    Examples
    --------
    >>> from numcodecs_neural.converters.geometry.levels import plan_levels
    >>> (grid,) = plan_levels((96, 128), levels=1, chunk_px=32, region_px=32)
    >>> touched(box("box 1", 32, 40, 33, 1), grid).astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    chunks = np.zeros(grid.chunk_grid, bool)
    parts = [part / grid.chunk_px for part in shape.parts]
    for part in parts:
        for start, end in _edges(part, is_closed=shape.is_closed):
            _mark_edge(chunks, start, end, is_line=not shape.is_closed)
    if shape.is_closed:
        _mark_inside(chunks, parts)
    return chunks


def _edges(part: Points, *, is_closed: bool) -> Iterator[tuple[Points, Points]]:
    """Yield start and end of each edge; a single point is an edge of no length."""
    following = np.roll(part, -1, axis=0)
    count = len(part) if is_closed or len(part) == 1 else len(part) - 1
    return zip(part[:count], following[:count], strict=True)


def _mark_edge(chunks: NDArray[np.bool_], start: Points, end: Points, *, is_line: bool) -> None:
    """Mark the chunks whose inside an edge crosses; its points are in chunks.

    What a polygon covers ends at its edges. Where a line lies between pixels, those below it and to
    the right count: such are a point's own.
    """
    between = _from_to if is_line else _between
    (x0, y0), (x1, y1) = sorted((tuple(start), tuple(end)), key=lambda point: point[1])
    for row in between(y0, y1, len(chunks)):
        if y0 == y1:
            left, right = min(x0, x1), max(x0, x1)
        else:
            ends = [x0 + (x1 - x0) * (y - y0) / (y1 - y0) for y in (max(y0, row), min(y1, row + 1))]
            left, right = min(ends), max(ends)
        columns = between(left, right, chunks.shape[1])
        chunks[row, columns.start : columns.stop] = True


def _between(low: float, high: float, count: int) -> range:
    """Return which of `count` intervals of length 1 have points between two inside."""
    first, end = int(np.floor(low)), int(np.ceil(high))
    return range(min(max(first, 0), count), min(max(end, 0), count))


def _from_to(low: float, high: float, count: int) -> range:
    """Return which of `count` intervals of length 1, with their lower ends, have points of two."""
    first, last = int(np.floor(low)), int(np.floor(high))
    return range(min(max(first, 0), count), min(max(last + 1, 0), count))


def _mark_inside(chunks: NDArray[np.bool_], rings: list[Points]) -> None:
    """Mark the chunks whose centre is inside: of those that no edge crosses, all of them are."""
    starts = np.concatenate(rings)
    ends = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    centres = np.arange(chunks.shape[1]) + 0.5
    for row in range(len(chunks)):
        y = row + 0.5
        crosses = (starts[:, 1] <= y) != (ends[:, 1] <= y)
        (x0, y0), (x1, y1) = starts[crosses].T, ends[crosses].T
        crossings = np.sort(x0 + (x1 - x0) * (y - y0) / (y1 - y0))
        chunks[row] |= np.searchsorted(crossings, centres) % 2 == 1
