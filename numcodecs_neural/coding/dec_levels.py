"""Pixels of a model as samples of 8 or 16 bits (SPEC.md, section 6.4).

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

__all__ = ["Levels", "to_samples"]


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
