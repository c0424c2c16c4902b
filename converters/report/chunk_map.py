"""Bytes of each chunk of a finished store, and the conversion report made of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..pipeline.checkpoint import RegionResult
from ..pipeline.coverage import is_stored
from ..pipeline.summary import LevelReport, SlideReport, report_levels
from ..sources import Frame, SlideInfo
from ..store.chunk_sizes import StoredRegion
from .stored_slide import StoredSlide

__all__ = ["ChunkMap", "map_chunks", "report_of"]

# Requests under way at a time, where a store is behind a URL.
_REQUESTS = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChunkMap:
    """Level 0 of the first frame, chunk by chunk.

    Parameters
    ----------
    nbytes : ndarray
        Of each chunk, 0 where nothing is stored.
    bpp : ndarray
        Bits per pixel, padding not counted; not a number where nothing is stored.
    coverage : ndarray
        What became of each when it was written.
    """

    nbytes: NDArray[np.int64]
    bpp: NDArray[np.float64]
    coverage: NDArray[np.uint8]

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Chunks that were written and are not there any more."""
        lost: NDArray[np.bool_] = is_stored(self.coverage) & (self.nbytes == 0)
        return lost

    @property
    def mean_bpp(self) -> float:
        """Bits per pixel of all that is stored, shard indexes left out."""
        is_stored = self.nbytes > 0
        pixels = 8 * self.nbytes[is_stored] / self.bpp[is_stored]
        return float(8 * self.nbytes.sum() / pixels.sum())

    @property
    def is_any_stored(self) -> bool:
        """Whether there is any number in the map."""
        return bool((self.nbytes > 0).any())


def map_chunks(stored: StoredSlide) -> ChunkMap:
    """Return the map of level 0 of the first frame."""
    frame, grid = stored.first_frame, stored.grids[0]
    nbytes = np.zeros(grid.chunk_grid, np.int64)
    for result in _results(stored, 0, [frame]):
        nbytes[grid.chunks_of(result.cell)] = result.chunk_nbytes
    pixels = np.array(
        [
            [grid.chunk((row, column)).pixels for column in range(grid.chunk_grid[1])]
            for row in range(grid.chunk_grid[0])
        ]
    )
    return ChunkMap(
        nbytes=nbytes,
        bpp=np.where(nbytes > 0, 8 * nbytes / pixels, np.nan),
        coverage=stored.coverage(0)[frame],
    )


def report_of(
    stored: StoredSlide, name: str, output: str, mask: NDArray[np.bool_] | None
) -> SlideReport:
    """Return the report of a store that was there already, from what is in it.

    Quality is that of level 0, which the store's history tells; nothing is measured again.

    Parameters
    ----------
    name : str
        Of the slide.
    output : str
        The store.
    mask : ndarray, optional
        Its tissue mask, at any size.
    """
    first = stored.image(0)
    frames = tuple(length for _, length in stored.axes.frames)
    info = SlideInfo(
        name=name,
        level_shapes=tuple((grid.height, grid.width) for grid in stored.grids),
        mpp=None,
        history=(),
        size_bytes=None,
        dtype=first.dtype,
        samples=stored.axes.samples,
        frames=stored.axes.frames,
    )
    results = [
        result
        for level in range(len(stored.grids))
        for result in _results(stored, level, list(stored.axes.all_frames()))
    ]
    coverage = [stored.coverage(level) for level in range(len(stored.grids))]
    levels = report_levels(results, stored.levels, stored.codecs, coverage, info)
    noted = stored.block.get("levels") or [{}] * len(levels)
    levels = tuple(
        replace(
            level,
            exact=its.get("exact", 0),
            coarser=its.get("coarser", 0),
            fallbacks=its.get("fallbacks", {}),
        )
        for level, its in zip(levels, noted, strict=True)
    )
    pixel_nbytes = info.samples * first.dtype.itemsize * int(np.prod(frames, dtype=np.int64))
    return SlideReport(
        source=name,
        output=output,
        levels=(_with_quality(levels[0], stored), *levels[1:]),
        glass=stored.block["glass"]["treatment"],
        tissue_area=None if mask is None else round(float(mask.mean()), 4),
        raw_nbytes=pixel_nbytes * sum(grid.pixels for grid in stored.grids),
        nbytes=sum(level.nbytes for level in levels),
        source_nbytes=None,
        codec=stored.codecs[0].told,
        seconds=0.0,
    )


def _with_quality(level: LevelReport, stored: StoredSlide) -> LevelReport:
    history = stored.block["lossy_history"]
    if not history or level.coding == "lossless" or level.is_exact:
        return level
    step = history[-1]
    return replace(
        level,
        psnr_db=step.get("psnr_db"),
        ssim=step.get("ssim"),
        chunks_sampled=step.get("chunks_sampled", 0),
    )


def _results(stored: StoredSlide, level: int, frames: list[Frame]) -> Iterator[RegionResult]:
    grid, image = stored.grids[level], stored.image(level)

    def measure(region: tuple[Frame, tuple[int, int]]) -> RegionResult:
        frame, cell = region
        written = StoredRegion(
            store=stored.folder, array=image, grid=grid, cell=cell, axes=stored.axes, frame=frame
        )
        sizes, nbytes = written.nbytes()
        pixels = grid.region(cell).pixels
        return RegionResult(
            level=level, frame=frame, cell=cell, pixels=pixels, chunk_nbytes=sizes, nbytes=nbytes
        )

    regions = [(frame, cell) for frame in frames for cell in grid.regions()]
    if stored.folder.path:
        yield from map(measure, regions)
        return
    with ThreadPoolExecutor(_REQUESTS) as pool:
        yield from pool.map(measure, regions)
