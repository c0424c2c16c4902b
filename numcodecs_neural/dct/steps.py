"""Quantisation steps of an image: from three numbers, one for each axis and frequency."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BASE_BITS", "MAX_BASE", "STEP_MAX", "Quantisation", "steps_of"]

BASE_BITS = 6
"""A base step counts grey levels, and so many bits below."""

MAX_BASE = (1 << 16) - 1
STEP_MAX = (1 << 15) - 1
_ONE = 16


class Quantisation(NamedTuple):
    """How coarsely the axes and frequencies of an image are kept.

    Parameters
    ----------
    base : int
        Step of the lowest frequencies of the first axis, in 64ths of a grey level; at least 1.
    slope : int
        By how much steps grow with frequency, in sixteenths: with 16, a step at the highest
        frequency along y or x is twice the base.
    chroma : int
        Steps of the second and third axis in sixteenths of those of the first; at least 1.
    """

    base: int
    slope: int
    chroma: int


@lru_cache(maxsize=32)
def steps_of(quantisation: Quantisation, axes: int) -> NDArray[np.int64]:
    """Return the steps (axes, 256) in eighths of a grey level, from 1 to 32767.

    With ``f = round(256 sqrt(u**2 + v**2) / 15)``, a step of the first axis is
    ``base (4096 + slope f) / 2**15``, rounded; of the others, that by ``chroma / 16``.
    """
    u, v = np.divmod(np.arange(256), 16)
    frequency = np.rint(256 * np.sqrt(u * u + v * v) / 15).astype(np.int64)
    factor = 4096 + quantisation.slope * frequency
    scale = np.array([_ONE] + [quantisation.chroma] * (axes - 1), np.int64)
    steps: NDArray[np.int64] = (quantisation.base * scale[:, None] * factor + (1 << 18)) >> 19
    limited: NDArray[np.int64] = steps.clip(1, STEP_MAX)
    limited.flags.writeable = False
    return limited
