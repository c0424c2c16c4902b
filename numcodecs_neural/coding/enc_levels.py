"""Samples of 8 or 16 bits as the pixels of a model, and back (SPEC.md, section 6.4).

A model's pixel counts 256 grey levels, and fractions of them where it has any. Samples of 8 bits
are grey levels as they are. Those of 16 bits are first moved down by the chunk's lowest and divided
by a power of two, so that a dark or narrow chunk is coded as finely as its range allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.networks.dec_model import LEVEL_BITS
from numcodecs_neural.networks.description import Pixels

__all__ = ["Levels", "levels_of", "to_pixels", "to_samples"]


@dataclass(frozen=True, slots=True)
class Levels:
    """Which samples are which grey levels.

    Parameters
    ----------
    low : int
        The sample that is level 0.
    shift : int
        A level is ``2**shift`` samples.
    """

    low: int = 0
    shift: int = 0


def levels_of(planes: NDArray[Any], value_range: tuple[int, int] | None = None) -> Levels:
    """Return the finest levels that hold all samples, and no finer ones than `value_range` needs.

    A range that holds all samples is level 0 at its lowest, whatever a chunk's own lowest is: so
    samples that were decoded before lie on the same levels again.

    Examples
    --------
    >>> levels_of(np.array([1000, 1700], np.uint16))
    Levels(low=1000, shift=2)
    >>> levels_of(np.array([1000, 1700], np.uint16), value_range=(0, 4095))
    Levels(low=0, shift=4)
    >>> levels_of(np.array([1000, 1700], np.uint16), value_range=(1500, 2000))
    Levels(low=1000, shift=2)
    """
    if planes.dtype.itemsize == 1:
        return Levels()
    low, high = int(planes.min()), int(planes.max())
    reach = high - low
    if value_range is not None:
        reach = max(reach, value_range[1] - value_range[0])
        if value_range[0] <= low and high <= value_range[1]:
            low = max(value_range[0], int(np.iinfo(planes.dtype).min))
    return Levels(low, max(reach.bit_length() - LEVEL_BITS, 0))


def to_pixels(planes: NDArray[Any], levels: Levels, fraction: int) -> Pixels:
    """Return the pixels that `to_samples` turns into the nearest samples, or one sample further."""
    if planes.dtype == np.uint8 and fraction == 0:
        return planes
    coarser = levels.shift - fraction
    above = planes.astype(np.int32) - levels.low
    if coarser <= 0:
        pixels = above << -coarser
    else:
        pixels = (above - (above >> (LEVEL_BITS + fraction)) + (1 << (coarser - 1))) >> coarser
    return pixels.astype(np.uint16 if fraction else np.uint8)


def to_samples(pixels: Pixels, levels: Levels, fraction: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the samples of pixels: what every decoder computes."""
    if dtype == np.uint8 and fraction == 0:
        return pixels
    coarser = levels.shift - fraction
    above = pixels.astype(np.int32)
    if coarser < 0:
        above = (above + (1 << (-coarser - 1))) >> -coarser
    else:  # the highest bits again below the lowest, so that both ends of the range are reached
        above = (above << coarser) + (above >> (LEVEL_BITS + fraction - coarser))
    limits = np.iinfo(dtype)
    above += levels.low
    return np.clip(above, limits.min, limits.max, out=above).astype(dtype)
