"""Names of the files that hold the chunks of one region."""

from typing import Any

import numpy as np
import zarr

from ..geometry.axes import Axes, Frame
from ..geometry.levels import Cell, LevelGrid

__all__ = ["region_files", "region_of_file"]


def region_files(
    array: zarr.Array[Any], grid: LevelGrid, cell: Cell, *, axes: Axes, frame: Frame
) -> list[str]:
    """Return the files of a region of a level, from the root: one shard, or all its chunks.

    Parameters
    ----------
    array : zarr.Array
        The level that `grid` describes.
    cell : tuple of int
        (row, column) of the region.
    axes : Axes
        Those of the array.
    frame : tuple of int
        Which frame's region.
    """
    cells = [cell]
    if array.shards is None:
        rows, columns = grid.chunks_of(cell)
        parts = np.ndindex(rows.stop - rows.start, columns.stop - columns.start)
        cells = [(rows.start + row, columns.start + column) for row, column in parts]
    places = [axes.chunk_index(frame, one) for one in cells]
    return [f"{array.path}/{array.metadata.encode_chunk_key(place)}" for place in places]


def region_of_file(
    array: zarr.Array[Any], grid: LevelGrid, place: tuple[int, ...], axes: Axes
) -> tuple[Frame, Cell]:
    """Return the frame and the region that a file of a level belongs to.

    Parameters
    ----------
    place : tuple of int
        Number of the file along each axis.
    """
    per_region = 1 if array.shards else grid.region_px // grid.chunk_px
    leading = zip(axes.names[:-2], place[:-2], strict=True)
    frame = tuple(at for name, at in leading if name in dict(axes.frames))
    return frame, (place[-2] // per_region, place[-1] // per_region)
