"""The JPEG data of a region's chunks, for an encoder that stores them instead of the pixels."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import UnsupportedJpegError
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.requantize import EXACT, requantized

from ..geometry.axes import Frame
from ..geometry.levels import Cell, LevelGrid, Region
from .plan import ConversionPlan

__all__ = ["RegionMosaics", "exact_in", "offers_of", "read_mosaics", "with_coarser"]

PAINTED = "its glass was painted"
DIFFERENT = "its JPEG data do not give back the pixels that were read"

Offer = tuple[NDArray[np.uint8], int, Mosaic | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionMosaics:
    """What is known of the chunks of a region before they are coded.

    Parameters
    ----------
    mosaics : dict
        The JPEG data behind each chunk that can be kept.
    refused : dict
        Why the others cannot.
    coarser : frozenset
        Which chunks have other pixels than the source, since their JPEG data are coarser.
    """

    mosaics: dict[Cell, Mosaic]
    refused: dict[Cell, str]
    coarser: frozenset[Cell] = frozenset()

    def fallbacks(self, lossy: list[Cell]) -> dict[str, int]:
        """Return how many of the chunks that lost something did so for which reason."""
        reasons = Counter(self.refused.get(cell, DIFFERENT) for cell in lossy)
        return dict(sorted(reasons.items()))


def read_mosaics(
    plan: ConversionPlan, grid: LevelGrid, frame: Frame, chunks: list[Cell]
) -> RegionMosaics:
    """Return the JPEG data behind chunks of a level that keeps them.

    Raises
    ------
    SourceError
        If the slide does not decode.
    """
    mosaics: dict[Cell, Mosaic] = {}
    refused: dict[Cell, str] = {}
    level = grid.source_level or 0
    for cell in chunks:
        region = grid.chunk(cell)
        if plan.glass.is_painted(region, grid):
            refused[cell] = PAINTED
            continue
        try:
            mosaics[cell] = plan.source.read_mosaic(region, level, frame)
        except UnsupportedJpegError as exc:
            refused[cell] = str(exc)
    return RegionMosaics(mosaics=mosaics, refused=refused)


def with_coarser(
    plan: ConversionPlan,
    grid: LevelGrid,
    outer: Region,
    pixels: NDArray[Any],
    found: RegionMosaics,
) -> tuple[NDArray[Any], RegionMosaics]:
    """Return a region's pixels as they will be stored, and the JPEG data that give them.

    These are what they were where the level is exact. Elsewhere they are coarser, where they gave
    back the pixels before.

    Parameters
    ----------
    outer : Region
        Where the pixels lie in the level.
    pixels : ndarray
        (sample, y, x), as they were read.
    """
    quality = plan.levels[grid.level].jpeg_quality
    if quality == EXACT or not found.mosaics:
        return pixels, found
    stored = pixels.copy(order="K")
    mosaics, refused, changed = {}, dict(found.refused), set()
    for cell, mosaic in found.mosaics.items():
        if plan.exact[grid.level][cell]:
            mosaics[cell] = mosaic
            continue
        place = grid.chunk(cell).relative_to(outer)
        inside = stored[:, *place.slices]
        try:
            _check_same(mosaic, place, inside)
            coarser = requantized(mosaic, quality)
            shown = _window(coarser, place)
        except UnsupportedJpegError as exc:
            refused[cell] = str(exc)
            continue
        mosaics[cell] = coarser
        if not np.array_equal(shown, inside):
            changed.add(cell)
            inside[:] = shown
    return stored, RegionMosaics(mosaics=mosaics, refused=refused, coarser=frozenset(changed))


def _check_same(mosaic: Mosaic, place: Region, pixels: NDArray[Any]) -> None:
    """Refuse JPEG data of other pixels: the encoder will see those of the coarser data only."""
    if not np.array_equal(_window(mosaic, place), pixels):
        raise UnsupportedJpegError(DIFFERENT)


def _window(mosaic: Mosaic, place: Region) -> NDArray[np.uint8]:
    """Return the pixels of the chunk that a mosaic stands for, (sample, y, x)."""
    y, x = mosaic.offset
    return np.moveaxis(mosaic.pixels()[y : y + place.height, x : x + place.width], -1, 0)


def offers_of(
    plan: ConversionPlan,
    grid: LevelGrid,
    outer: Region,
    pixels: NDArray[Any],
    found: RegionMosaics,
) -> Iterator[Offer]:
    """Yield what the encoder is told of each chunk of a region: pixels, channel axis, JPEG data.

    Of chunks without JPEG data only in an archive, which keeps all pixels.

    Parameters
    ----------
    outer : Region
        Where the pixels lie in the level.
    pixels : ndarray
        (sample, y, x), as they will be written.
    """
    channel_axis = plan.codecs[grid.level].channel_axis
    without = dict.fromkeys(found.refused if plan.options.archive else ())
    for chunk, mosaic in (*found.mosaics.items(), *without.items()):
        yield _padded(plan, grid, outer, pixels, chunk), channel_axis, mosaic


def exact_in(
    plan: ConversionPlan, grid: LevelGrid, outer: Region, pixels: NDArray[Any], chunks: list[Cell]
) -> Iterator[tuple[NDArray[Any], int]]:
    """Yield what `numcodecs_neural.exactly` takes of chunks: pixels and channel axis.

    Parameters
    ----------
    outer : Region
        Where the pixels lie in the level.
    pixels : ndarray
        (sample, y, x), as they will be written.
    chunks : list of Cell
        Which are to be exact.
    """
    channel_axis = plan.codecs[grid.level].channel_axis
    for chunk in chunks:
        yield _padded(plan, grid, outer, pixels, chunk), channel_axis


def _padded(
    plan: ConversionPlan, grid: LevelGrid, outer: Region, pixels: NDArray[Any], chunk: Cell
) -> NDArray[Any]:
    """Return a chunk of a region as the codec will get it."""
    side = grid.chunk_px
    inside = pixels[:, *grid.chunk(chunk).relative_to(outer).slices]
    padding = [(0, 0), *((0, side - length) for length in inside.shape[1:])]
    padded = np.pad(inside, padding, constant_values=plan.glass.fill_value)
    return padded.reshape(plan.axes.frame_shape(side, side))
