"""PyramidWriter: the task of one region.

A task of level 0 reads its region of the slide, once. It stores the region, and leaves its reduced
pixels for the next level. A task of level n takes the reduced pixels of the regions under it, and
does the same. So no stored chunk is ever decoded to make another, no two tasks write one file, and
memory holds only the regions in work. A task may run again after a crash: it finds the region in
the checkpoint, or the same pixels, and writes the same bytes.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.axes import Frame
from ..geometry.downsample import to_pixels
from ..geometry.levels import Cell, LevelGrid, Region, cells_where
from ..measure.distortion import ChunkQuality, chunk_quality
from ..measure.sampling import pick_samples
from ..store.arrays import PyramidArrays
from ..store.chunk_sizes import chunk_nbytes
from ..store.region_files import region_files
from .checkpoint import Checkpoint, RegionResult
from .plan import ConversionPlan
from .reduced_pixels import ReducedPixels

__all__ = ["Place", "PyramidWriter"]

Place = tuple[int, Frame, Cell]
"""Level, frame and (row, column) of a region."""

# Chunks of level 0 that are measured on the smallest slide.
LEAST_SAMPLES = 2
# Side of the square that is measured in a sampled chunk: SSIM costs more than coding.
MEASURED_PX = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class PyramidWriter:
    """Writes regions; all tasks share it. It pickles, for workers elsewhere.

    Parameters
    ----------
    plan : ConversionPlan
        Its codec and its glass are decided.
    arrays : PyramidArrays
        The arrays of the store.
    checkpoint : Checkpoint
        The regions that are done.
    reduced : ReducedPixels, optional
        Pixels that wait for the next level; None if levels are read from the source.
    only : frozenset, optional
        The regions to write, where all others are stored already; None for all.
    """

    plan: ConversionPlan
    arrays: PyramidArrays
    checkpoint: Checkpoint
    reduced: ReducedPixels | None
    only: frozenset[Place] | None = None

    def places(self) -> list[Place]:
        """Return the regions to write; those that a region is reduced from come before it."""
        every = (
            (level, frame, cell)
            for frame in self.plan.axes.all_frames()
            for level, grid in enumerate(self.plan.grids)
            for cell in grid.regions()
        )
        return [place for place in every if self.only is None or place in self.only]

    def write_region(self, level: int, frame: Frame, cell: Cell) -> RegionResult:
        """Store one region, and leave it reduced for the next level, unless that is done.

        A region that was stored before and is lost is stored again.

        Parameters
        ----------
        level : int
            Its level; the finer regions it is reduced from must be done.
        frame : tuple of int
            Its frame.
        cell : tuple of int
            Its (row, column) among the level's regions.

        Raises
        ------
        SourceError
            If the slide does not decode.
        OSError
            If it cannot be written.
        """
        grid = self.plan.grids[level]
        result = self.checkpoint.find(level, frame, cell)
        if result is None or not self._is_whole(grid, result):
            result = self._write(grid, frame, cell)
            self.checkpoint.add(result)
        if level and self.reduced is not None:
            # Only now: a task that has to write this region again needs them.
            self.reduced.clear(level, frame, cell)
        return result

    def _is_whole(self, grid: LevelGrid, result: RegionResult) -> bool:
        """Return whether all files of a finished region are there; if not, delete what is."""
        image, store = self.arrays.images[grid.level], self.arrays.store
        files = region_files(image, grid, result.cell, axes=self.plan.axes, frame=result.frame)
        if sum(map(store.size, files)) == result.nbytes:
            return True
        # Zarr would read a shard that was cut off.
        for file in files:
            store.delete(file)
        return False

    def _write(self, grid: LevelGrid, frame: Frame, cell: Cell) -> RegionResult:
        region, axes, glass = grid.region(cell), self.plan.axes, self.plan.glass
        pixels = self._read(grid, frame, cell)
        for chunk in _cells_where(glass.elided[grid.level], grid, cell):
            # Zarr stores no chunk of the fill value. None of these holds tissue to be measured.
            pixels[:, *grid.chunk(chunk).relative_to(region).slices] = glass.fill_value
        shape = axes.frame_shape(region.height, region.width)
        selection = axes.index(frame, region)
        self.arrays.write_image(grid.level, selection, pixels.reshape(shape), grid.chunk_px)
        if self.arrays.has_label:
            tissue = glass.tissue_pixels(region, grid)
            self.arrays.write_label(grid.level, region.slices, tissue)
        return self._result(grid, frame, cell, pixels)

    def _read(self, grid: LevelGrid, frame: Frame, cell: Cell) -> NDArray[Any]:
        """Return the pixels of a region, (sample, y, x), after leaving them for the next level.

        They may be written to. Those of the source keep its memory layout, where the samples of a
        pixel lie together: Zarr copies each chunk into planes in any case.
        """
        source = self.plan.source
        if grid.level and self.reduced is not None:
            reduced = self.reduced.collect(
                grid.level, frame, cell, make=partial(self._reduce, grid.level - 1, frame)
            )
            self.reduced.leave(grid.level, frame, cell, reduced)
            return to_pixels(reduced, source.info.dtype)
        region = grid.region(cell)
        read = np.require(source.read_region(region, grid.level, frame), requirements="W")
        pixels = self.plan.glass.painted(np.moveaxis(read, -1, 0), region, grid)
        if self.reduced is not None:
            self.reduced.leave(grid.level, frame, cell, pixels)
        return pixels

    def _reduce(self, level: int, frame: Frame, cell: Cell) -> None:
        """Leave a region reduced for the next level, as it was when it was stored."""
        self._read(self.plan.grids[level], frame, cell)
        if level and self.reduced is not None:
            self.reduced.clear(level, frame, cell)

    def _result(
        self, grid: LevelGrid, frame: Frame, cell: Cell, pixels: NDArray[Any]
    ) -> RegionResult:
        sizes, nbytes = self._stored(grid, frame, cell)
        samples = self._sampled_in(grid, frame, cell)
        outer = grid.region(cell)
        originals = [pixels[:, *grid.chunk(c).relative_to(outer).slices] for c in samples]
        return RegionResult(
            level=grid.level,
            frame=frame,
            cell=cell,
            pixels=outer.pixels,
            chunk_nbytes=sizes,
            nbytes=nbytes,
            quality=sum(
                (
                    self._quality(grid, frame, grid.chunk(chunk), original)
                    for chunk, original in zip(samples, originals, strict=True)
                ),
                ChunkQuality(),
            ),
            chunks_sampled=len(samples),
            low=min((float(original.min()) for original in originals), default=None),
            high=max((float(original.max()) for original in originals), default=None),
        )

    def _stored(self, grid: LevelGrid, frame: Frame, cell: Cell) -> tuple[NDArray[np.int64], int]:
        """Return the bytes of each chunk of a region, and of its files."""
        image = self.arrays.images[grid.level]
        return chunk_nbytes(self.arrays.store, image, grid, cell, axes=self.plan.axes, frame=frame)

    def _sampled_in(self, grid: LevelGrid, frame: Frame, cell: Cell) -> list[Cell]:
        """Return which chunks of a region are measured: of the first frame only."""
        if self.plan.codec.is_lossless or any(frame):
            return []
        return _cells_where(self._samples[grid.level], grid, cell)

    @cached_property
    def _samples(self) -> list[NDArray[np.bool_]]:
        return [
            pick_samples(chunks, level, least=1 if level else LEAST_SAMPLES)
            for level, chunks in enumerate(self.plan.glass.with_tissue)
        ]

    def _quality(
        self, grid: LevelGrid, frame: Frame, chunk: Region, original: NDArray[Any]
    ) -> ChunkQuality:
        """Measure the distortion on tissue in the middle of a stored chunk."""
        image = self.arrays.images[grid.level]
        stored = np.asarray(image[self.plan.axes.index(frame, chunk)]).reshape(original.shape)
        tissue = self.plan.glass.tissue_pixels(chunk, grid)
        y, x = _middle(chunk.height), _middle(chunk.width)
        return chunk_quality(original[:, y, x], stored[:, y, x], tissue[y, x])


def _middle(side: int) -> slice:
    start = max(0, (side - MEASURED_PX) // 2)
    return slice(start, start + MEASURED_PX)


def _cells_where(chosen: NDArray[np.bool_], grid: LevelGrid, cell: Cell) -> list[Cell]:
    """Return the chunks of a region that are True in `chosen`, a map of the level's chunks."""
    rows, columns = grid.chunks_of(cell)
    return [
        (rows.start + row, columns.start + column)
        for row, column in cells_where(chosen[rows, columns])
    ]
