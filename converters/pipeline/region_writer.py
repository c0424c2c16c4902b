"""PyramidWriter: the task of one region.

A task of a level of the source reads its region of the slide, once. It stores the region, and
leaves its reduced pixels if the next level is made of them. A task of a reduced level takes the
reduced pixels of the regions under it, and does the same. So no stored chunk is ever decoded to
make another, no two tasks write one file, and memory holds only the regions in work. A task may run
again after a crash: it finds the region in the checkpoint, or the same pixels, and writes the same
bytes.

Of a level that keeps the source's JPEG data, these are offered to the encoder with the pixels. It
decodes what it made of them and compares; what differs it codes like all other pixels. Where they
are to be coarser, both are offered so, and measured against the pixels that were read.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural import exactly
from numcodecs_neural.codec import is_lossy
from numcodecs_neural.errors import NeuralCodecError
from numcodecs_neural.jpeg.offers import offered

from ..geometry.axes import Frame
from ..geometry.downsample import to_pixels
from ..geometry.levels import Cell, LevelGrid, Region, cells_where
from ..measure.distortion import ChunkQuality, chunk_quality
from ..measure.sampling import pick_samples
from ..store.arrays import PyramidArrays
from ..store.chunk_sizes import StoredRegion
from ..store.region_files import region_files
from .checkpoint import Checkpoint, RegionResult
from .exact_chunks import RegionMosaics, exact_in, offers_of, read_mosaics, with_coarser
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
    reduced : ReducedPixels
        Pixels that wait for the next level.
    only : frozenset, optional
        The regions to write, where all others are stored already; None for all.
    """

    plan: ConversionPlan
    arrays: PyramidArrays
    checkpoint: Checkpoint
    reduced: ReducedPixels
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
        if grid.is_reduced:
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
        found = self._mosaics(grid, frame, cell)
        written, found = with_coarser(self.plan, grid, region, pixels, found)
        shape = axes.frame_shape(region.height, region.width)
        selection = axes.index(frame, region)
        offers = offers_of(self.plan, grid, region, written, found)
        exact = exact_in(self.plan, grid, region, written, self._exact_in(grid, cell))
        with offered(offers, are_exact=self.plan.options.archive), exactly(exact):
            self.arrays.write_image(grid.level, selection, written.reshape(shape), grid.chunk_px)
        if self.arrays.has_label:
            tissue = glass.tissue_pixels(region, grid)
            self.arrays.write_label(grid.level, region.slices, tissue)
        return self._result(grid, frame, cell, pixels, found)

    def _exact_in(self, grid: LevelGrid, cell: Cell) -> list[Cell]:
        """Return which chunks of a region are to be exact."""
        return _cells_where(self.plan.exact[grid.level], grid, cell)

    def _mosaics(self, grid: LevelGrid, frame: Frame, cell: Cell) -> RegionMosaics:
        """Return the JPEG data behind the chunks of a region, after its pixels were read."""
        if self.plan.levels[grid.level].coding != "jpeg":
            return RegionMosaics(mosaics={}, refused={})
        stored = _cells_where(~self.plan.glass.elided[grid.level], grid, cell)
        return read_mosaics(self.plan, grid, frame, stored)

    def _read(self, grid: LevelGrid, frame: Frame, cell: Cell) -> NDArray[Any]:
        """Return the pixels of a region, (sample, y, x), after leaving them for the next level.

        They may be written to. Those of the source keep its memory layout, where the samples of a
        pixel lie together: Zarr copies each chunk into planes in any case.
        """
        source, glass = self.plan.source, self.plan.glass
        if grid.is_reduced:
            reduced = self.reduced.collect(
                grid.level, frame, cell, make=partial(self._reduce, grid.level - 1, frame)
            )
            self.reduced.leave(grid.level, frame, cell, reduced)
            return to_pixels(reduced, source.info.dtype)
        region = grid.region(cell)
        is_elided = glass.elided[grid.level][grid.chunks_of(cell)].all()
        if is_elided and not self.reduced.is_wanted(grid.level):
            info = source.info
            return np.empty((info.samples, region.height, region.width), info.dtype)
        level = grid.source_level or 0
        read = np.require(source.read_region(region, level, frame), requirements="W")
        pixels = glass.painted(np.moveaxis(read, -1, 0), region, grid)
        self.reduced.leave(grid.level, frame, cell, pixels)
        return pixels

    def _reduce(self, level: int, frame: Frame, cell: Cell) -> None:
        """Leave a region reduced for the next level, as it was when it was stored."""
        self._read(self.plan.grids[level], frame, cell)
        if self.plan.grids[level].is_reduced:
            self.reduced.clear(level, frame, cell)

    def _result(
        self,
        grid: LevelGrid,
        frame: Frame,
        cell: Cell,
        pixels: NDArray[Any],
        found: RegionMosaics,
    ) -> RegionResult:
        stored = self._stored(grid, frame, cell)
        sizes, nbytes = stored.nbytes()
        kept = self._kept(stored, sizes, found)
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
            **kept,
        )

    def _kept(
        self, stored: StoredRegion, sizes: NDArray[np.int64], found: RegionMosaics
    ) -> dict[str, Any]:
        """Return how many chunks of a region are what, of a level that keeps its JPEG data.

        Of others, how many were to be exact.

        Raises
        ------
        NeuralCodecError
            If one that was to be exact is not, which is a fault of this package.
        """
        keeps_jpeg = self.plan.levels[stored.grid.level].coding == "jpeg"
        asked = self._exact_in(stored.grid, stored.cell)
        if not (keeps_jpeg or asked):
            return {}
        rows, columns = stored.grid.chunks_of(stored.cell)
        starts = {
            (rows.start + row, columns.start + column): start
            for (row, column), start in stored.starts(sizes).items()
        }
        lossy = [cell for cell, start in starts.items() if is_lossy(start)]
        if not set(asked).isdisjoint(lossy):
            raise NeuralCodecError(
                f"chunks of level {stored.grid.level} that were to be exact lost something: "
                f"{sorted(set(asked).intersection(lossy))}. This is a fault of numcodecs-neural: "
                "please report it"
            )
        if not keeps_jpeg:
            return {"exact": len(starts.keys() & set(asked))}
        coarser = found.coarser.difference(lossy)
        return {
            "exact": len(starts) - len(lossy) - len(coarser.intersection(starts)),
            "coarser": len(coarser),
            "fallbacks": found.fallbacks(lossy),
        }

    def _stored(self, grid: LevelGrid, frame: Frame, cell: Cell) -> StoredRegion:
        return StoredRegion(
            store=self.arrays.store,
            array=self.arrays.images[grid.level],
            grid=grid,
            cell=cell,
            axes=self.plan.axes,
            frame=frame,
        )

    def _sampled_in(self, grid: LevelGrid, frame: Frame, cell: Cell) -> list[Cell]:
        """Return which chunks of a region are measured: of the first frame only."""
        if self.plan.codecs[grid.level].is_lossless or any(frame):
            return []
        return _cells_where(self._samples[grid.level], grid, cell)

    @cached_property
    def _samples(self) -> list[NDArray[np.bool_]]:
        return [
            pick_samples(chunks & ~exact, level, least=1 if level else LEAST_SAMPLES)
            for level, (chunks, exact) in enumerate(
                zip(self.plan.glass.with_tissue, self.plan.exact, strict=True)
            )
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
