"""The JPEG data of a region's chunks, for an encoder that stores them instead of the pixels."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import UnsupportedJpegError
from numcodecs_neural.jpeg.mosaic import Mosaic

from ..geometry.axes import Frame
from ..geometry.levels import Cell, LevelGrid, Region
from .plan import ConversionPlan

__all__ = ["RegionMosaics", "offers_of", "read_mosaics"]

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
    """

    mosaics: dict[Cell, Mosaic]
    refused: dict[Cell, str]

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
    side = grid.chunk_px
    shape = plan.axes.frame_shape(side, side)
    channel_axis = plan.codecs[grid.level].channel_axis
    without = dict.fromkeys(found.refused if plan.options.archive else ())
    for chunk, mosaic in (*found.mosaics.items(), *without.items()):
        inside = pixels[:, *grid.chunk(chunk).relative_to(outer).slices]
        padding = [(0, 0), *((0, side - length) for length in inside.shape[1:])]
        padded = np.pad(inside, padding, constant_values=plan.glass.fill_value)
        yield padded.reshape(shape), channel_axis, mosaic
