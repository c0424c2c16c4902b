"""Which chunks of a slide are to be exact, from the file that says so."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError

from ...geometry.levels import LevelGrid
from ..glass_plan import chunks_over
from .files import SUFFIXES, read_shapes
from .masks import chunks_of_label, chunks_of_picture
from .shapes import Shape, touched

__all__ = ["exact_chunks", "no_chunks"]


def no_chunks(grids: tuple[LevelGrid, ...]) -> tuple[NDArray[np.bool_], ...]:
    """Return that no chunk of any level is to be exact."""
    return tuple(np.zeros(grid.chunk_grid, bool) for grid in grids)


def exact_chunks(
    path: str, grids: tuple[LevelGrid, ...], *, all_levels: bool = False
) -> tuple[NDArray[np.bool_], ...]:
    """Return for each level which chunks are to be exact: those that a region touches.

    Parameters
    ----------
    path : str
        A file that `read_shapes` reads, a picture, or a label of OME-Zarr.
    grids : tuple of LevelGrid
        All levels.
    all_levels : bool
        Also the chunks of other levels that lie over those of level 0.

    Raises
    ------
    ConfigError
        If there is no such file, it does not read, or its regions lie outside of the slide.
    """
    finest = _finest(path, grids[0])
    if all_levels:
        return tuple(chunks_over(finest, grids))
    return finest, *no_chunks(grids[1:])


def _finest(path: str, grid: LevelGrid) -> NDArray[np.bool_]:
    if "://" in path:
        return chunks_of_label(path, grid)
    file = Path(path)
    if not file.exists():
        raise ConfigError(f"exact-regions is {path!r}, and there is no such file")
    if file.is_dir():
        return chunks_of_label(path, grid)
    if file.suffix.lower() not in SUFFIXES:
        return chunks_of_picture(file, grid)
    chunks = np.zeros(grid.chunk_grid, bool)
    for shape in read_shapes(file):
        _check_inside(path, shape, grid)
        chunks |= touched(shape, grid)
    return chunks


def _check_inside(path: str, shape: Shape, grid: LevelGrid) -> None:
    left, top, right, bottom = shape.bounds
    if left >= grid.width or top >= grid.height or right < 0 or bottom < 0:
        raise ConfigError(
            f"{shape.name} of {path} lies outside of the slide: x from {left:g} to {right:g} and y "
            f"from {top:g} to {bottom:g}, and the slide has {grid.width} x {grid.height} pixels "
            "(width x height): coordinates are pixels of level 0"
        )
