"""The dask graph of a pyramid: one task a region, and what such a task does.

A task of level 0 reads its region of the slide, once. It stores the region, and leaves the same
pixels, halved, in the scratch array of level 1. A task of level n finds there what the up to four
regions under it left, and does the same. So no stored chunk is ever decoded to make another, no two
tasks write one file, and memory holds only the regions in work.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from dask.base import compute
from dask.callbacks import Callback
from dask.delayed import delayed
from numpy.typing import NDArray

from .arrays import PyramidArrays
from .downsample import halve_fixed, halve_pixels, to_pixels
from .geometry import Cell, LevelGrid, Region
from .glass import GlassPlan
from .sources import SlideSource
from .stored import chunk_nbytes, pick_samples

__all__ = ["PyramidWriter", "RegionResult", "write_pyramid"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionResult:
    """What was written for one region.

    Parameters
    ----------
    level : int
        Its level.
    cell : tuple of int
        Its (row, column) among the level's regions.
    pixels : int
        Its size.
    chunk_nbytes : ndarray
        Bytes of each of its chunks, 0 where nothing is stored.
    nbytes : int
        Bytes of its files.
    squared_error : int
        Sum over the sampled chunks' tissue.
    samples : int
        Number of sample values in that sum.
    chunks_sampled : int
        Number of chunks in that sum.
    """

    level: int
    cell: Cell
    pixels: int
    chunk_nbytes: NDArray[np.int64]
    nbytes: int
    squared_error: int
    samples: int
    chunks_sampled: int


class PyramidWriter:
    """Writes regions: what all tasks share.

    Parameters
    ----------
    source : SlideSource
        Where pixels come from.
    store : Path
        Root folder of the store.
    grids : tuple of LevelGrid
        All levels.
    arrays : PyramidArrays
        Where pixels go.
    glass : GlassPlan
        What is done about glass.
    """

    def __init__(
        self,
        source: SlideSource,
        store: Path,
        *,
        grids: tuple[LevelGrid, ...],
        arrays: PyramidArrays,
        glass: GlassPlan,
    ) -> None:
        self._source = source
        self._store = store
        self.grids = grids
        self._arrays = arrays
        self._glass = glass
        self._samples = [
            pick_samples(chunks, level) for level, chunks in enumerate(glass.with_tissue)
        ]

    def write_region(self, level: int, cell: Cell, after: list[RegionResult]) -> RegionResult:
        """Store one region, and leave it halved for the next level.

        Parameters
        ----------
        level : int
            Its level.
        cell : tuple of int
            Its (row, column) among the level's regions.
        after : list of RegionResult
            The finer regions it is reduced from: they must be done.
        """
        grid = self.grids[level]
        region = grid.region(cell)
        pixels = self._read_halved(region, level) if level else self._read_source(region)
        to_store = self._without_elided(pixels, grid, cell)
        self._arrays.images[level][:, *region.slices] = to_store
        if self._arrays.labels:
            tissue = self._glass.tissue_pixels(region, level)
            self._arrays.labels[level][region.slices] = tissue.astype(np.uint8)
        return self._result(grid, cell, pixels)

    def _read_source(self, region: Region) -> NDArray[np.uint8]:
        pixels = np.moveaxis(self._source.read_region(region), -1, 0).copy()
        self._glass.paint(pixels, region)
        if self._arrays.scratch:
            self._leave_halved(halve_pixels(pixels), region, 0)
        return pixels

    def _read_halved(self, region: Region, level: int) -> NDArray[np.uint8]:
        scratch = self._arrays.scratch[level - 1]
        fixed: NDArray[np.uint16] = np.asarray(scratch[:, *region.slices])
        if level < len(self._arrays.scratch):
            self._leave_halved(halve_fixed(fixed), region, level)
        # Chunks that equal the fill value are deleted: the scratch stays as small as what waits.
        scratch[:, *region.slices] = 0
        return to_pixels(fixed)

    def _leave_halved(self, halved: NDArray[np.uint16], region: Region, level: int) -> None:
        target = Region(region.y // 2, region.x // 2, *halved.shape[1:])
        self._arrays.scratch[level][:, *target.slices] = halved

    def _without_elided(
        self, pixels: NDArray[np.uint8], grid: LevelGrid, cell: Cell
    ) -> NDArray[np.uint8]:
        """Return `pixels` with the fill value in chunks to elide: Zarr does not store those."""
        elided = _cells_where(self._glass.elided[grid.level], grid, cell)
        if not elided:
            return pixels
        pixels = pixels.copy()
        for chunk in elided:
            inside = grid.chunk(chunk).relative_to(grid.region(cell))
            pixels[:, *inside.slices] = self._glass.fill_value
        return pixels

    def _result(self, grid: LevelGrid, cell: Cell, pixels: NDArray[np.uint8]) -> RegionResult:
        image = self._arrays.images[grid.level]
        sizes, nbytes = chunk_nbytes(self._store, image, grid, cell)
        errors = [
            self._error_on_tissue(grid, chunk, pixels, grid.region(cell))
            for chunk in _cells_where(self._samples[grid.level], grid, cell)
        ]
        return RegionResult(
            level=grid.level,
            cell=cell,
            pixels=grid.region(cell).pixels,
            chunk_nbytes=sizes,
            nbytes=nbytes,
            squared_error=sum(error for error, _ in errors),
            samples=sum(count for _, count in errors),
            chunks_sampled=len(errors),
        )

    def _error_on_tissue(
        self, grid: LevelGrid, cell: Cell, pixels: NDArray[np.uint8], outer: Region
    ) -> tuple[int, int]:
        """Return the squared error of a chunk as a reader gets it, and its number of samples."""
        chunk = grid.chunk(cell)
        stored = np.asarray(self._arrays.images[grid.level][:, *chunk.slices])
        original = pixels[:, *chunk.relative_to(outer).slices]
        tissue = self._glass.tissue_pixels(chunk, grid.level)
        difference = stored[:, tissue].astype(np.int64) - original[:, tissue]
        return int((difference * difference).sum()), difference.size


def write_pyramid(
    writer: PyramidWriter, *, workers: int, advance: Callable[[int], None]
) -> list[RegionResult]:
    """Write all regions of all levels, `workers` at a time.

    Parameters
    ----------
    advance : callable
        Called with the number of pixels whenever a region is done.
    """
    tasks = region_tasks(writer)
    # Its own pool, so that no task still writes when an error leaves this function.
    with ThreadPoolExecutor(workers) as pool, _Advance(advance), _zarr_threads(workers):
        return list(compute(*tasks, scheduler="threads", pool=pool))


def region_tasks(writer: PyramidWriter) -> list[Any]:
    """Return one dask task a region, each depending on the finer regions under it."""
    tasks: dict[tuple[int, Cell], Any] = {}
    write_region = delayed(writer.write_region, pure=False)
    for level, grid in enumerate(writer.grids):
        for cell in grid.regions():
            finer = grid.finer_regions(cell, writer.grids[level - 1]) if level else []
            tasks[level, cell] = write_region(
                level,
                cell,
                [tasks[level - 1, under] for under in finer],
                dask_key_name=f"level-{level}-region-{cell[0]}-{cell[1]}",
            )
    return list(tasks.values())


def _cells_where(chosen: NDArray[np.bool_], grid: LevelGrid, cell: Cell) -> list[Cell]:
    """Return the chunks of a region that are True in `chosen`, a map of the level's chunks."""
    rows, columns = grid.chunks_of(cell)
    return [
        (rows.start + int(row), columns.start + int(column))
        for row, column in np.argwhere(chosen[rows, columns])
    ]


def _zarr_threads(workers: int) -> Any:
    """Let zarr code as many chunks of a region at a time as there are workers."""
    return zarr.config.set({"async.concurrency": workers, "threading.max_workers": workers})


class _Advance(Callback):
    """Tells how many pixels each finished task has written."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tell = advance

    def _posttask(self, key: Any, result: Any, dsk: Any, state: Any, worker_id: Any) -> None:
        if isinstance(result, RegionResult):
            self._tell(result.pixels)
