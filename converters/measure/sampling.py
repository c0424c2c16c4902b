"""Chunks that stand for a slide: a few of each sort, picked by a hash of their place."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.measure.picking import pick

from ..geometry.downsample import reduce_pixels, to_pixels
from ..geometry.levels import Cell, LevelGrid, Region, ceil_div, cells_where
from ..sources import Frame, SlideSource
from ..tissue.glass_plan import GlassPlan

__all__ = [
    "SampleChunk",
    "data_range_of",
    "own_range_of",
    "pick_samples",
    "sample_chunks",
    "sample_exact",
    "sample_glass",
    "sample_level",
    "sampled_levels",
]

# As many pixels as 16 chunks of 512.
_PIXELS = 16 * 512 * 512
_MOST_CHUNKS = 256
# Of each of the other sorts, which only sizes are told by.
_FEW = 8
# Enough for a tenth of a decibel on slides of many kinds; and of small levels no more than one
# chunk in 32, for measuring costs more than coding.
_SAMPLES_PER_LEVEL, _CHUNKS_PER_SAMPLE = 24, 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleChunk:
    """One chunk of a slide.

    Parameters
    ----------
    pixels : ndarray
        Shape (c, h, w), as they would be coded: painted where glass is.
    tissue : ndarray
        Shape (h, w), bool.
    place : tuple
        Its frame, and its (row, column) among the level's chunks.
    """

    pixels: NDArray[Any]
    tissue: NDArray[np.bool_]
    place: tuple[Frame, Cell]

    def padded(self, side: int, fill_value: int) -> NDArray[Any]:
        """Return the pixels as the chunk is stored, (c, side, side)."""
        _, height, width = self.pixels.shape
        padding = [(0, 0), (0, side - height), (0, side - width)]
        return np.pad(self.pixels, padding, constant_values=fill_value)


def sample_chunks(
    source: SlideSource, grid: LevelGrid, glass: GlassPlan, *, count: int | None = None
) -> list[SampleChunk]:
    """Return chunks of level 0, whose grid is given, with tissue: the same ones each time.

    Of a slide without any, whatever is there; of one with several frames, of some of these.

    Parameters
    ----------
    count : int, optional
        How many at most; by default as many as 4 megapixels have, and no more than 256.

    Raises
    ------
    SourceError
        If they do not decode.
    """
    chosen = glass.with_tissue[0] if glass.with_tissue[0].any() else ~glass.elided[0]
    if count is None:
        count = min(max(_PIXELS // grid.chunk_px**2, 1), _MOST_CHUNKS)
    places = _pick(source, chosen, count) or [((0,) * len(source.info.frames), (0, 0))]
    return [_read(source, glass, grid, place) for place in places]


def sample_glass(source: SlideSource, grid: LevelGrid, glass: GlassPlan) -> list[SampleChunk]:
    """Return a few chunks of level 0, whose grid is given, that are stored and hold no tissue."""
    chosen = ~glass.with_tissue[0] & ~glass.elided[0]
    return [_read(source, glass, grid, place) for place in _pick(source, chosen, _FEW)]


def sample_exact(
    source: SlideSource, grid: LevelGrid, glass: GlassPlan, exact: NDArray[np.bool_]
) -> list[SampleChunk]:
    """Return a few chunks of level 0, whose grid is given, that are to be exact."""
    return [_read(source, glass, grid, place) for place in _pick(source, exact, _FEW)]


def sample_level(
    source: SlideSource, grids: tuple[LevelGrid, ...], glass: GlassPlan, level: int
) -> list[SampleChunk]:
    """Return a few chunks with tissue of a smaller level, which takes more bits a pixel.

    Parameters
    ----------
    grids : tuple of LevelGrid
        All levels.
    level : int
        A level of the source, or one that is reduced from a level of the source.
    """
    grid, samples = grids[level], []
    for frame, cell in _pick(source, glass.with_tissue[level], _FEW):
        region = grid.chunk(cell)
        if grid.source_level is None:
            planes = _reduced(source, region, frame, grids[level - 1], grid)
        else:
            planes = _planes(source, region, frame, grid.source_level)
        samples.append(_sample(planes, region, grid, glass, (frame, cell)))
    return samples


def sampled_levels(grids: tuple[LevelGrid, ...]) -> dict[int, list[int]]:
    """Return the levels to be sampled, and for which levels each stands: reduced ones are alike.

    Examples
    --------
    >>> from numcodecs_neural.converters.geometry.levels import plan_levels
    >>> own, *reduced = plan_levels((2000, 3000), levels=4, chunk_px=512, region_px=2048)
    >>> sampled_levels((own, *reduced))
    {0: [0], 1: [1, 2, 3]}
    """
    levels: dict[int, list[int]] = {}
    for level, grid in enumerate(grids):
        if level and grid.is_reduced and grids[level - 1].is_reduced:
            levels[max(levels)].append(level)
        else:
            levels[level] = [level]
    return levels


def pick_samples(candidates: NDArray[np.bool_], level: int, *, least: int = 1) -> NDArray[np.bool_]:
    """Return which of the chunks are measured: the same ones for any order of work.

    A hash of their place picks them, which spreads them over the slide.

    Parameters
    ----------
    candidates : ndarray
        Which of a level's chunks may be picked, by row and column.
    level : int
        The level.
    least : int
        How many to pick if there are so many; of the same, larger values pick these and more.
    """
    cells = cells_where(candidates)
    wanted = max(least, ceil_div(len(cells), _CHUNKS_PER_SAMPLE))
    picked = np.zeros(candidates.shape, bool)
    for cell in pick(cells, min(wanted, _SAMPLES_PER_LEVEL), key=lambda cell: (level, *cell)):
        picked[cell] = True
    return picked


def data_range_of(samples: list[SampleChunk]) -> float:
    """Return what PSNR is relative to: 255 for 8 bits, else the range of the samples.

    Few slides use all of what 16 bits could hold.
    """
    return 255.0 if samples[0].pixels.dtype == np.uint8 else own_range_of(samples)


def own_range_of(samples: list[SampleChunk]) -> float:
    """Return the difference between the brightest and the darkest sample, 1 at least."""
    low = min(float(sample.pixels.min()) for sample in samples)
    high = max(float(sample.pixels.max()) for sample in samples)
    return max(high - low, 1.0)


def _pick(source: SlideSource, chosen: NDArray[np.bool_], count: int) -> list[tuple[Frame, Cell]]:
    """Return `count` of the places of all frames where `chosen`, chunk by chunk, is True.

    Others than those that measure a store when it is written, which are picked likewise.
    """
    frames = product(*(range(length) for length in source.info.frame_shape))
    places = product(frames, cells_where(chosen))
    return pick(places, count, key=lambda place: ("sample", *place[0], *place[1]))


def _read(
    source: SlideSource, glass: GlassPlan, grid: LevelGrid, place: tuple[Frame, Cell]
) -> SampleChunk:
    frame, cell = place
    region = grid.chunk(cell)
    return _sample(_planes(source, region, frame), region, grid, glass, place)


def _sample(
    planes: NDArray[Any],
    region: Region,
    grid: LevelGrid,
    glass: GlassPlan,
    place: tuple[Frame, Cell],
) -> SampleChunk:
    return SampleChunk(
        pixels=glass.painted(planes, region, grid),
        tissue=glass.tissue_pixels(region, grid),
        place=place,
    )


def _reduced(
    source: SlideSource, region: Region, frame: Frame, fine: LevelGrid, grid: LevelGrid
) -> NDArray[Any]:
    """Return a region of a level, as the writer reduces it from `fine`, a level of the source."""
    step = grid.step
    y, x = step * region.y, step * region.x
    height = min(step * region.height, fine.height - y)
    width = min(step * region.width, fine.width - x)
    planes = _planes(source, Region(y, x, height, width), frame, fine.source_level or 0)
    reduced = reduce_pixels(planes, step.bit_length() - 1)
    return to_pixels(reduced, source.info.dtype)


def _planes(source: SlideSource, region: Region, frame: Frame, level: int = 0) -> NDArray[Any]:
    """Return pixels as (c, y, x), in an array of their own: they may be painted."""
    return np.array(np.moveaxis(source.read_region(region, level, frame), -1, 0), order="C")
