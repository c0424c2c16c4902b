"""Layers of the context model: products of vectors and matrices of integers in float32.

No sum leaves ±2^24, whatever its order (`parameters` proves it), so all products are exact.
Import it only when coefficients are coded, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, inlined, readable

__all__ = [
    "ACTIVATION_LIMIT",
    "COLUMNS",
    "OUTPUT_LIMIT",
    "ROWS",
    "add_row",
    "multiply",
    "rectify",
    "rescale",
]

ACTIVATION_LIMIT = 1023
"""Largest activation of a hidden layer."""
OUTPUT_LIMIT = 32767
"""Largest magnitude of an output, in 1/256."""

ROWS, COLUMNS = 4, 16
"""`multiply` takes so many rows at once, and a multiple of so many columns."""

_vector, _matrix = types.float32[::1], readable(types.float32, 2)


@inlined(types.void, _vector, types.float32, _matrix, types.int64)
def add_row(
    sums: NDArray[np.float32], factor: np.float32, rows: NDArray[np.float32], row: Integer
) -> None:
    """Add a row of a matrix, times a factor, to `sums`."""
    for j in range(sums.size):
        sums[j] += factor * rows[row, j]


@inlined(types.void, _vector, _matrix, types.int64, _vector, fuses=True)
def multiply(
    values: NDArray[np.float32],
    matrix: NDArray[np.float32],
    count: Integer,
    sums: NDArray[np.float32],
) -> None:
    """Add `values` times the first `count` columns of a matrix, or some more, to `sums`.

    Its rows are a multiple of `ROWS`, and its columns one of `COLUMNS`, so that vectors of the
    processor hold them without a rest.
    """
    for i in range(0, values.size, ROWS):
        first, second, third, fourth = values[i], values[i + 1], values[i + 2], values[i + 3]
        for j in range((count + COLUMNS - 1) & -COLUMNS):
            sums[j] += (
                first * matrix[i, j]
                + second * matrix[i + 1, j]
                + third * matrix[i + 2, j]
                + fourth * matrix[i + 3, j]
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
