"""Chunks that stand for a slide: a few of those with tissue, picked by a hash of their place."""

import hashlib
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .geometry import Cell, LevelGrid, Region, plan_levels
from .glass import GlassPlan
from .options import ConvertOptions
from .sources import Frame, SlideSource

__all__ = ["SampleChunk", "data_range_of", "sample_chunks"]

# As many pixels as 16 chunks of 512.
_PIXELS = 16 * 512 * 512
_MOST_CHUNKS = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleChunk:
    """One chunk of level 0.

    Parameters
    ----------
    pixels : ndarray
        Shape (c, h, w), as they would be coded: painted where glass is.
    tissue : ndarray
        Shape (h, w), bool.
    """

    pixels: NDArray[Any]
    tissue: NDArray[np.bool_]

    def padded(self, side: int, fill_value: int) -> NDArray[Any]:
        """Return the pixels as the chunk is stored, (c, side, side)."""
        _, height, width = self.pixels.shape
        padding = [(0, 0), (0, side - height), (0, side - width)]
        return np.pad(self.pixels, padding, constant_values=fill_value)


def sample_chunks(
    source: SlideSource, options: ConvertOptions, glass: GlassPlan
) -> list[SampleChunk]:
    """Return chunks with tissue, 4 megapixels at most: the same ones each time.

    Of a slide without any, whatever is there; of one with several frames, of some of these.

    Raises
    ------
    SourceError
        If they do not decode.
    """
    info = source.info
    (grid,) = plan_levels(
        info.shape, levels=1, chunk_px=options.chunk_px, region_px=options.region_px
    )
    chosen = glass.with_tissue[0] if glass.with_tissue[0].any() else ~glass.elided[0]
    cells = [(int(row), int(column)) for row, column in np.argwhere(chosen)] or [(0, 0)]
    frames = list(product(*(range(length) for length in info.frame_shape)))
    count = min(max(_PIXELS // options.chunk_px**2, 1), _MOST_CHUNKS)
    places = sorted(product(frames, cells), key=_rank)[:count]
    return [_read(source, glass, grid, cell, frame) for frame, cell in places]


def data_range_of(samples: list[SampleChunk]) -> float:
    """Return what PSNR and SSIM are relative to: 255 for RGB of 8 bits.

    For all else it is the range of the samples themselves, since few such slides use all of what
    their dtype could hold.
    """
    first = samples[0].pixels
    if first.dtype == np.uint8 and first.shape[0] == 3:
        return 255.0
    low = min(float(sample.pixels.min()) for sample in samples)
    high = max(float(sample.pixels.max()) for sample in samples)
    return max(high - low, 1.0)


def _rank(place: tuple[Frame, Cell]) -> bytes:
    frame, cell = place
    # Others than those that measure a store when it is written, which are picked likewise.
    name = "/".join(map(str, ("sample", *frame, *cell)))
    return hashlib.sha256(name.encode()).digest()


def _read(
    source: SlideSource, glass: GlassPlan, grid: LevelGrid, cell: Cell, frame: Frame
) -> SampleChunk:
    region: Region = grid.chunk(cell)
    planes = np.moveaxis(source.read_region(region, 0, frame), -1, 0)
    painted = glass.painted(np.array(planes, order="C"), region, grid)
    return SampleChunk(pixels=painted, tissue=glass.tissue_pixels(region, grid))
