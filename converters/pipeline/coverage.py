"""Coverage: a map of stored, elided and empty chunks, by which a lost chunk is known."""

import numpy as np
from numpy.typing import NDArray

from .checkpoint import RegionResult
from .plan import ConversionPlan

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


def coverage_of(results: list[RegionResult], plan: ConversionPlan) -> list[NDArray[np.uint8]]:
    """Return the coverage of each level: STORED, ELIDED or EMPTY for each chunk.

    Chunks found in the store count, not planned ones. The arrays have one axis for each of the
    frames', then row and column.
    """
    frames = tuple(length for _, length in plan.axes.frames)
    coverage = [np.full((*frames, *grid.chunk_grid), EMPTY, np.uint8) for grid in plan.grids]
    for level, elided in enumerate(plan.glass.elided):
        coverage[level][..., elided] = ELIDED
    for result in results:
        grid = plan.grids[result.level]
        part = coverage[result.level][result.frame][grid.chunks_of(result.cell)]
        part[result.chunk_nbytes > 0] = STORED
    return coverage
