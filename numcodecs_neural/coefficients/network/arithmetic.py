"""Small kernels of the context model: logarithms, borders of blocks, levels, least squares.

Import it only when coefficients are coded, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.order import GROUP_SIZE
from numcodecs_neural.coefficients.network.tables import (
    EXTRAPOLATED,
    LOG_GROUP_SIZE,
    LOGARITHM,
    OUTERMOST,
)
from numcodecs_neural.compilation import Integer, inlined, readable

__all__ = [
    "NOTHING",
    "SLOPE_LIMIT",
    "add_product",
    "add_products",
    "clamped",
    "companded",
    "level_of",
    "log2_of",
    "outline",
    "regress",
]

NOTHING = -115
"""The level of magnitudes that are all zero."""

SLOPE_LIMIT = 4096
"""Slopes of the regression are at most 4, in 1/1024."""

_STEEPNESS = 23  # units of a level or companded value to an octave
_COMPANDED_LIMIT = 300
_EXTRAPOLATED, _OUTERMOST = EXTRAPOLATED.astype(np.float64), OUTERMOST.astype(np.float64)
_GROUP_LOG = LOG_GROUP_SIZE[GROUP_SIZE] + 256 * 5


@inlined(types.int64, types.float64)
def log2_of(value: float) -> Integer:
    """Return 256 log2 of a positive integer below 2^53, by its leading 9 bits.

    They are read from the number as IEEE 754 holds it, which is exact.
    """
    bits = np.float64(value).view(np.int64)
    return ((bits >> 52) - 1023) * 256 + LOGARITHM[(bits >> 44) & 255]


@inlined(types.int64, types.int64)
def companded(value: Integer) -> Integer:
    """Return the logarithm, with its sign, of a coefficient in sixteenths."""
    size = min(
        ((log2_of(np.float64(abs(value) + 64)) - 1536) * _STEEPNESS + 128) >> 8, _COMPANDED_LIMIT
    )
    return size if value >= 0 else -size


@inlined(types.int64, types.int64, types.int64, types.int64)
def level_of(energy: Integer, group: Integer, finer: Integer) -> Integer:
    """Return the logarithm of the mean magnitude of a group, from the sum of its magnitudes.

    `energy` counts ``2^-(5 + finer)`` steps.
    """
    offset = GROUP_SIZE[group] << finer
    log = log2_of(np.float64(energy + offset)) - _GROUP_LOG[group] - 256 * finer
    return (log * _STEEPNESS + 128) >> 8


@inlined(types.int64, types.int64, types.int64)
def clamped(value: Integer, limit: Integer) -> Integer:
    """Return `value` within ``[-limit, limit]``."""
    return min(max(value, -limit), limit)


@inlined(types.void, types.float64[::1], types.int64[::1])
def outline(block: NDArray[np.float64], out: NDArray[np.int64]) -> None:
    """Write the one-dimensional DCT of a block's lower and right borders.

    Parameters
    ----------
    block : ndarray, shape (64,)
        Dequantised coefficients, in sixteenths.
    out : ndarray, shape (32,)
        Lower border, lowest row, right border, last column, in sixteenths.
    """
    for a in range(8):
        border, sample = 0.0, 0.0
        for b in range(8):
            value = block[8 * b + a]
            if b & 1:
                value = -value
            border += _EXTRAPOLATED[b] * value
            sample += _OUTERMOST[b] * value
        out[a] = np.int64(np.floor(border * 2.0**-12 + 0.5))
        out[8 + a] = np.int64(np.floor(sample * 2.0**-12 + 0.5))
        border, sample = 0.0, 0.0
        for b in range(8):
            value = block[8 * a + b]
            if b & 1:
                value = -value
            border += _EXTRAPOLATED[b] * value
            sample += _OUTERMOST[b] * value
        out[16 + a] = np.int64(np.floor(border * 2.0**-12 + 0.5))
        out[24 + a] = np.int64(np.floor(sample * 2.0**-12 + 0.5))


@inlined(types.void, readable(types.int64), types.int64, types.int64[::1])
def regress(sums: NDArray[np.int64], others: Integer, slopes: NDArray[np.int64]) -> None:
    """Write the slopes, in 1/1024, of a component on the one or two that were coded before.

    Parameters
    ----------
    sums : ndarray, shape (5,)
        Of products with the first and the second component, in 1/16; of the squares of these and
        of their product, in 1/256.
    others : int
        How many were coded before.
    slopes : ndarray, shape (3,)
        On both; and on the second alone.
    """
    first, second = sums[2] + 768, sums[3] + 768
    if others == 1:
        slopes[0] = clamped(sums[0] * 16384 // first, SLOPE_LIMIT)
        return
    with_first, with_second, both = sums[0] * 16, sums[1] * 16, sums[4]
    slopes[2] = clamped(with_second * 1024 // second, SLOPE_LIMIT)
    largest = max(max(first, second), max(abs(both), max(abs(with_first), abs(with_second))))
    shift = 0
    while (largest >> shift) >= 1 << 26:
        shift += 1
    a, b, c = first >> shift, second >> shift, both >> shift
    x, y = with_first >> shift, with_second >> shift
    determinant = max((a * b - c * c + ((a * b) >> 10)) >> 10, 1)
    slopes[0] = clamped((x * b - y * c) // determinant, SLOPE_LIMIT)
    slopes[1] = clamped((y * a - x * c) // determinant, SLOPE_LIMIT)


@inlined(
    types.void,
    types.float64[:, ::1],
    types.int64,
    readable(types.float64, 3),
    types.int64,
    readable(types.float64),
)
def add_product(
    sums: NDArray[np.float64],
    j: Integer,
    weights: NDArray[np.float64],
    i: Integer,
    values: NDArray[np.float64],
) -> None:
    """Add ``weights[j, i]`` times `values` to ``sums[j]``, coefficient by coefficient."""
    for k in range(64):
        sums[j, k] += weights[j, i, k] * values[k]


@inlined(
    types.void,
    types.float64[:, ::1],
    types.int64,
    readable(types.float64, 3),
    types.int64,
    readable(types.float64),
    readable(types.float64),
    fuses=True,
)
def add_products(
    sums: NDArray[np.float64],
    j: Integer,
    weights: NDArray[np.float64],
    i: Integer,
    first: NDArray[np.float64],
    second: NDArray[np.float64],
) -> None:
    """Do `add_product` with two arrays, and with ``weights[j, i + 1]`` for the second."""
    for k in range(64):
        sums[j, k] += weights[j, i, k] * first[k] + weights[j, i + 1, k] * second[k]
