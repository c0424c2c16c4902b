"""PyramidWriter: what one task does with one region.

A task of level 0 reads its region of the slide, once. It stores the region, and leaves the same
pixels, reduced, in the scratch. A task of level n finds there what the regions
under it left, and does the same. So no stored chunk is ever decoded to make another, no two tasks
write one file, and memory holds only the regions in work. A task may run again after a crash: it
finds its record, or the same pixels, and writes the same bytes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.axes import Axes
from ..geometry.downsample import to_pixels
from ..geometry.levels import Cell, LevelGrid, Region
from ..measure.distortion import ChunkQuality, chunk_quality
from ..measure.sampling import pick_samples
from ..sources import Frame, SlideSource
from ..store.arrays import PyramidArrays
from ..store.chunk_sizes import chunk_nbytes
from ..tissue.glass_plan import GlassPlan
from .checkpoint import Records, RegionResult
from .reduced_pixels import Scratch

__all__ = ["PyramidWriter"]

# Chunks of level 0 that are measured on the smallest slide.
LEAST_SAMPLES = 2
# Side of what is measured in the middle of a sampled chunk: SSIM costs more than coding.
MEASURED_PX = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class PyramidWriter:
    """Writes regions: what all tasks share. It pickles, for workers elsewhere.

    Parameters
    ----------
    source : SlideSource
        Where pixels come from.
    grids : tuple of LevelGrid
        All levels.
    axes : Axes
        How frames lie in the arrays.
    arrays : PyramidArrays
        Where pixels go.
    records : Records
        What is done.
    glass : GlassPlan
        What is done about glass.
    is_lossless : bool
        Whether stored pixels are the original ones: then they need not be read again.
    scratch : Scratch, optional
        Where reduced pixels wait for the next level; None if levels are read from the source.
    """

    source: SlideSource
    grids: tuple[LevelGrid, ...]
    axes: Axes
    arrays: PyramidArrays
    records: Records
    glass: GlassPlan
    is_lossless: bool
    scratch: Scratch | None

    def write_region(self, level: int, frame: Frame, cell: Cell) -> RegionResult:
        """Store one region, and leave it reduced for the next level, unless that is done.

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
            If what was written before is not there any more.
        """
        grid = self.grids[level]
        result = self.records.find(level, frame, cell)
        if result is None:
            result = self._write(grid, frame, cell)
            self.records.add(result)
        elif result.nbytes != self._stored(grid, frame, cell)[1]:
            raise OSError(
                f"region {cell} of level {level} was written before and is lost from "
                f"{self.arrays.store.place}: begin anew, without --resume"
            )
        if level and self.scratch is not None:
            # Only now: whoever has to write this region again needs them.
            self.scratch.clear(level, frame, cell)
        return result

    def _write(self, grid: LevelGrid, frame: Frame, cell: Cell) -> RegionResult:
        region = grid.region(cell)
        pixels = self._read(grid, frame, cell)
        to_store = self._without_elided(pixels, grid, cell)
        shape = self.axes.frame_shape(region.height, region.width)
        place = self.axes.index(frame, region)
        self.arrays.write_image(grid.level, place, to_store.reshape(shape), grid.chunk_px)
        if self.arrays.has_label:
            tissue = self.glass.tissue_pixels(region, grid)
            self.arrays.write_label(grid.level, region.slices, tissue)
        return self._result(grid, frame, cell, pixels)

    def _read(self, grid: LevelGrid, frame: Frame, cell: Cell) -> NDArray[Any]:
        """Return the pixels of a region, (sample, y, x), after leaving them for the next level."""
        if grid.level and self.scratch is not None:
            reduced = self.scratch.collect(grid.level, frame, cell)
            self.scratch.leave(grid.level, frame, cell, reduced)
            return to_pixels(reduced, self.source.info.dtype)
        region = grid.region(cell)
        read = self.source.read_region(region, grid.level, frame)
        pixels = np.ascontiguousarray(np.moveaxis(read, -1, 0))
        pixels = self.glass.painted(pixels, region, grid)
        if self.scratch is not None:
            self.scratch.leave(grid.level, frame, cell, pixels)
        return pixels

    def _without_elided(self, pixels: NDArray[Any], grid: LevelGrid, cell: Cell) -> NDArray[Any]:
        """Return `pixels` with the fill value in chunks to elide: Zarr does not store those."""
        elided = _cells_where(self.glass.elided[grid.level], grid, cell)
        if not elided:
            return pixels
        pixels = pixels.copy()
        for chunk in elided:
            inside = grid.chunk(chunk).relative_to(grid.region(cell))
            pixels[:, *inside.slices] = self.glass.fill_value
        return pixels

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
        return chunk_nbytes(self.arrays.store, image, grid, cell, axes=self.axes, frame=frame)

    def _sampled_in(self, grid: LevelGrid, frame: Frame, cell: Cell) -> list[Cell]:
        """Return which chunks of a region are measured: of the first frame only."""
        if self.is_lossless or any(frame):
            return []
        return _cells_where(self._samples[grid.level], grid, cell)

    @cached_property
    def _samples(self) -> list[NDArray[np.bool_]]:
        return [
            pick_samples(chunks, level, least=1 if level else LEAST_SAMPLES)
            for level, chunks in enumerate(self.glass.with_tissue)
        ]

    def _quality(
        self, grid: LevelGrid, frame: Frame, chunk: Region, original: NDArray[Any]
    ) -> ChunkQuality:
        """Compare the middle of a chunk with what a reader gets, on tissue."""
        image = self.arrays.images[grid.level]
        stored = np.asarray(image[self.axes.index(frame, chunk)]).reshape(original.shape)
        tissue = self.glass.tissue_pixels(chunk, grid)
        y, x = _middle(chunk.height), _middle(chunk.width)
        return chunk_quality(original[:, y, x], stored[:, y, x], tissue[y, x])


def _middle(side: int) -> slice:
    start = max(0, (side - MEASURED_PX) // 2)
    return slice(start, start + MEASURED_PX)


def _cells_where(chosen: NDArray[np.bool_], grid: LevelGrid, cell: Cell) -> list[Cell]:
    """Return the chunks of a region that are True in `chosen`, a map of the level's chunks."""
    rows, columns = grid.chunks_of(cell)
    return [
        (rows.start + int(row), columns.start + int(column))
        for row, column in np.argwhere(chosen[rows, columns])
    ]
