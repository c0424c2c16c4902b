"""Layers of the context model: products of vectors and matrices of integers in float32.

No sum leaves ±2^24, whatever its order (`parameters` proves it), so all products are exact.
Import it only when coefficients are coded, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.limits import (
    ACTIVATION_LIMIT,
    COLUMNS,
    OUTPUT_LIMIT,
    ROWS,
)
from numcodecs_neural.compilation import Integer, inlined, readable

__all__ = ["add_row", "find", "multiply", "rectify", "rescale"]

_vector, _matrix = types.float32[::1], readable(types.float32, 2)


@inlined(types.void, _vector, types.float32, _matrix, types.int64)
def add_row(
    sums: NDArray[np.float32], factor: np.float32, rows: NDArray[np.float32], row: Integer
) -> None:
    """Add a row of a matrix, times a factor, to `sums`."""
    for j in range(sums.size):
        sums[j] += factor * rows[row, j]


@inlined(types.int64, _vector, types.uint16[::1])
def find(values: NDArray[np.float32], places: NDArray[np.uint16]) -> Integer:
    """Sort places, those of positive values before those of zeros; return how many these are."""
    found, last = 0, values.size - 1
    for i in range(values.size):
        places[found] = places[last - i + found] = i
        found += values[i] > 0
    return found


@inlined(
    types.void,
    _vector,
    readable(types.uint16),
    types.int64,
    _matrix,
    types.int64,
    _vector,
    fuses=True,
)
def multiply(
    values: NDArray[np.float32],
    places: NDArray[np.uint16],
    found: Integer,
    matrix: NDArray[np.float32],
    count: Integer,
    sums: NDArray[np.float32],
) -> None:
    """Add the values at the first places times their rows of a matrix to `sums`.

    Parameters
    ----------
    values : ndarray
    places : ndarray
        `found` places, and up to a multiple of `ROWS` some whose products are zero.
    found : int
    matrix : ndarray, shape (values, columns)
        The columns are a multiple of `COLUMNS`, so that they are whole vectors of the processor.
    count : int
        Columns that are wanted; some more may be added.
    sums : ndarray, shape (columns,)
    """
    for at in range(0, found, ROWS):
        i, j, k, m = places[at], places[at + 1], places[at + 2], places[at + 3]
        first, second, third, fourth = values[i], values[j], values[k], values[m]
        for column in range((count + COLUMNS - 1) & -COLUMNS):
            sums[column] += (
                first * matrix[i, column]
                + second * matrix[j, column]
                + third * matrix[k, column]
                + fourth * matrix[m, column]
            )


@inlined(types.void, readable(types.float32), readable(types.float32), _vector)
def rectify(
    sums: NDArray[np.float32], scale: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Write ``clamp(floor(sums * scale), 0, ACTIVATION_LIMIT)``; scales are powers of two."""
    for j in range(sums.size):
        out[j] = min(max(np.floor(sums[j] * scale[j]), np.float32(0)), np.float32(ACTIVATION_LIMIT))


@inlined(types.void, _vector, readable(types.float32), types.int64)
def rescale(outputs: NDArray[np.float32], scale: NDArray[np.float32], count: Integer) -> None:
    """Write ``clamp(floor(outputs * scale), -OUTPUT_LIMIT - 1, OUTPUT_LIMIT)`` in place."""
    for j in range(count):
        outputs[j] = min(
            max(np.floor(outputs[j] * scale[j]), np.float32(-OUTPUT_LIMIT - 1)),
            np.float32(OUTPUT_LIMIT),
        )
