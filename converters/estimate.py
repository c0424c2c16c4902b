"""A dry run: how large a store would be, and how long it would take, from a few coded chunks."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import MemoryStore

from .calibrated import plan_calibrated
from .geometry import Cell, LevelGrid
from .glass import GlassPlan
from .options import ConvertOptions
from .plan import ConversionPlan, find_glass
from .sources import SlideSource
from .stored import pick_samples

__all__ = ["Estimate", "estimate"]

# Chunks of level 0 that are coded for an estimate.
SAMPLES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a conversion would write.

    Parameters
    ----------
    shape : tuple of int
        Height and width of level 0.
    levels : int
        Number of levels.
    raw_nbytes : int
        Raw bytes of all levels.
    nbytes : int
        Bytes of all levels, as many per pixel as those of the samples.
    elided_area : float
        Part of level 0 that is not stored.
    seconds : float
        Of coding, with the options' workers; reading comes on top.
    """

    shape: tuple[int, int]
    levels: int
    raw_nbytes: int
    nbytes: int
    elided_area: float
    seconds: float


def estimate(source: SlideSource, options: ConvertOptions) -> Estimate:
    """Code a few chunks of a slide, and say what all would take.

    Raises
    ------
    SourceError, ConfigError, WeightsError
        As `convert` does.
    """
    plan = plan_calibrated(source, options)
    glass = find_glass(source, plan)
    nbytes, seconds, pixels = _code_samples(source, plan, glass)
    stored = plan.axes.count * sum(_stored_pixels(grid, glass) for grid in plan.grids)
    every = plan.axes.count * sum(grid.pixels for grid in plan.grids)
    first = plan.grids[0]
    return Estimate(
        shape=plan.info.shape,
        levels=len(plan.grids),
        raw_nbytes=plan.info.samples * plan.info.dtype.itemsize * every,
        nbytes=round(nbytes / pixels * stored),
        elided_area=1 - _stored_pixels(first, glass) / first.pixels,
        seconds=seconds / pixels * stored / options.workers,
    )


def _code_samples(
    source: SlideSource, plan: ConversionPlan, glass: GlassPlan
) -> tuple[int, float, int]:
    """Return bytes, seconds and pixels of some chunks with tissue, of the first frame."""
    grid = plan.grids[0]
    candidates = glass.with_tissue[0] if glass.with_tissue[0].any() else ~glass.elided[0]
    cells = [
        (int(row), int(column)) for row, column in np.argwhere(pick_samples(candidates, 0))
    ] or [(0, 0)]
    frame = (0,) * len(plan.axes.frames)
    nbytes, seconds, pixels = 0, 0.0, 0
    # The first one twice: what is loaded and compiled for it is not counted.
    for index, cell in enumerate([cells[0], *cells[:SAMPLES]]):
        region = grid.chunk(cell)
        planes = np.moveaxis(source.read_region(region, 0, frame), -1, 0)
        size, took = _code(np.ascontiguousarray(planes), plan)
        if index:
            nbytes, seconds, pixels = nbytes + size, seconds + took, pixels + region.pixels
    return nbytes, seconds, pixels


def _code(planes: NDArray[Any], plan: ConversionPlan) -> tuple[int, float]:
    chunk = planes.reshape(plan.axes.frame_shape(*planes.shape[1:]))
    array = zarr.create_array(
        MemoryStore(),
        shape=chunk.shape,
        chunks=chunk.shape,
        dtype=chunk.dtype,
        zarr_format=2 if plan.options.ome_zarr_version == "0.4" else 3,
        config={"write_empty_chunks": True},
        **plan.codec.zarr_arguments,
    )
    started = time.perf_counter()
    array[...] = chunk
    return int(array.nbytes_stored()), time.perf_counter() - started


def _stored_pixels(grid: LevelGrid, glass: GlassPlan) -> int:
    cells: list[Cell] = [(int(r), int(c)) for r, c in np.argwhere(~glass.elided[grid.level])]
    return sum(grid.chunk(cell).pixels for cell in cells)
