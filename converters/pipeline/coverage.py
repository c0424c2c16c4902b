"""Coverage: a map of stored, elided and empty chunks, by which a lost chunk is known."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.omezarr.coverage import ELIDED, EMPTY, EXACT, STORED, is_stored

from .checkpoint import RegionResult
from .plan import ConversionPlan

__all__ = [
    "COVERAGE_ATTRIBUTES",
    "ELIDED",
    "EMPTY",
    "EXACT",
    "FILE_SIZES_ATTRIBUTES",
    "STORED",
    "coverage_of",
    "file_sizes_of",
    "is_stored",
]

COVERAGE_ATTRIBUTES = {
    "description": "What became of each chunk of the image level of the same name, by its row and "
    "column. A chunk of value 1 or 4 that is not in the store was lost.",
    "values": {
        str(STORED): "stored",
        str(ELIDED): "elided: glass, which reads as the fill value",
        str(EMPTY): "empty: all its pixels equal the fill value",
        str(EXACT): "stored, and exact, as was asked of its region",
    },
}
FILE_SIZES_ATTRIBUTES = {
    "description": "Bytes of each file of the array of the same name when the store was finished, "
    "by its row and column: of each shard, or where there are none of each chunk. A file that is "
    "smaller, or is not in the store, was lost."
}


def coverage_of(results: list[RegionResult], plan: ConversionPlan) -> list[NDArray[np.uint8]]:
    """Return the coverage of each level: STORED, EXACT, ELIDED or EMPTY for each chunk.

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
        exact = plan.exact[result.level][grid.chunks_of(result.cell)]
        part[result.chunk_nbytes > 0] = STORED
        part[(result.chunk_nbytes > 0) & exact] = EXACT
    return coverage


def file_sizes_of(results: list[RegionResult], plan: ConversionPlan) -> list[NDArray[np.int64]]:
    """Return the bytes of the files of each level, 0 where nothing is stored.

    The arrays have one axis for each of the frames', then row and column of the files.
    """
    frames = tuple(length for _, length in plan.axes.frames)
    has_shards = plan.options.ome_zarr_version == "0.5"
    grids = [grid.region_grid if has_shards else grid.chunk_grid for grid in plan.grids]
    sizes = [np.zeros((*frames, *files), np.int64) for files in grids]
    for result in results:
        of_frame = sizes[result.level][result.frame]
        if has_shards:
            of_frame[result.cell] = result.nbytes
        else:
            of_frame[plan.grids[result.level].chunks_of(result.cell)] = result.chunk_nbytes
    return sizes
