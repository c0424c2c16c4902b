"""What became of each chunk: the map that tells an elided chunk from a lost one."""

import numpy as np
from numpy.typing import NDArray

from ..geometry.axes import Axes
from ..geometry.levels import LevelGrid
from ..tissue.glass_plan import GlassPlan
from .checkpoint import RegionResult

__all__ = ["COVERAGE_ATTRIBUTES", "ELIDED", "EMPTY", "STORED", "coverage_of"]

STORED, ELIDED, EMPTY = 1, 2, 3
COVERAGE_ATTRIBUTES = {
    "description": "What became of each chunk of the image level of the same name, by its row and "
    "column. A chunk of value 1 that is not in the store was lost.",
    "values": {
        str(STORED): "stored",
        str(ELIDED): "elided: glass, which reads as the fill value",
        str(EMPTY): "empty: all its pixels equal the fill value",
    },
}


def coverage_of(
    results: list[RegionResult], grids: tuple[LevelGrid, ...], glass: GlassPlan, axes: Axes
) -> list[NDArray[np.uint8]]:
    """Return for each level what became of each chunk: STORED, ELIDED or EMPTY.

    What is in the store counts, not what was planned. The arrays have one axis for each of the
    frames', then row and column.
    """
    frames = tuple(length for _, length in axes.frames)
    coverage = [np.full((*frames, *grid.chunk_grid), EMPTY, np.uint8) for grid in grids]
    for level, elided in enumerate(glass.elided):
        coverage[level][..., elided] = ELIDED
    for result in results:
        grid = grids[result.level]
        part = coverage[result.level][result.frame][grid.chunks_of(result.cell)]
        part[result.chunk_nbytes > 0] = STORED
    return coverage
