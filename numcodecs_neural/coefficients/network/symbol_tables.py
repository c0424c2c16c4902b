"""Tables of symbols: a mixture of two logistics for each scale and place of the mean in its cell.

A symbol is coded in cells of `2^shift` numbers, counted from the cell that holds the mean. The
entries of a table are the cells from -7 to 7 and what lies beyond: 16 intervals of 2^15 slots. The
mean lies in its cell at one of 17 places; half of them are mirror images.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.parameters import Component
from numcodecs_neural.coefficients.network.tables import (
    INVERSE_SCALE,
    LOG_SCALE_ZERO,
    LOG_SCALES,
    LOGISTIC,
    LOGISTIC_LIMIT,
    OCTAVE,
)

__all__ = ["ENTRIES", "ESCAPE", "PLACES", "PRECISION_BITS", "REACH", "SHIFT", "symbol_tables"]

PRECISION_BITS = 15
ENTRIES = 16
ESCAPE, REACH, PLACES = ENTRIES - 1, 7, 9
"""The last entry; cells on each side of the mean's; places of the mean, from the middle on."""
_WHOLE = 1 << PRECISION_BITS
_SHARED = _WHOLE - ENTRIES

SHIFT = np.maximum((np.arange(LOG_SCALES) - LOG_SCALE_ZERO) * OCTAVE >> 15, 0)
"""Lowest bits of a symbol that are taken as uniform: cells of a half to a whole scale."""


@functools.lru_cache(maxsize=16)
def symbol_tables(component: Component) -> NDArray[np.int16]:
    """Return where the entries begin: ``PLACES * LOG_SCALES`` rows of `ENTRIES`, and one, flat.

    Each entry has a slot of its own, and the others are divided by probability. What no cell has is
    the escape's. A row ends where the next one begins, with 0, which stands for 2^15.
    """
    scales = np.arange(LOG_SCALES)
    ratio = int(component.arrays["ratio"][0])
    weight = component.arrays["mix"].astype(np.int64)[:, None]
    borders = 32 * np.arange(-REACH, REACH + 2) - 16
    below = np.stack(
        [_mixed(borders - 2 * place, scales, ratio, weight) for place in range(PLACES)]
    )
    inside = ((below - below[..., :1]) * _SHARED) >> PRECISION_BITS
    starts = np.zeros((PLACES * LOG_SCALES + 1, ENTRIES), np.int16)
    starts[:-1] = (inside + np.arange(ENTRIES)).reshape(-1, ENTRIES)
    return starts.reshape(-1)


def _mixed(
    borders: NDArray[np.int64], scales: NDArray[np.int64], ratio: int, weight: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return 2^15 times the probability below borders in 1/32 of a cell, for each scale."""
    narrow, wide = (_logistic(borders, scales, offset) for offset in (0, ratio))
    mixed: NDArray[np.int64] = (weight * narrow + (_WHOLE - weight) * wide) >> PRECISION_BITS
    return mixed


def _logistic(
    borders: NDArray[np.int64], scales: NDArray[np.int64], offset: int
) -> NDArray[np.int64]:
    cells = borders << SHIFT[scales][:, None]
    arguments = (cells * INVERSE_SCALE[scales + offset][:, None] + (1 << 14)) >> 15
    limited = np.clip(arguments, -LOGISTIC_LIMIT, LOGISTIC_LIMIT)
    values: NDArray[np.int64] = LOGISTIC[limited + LOGISTIC_LIMIT]
    return values
