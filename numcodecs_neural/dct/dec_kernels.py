"""The inverse of `dec_inverse` for numba: the same pixels, many times as fast.

Both passes are one product of 16 x 16
matrices. Frequencies above the last one that a block has are left out.
"""

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, inlined, outermost, readable
from numcodecs_neural.dct.arithmetic import (
    BLOCK,
    COEFFICIENTS,
    COLUMN_SHIFT,
    COSINE_BITS,
    LEVEL,
    LOW_BAND,
    ROW_SHIFT,
    VALUE_MAX,
    VALUE_MIN,
)
from numcodecs_neural.dct.dec_steps import LIMIT
from numcodecs_neural.dct.pairs import (
    either,
    is_zero,
    multiply_add,
    paired,
    spread_pair,
    store,
    sums_of_products,
)
from numcodecs_neural.vectors import (
    INT32S,
    load16,
    maximum,
    minimum,
    mul,
    narrow,
    shift_right,
    splat32,
    widen,
)

__all__ = ["inverse_to_uint8", "inverse_to_uint16"]

Integers = NDArray[np.int16]

_VALUES = types.int16[::1]
_CONSTANTS = readable(types.int16)


@inlined(types.int64, _CONSTANTS, types.int64, types.int64)
def _rows_of(values: Integers, start: int, end: int) -> int:
    """Return how many rows of frequencies hold all that is not 0, rounded up to an even number."""
    rows = BLOCK
    while rows > 0:
        for at in range(start + BLOCK * (rows - 2), end, COEFFICIENTS):
            if not is_zero(either(load16(values, at), load16(values, at + BLOCK))):
                return rows
        rows -= 2
    return rows


@inlined(types.int64, _CONSTANTS, types.int64, types.int64, types.int64, _VALUES)
def _columns_of(values: Integers, start: int, end: int, rows: int, scratch: Integers) -> int:
    """Return how many columns of frequencies do, rounded up to an even number."""
    found = load16(values, start)
    for at in range(start, end, COEFFICIENTS):
        for u in range(rows):
            found = either(found, load16(values, at + BLOCK * u))
    store(found, scratch, 0)
    columns = BLOCK
    while columns > 0 and scratch[columns - 1] == 0 and scratch[columns - 2] == 0:
        columns -= 2
    return columns


@inlined(types.void, _CONSTANTS, _CONSTANTS, types.int64, types.int64, types.int64, _VALUES)
def _dequantise(
    symbols: Integers, steps: Integers, start: int, channels: int, rows: int, values: Integers
) -> None:
    """Write the first rows of a block's symbols times their steps, if there are steps."""
    low, high = splat32(-LIMIT), splat32(LIMIT)
    for c in range(channels):
        for at in range(COEFFICIENTS * c, COEFFICIENTS * c + BLOCK * rows, BLOCK):
            row = load16(symbols, start + at)
            if len(steps):
                product = mul(widen(row), widen(load16(steps, at)))
                row = narrow(minimum(maximum(product, low), high))
            store(row, values, at)


@inlined(INT32S, INT32S, types.int32, INT32S, INT32S)
def _limited(sums: Any, shift: Integer, low: Any, high: Any) -> Any:
    return minimum(maximum(shift_right(sums, splat32(shift)), low), high)


@inlined(INT32S, INT32S, types.int32)
def _as_value(sums: Any, shift: Integer) -> Any:
    return _limited(sums, shift, splat32(VALUE_MIN), splat32(VALUE_MAX))


@inlined(types.void, _VALUES, _CONSTANTS, types.int64, _VALUES)
def _to_rgb(axes: Integers, factors: Integers, rows: int, rgb: Integers) -> None:
    """Rotate to `rgb`, 3 x 256."""
    half = splat32(1 << (COSINE_BITS - 1))
    for u in range(rows):
        at = BLOCK * u
        third = load16(axes, at + 2 * COEFFICIENTS)
        pairs = paired(load16(axes, at), load16(axes, at + COEFFICIENTS))
        thirds = paired(third, third)
        for c in range(3):
            sums = multiply_add(half, pairs, spread_pair(factors, 12 + 4 * c))
            sums = multiply_add(sums, thirds, spread_pair(factors, 12 + 4 * c + 2))
            store(_as_value(sums, np.int32(COSINE_BITS)), rgb, COEFFICIENTS * c + BLOCK * u)
    for u in range(LOW_BAND):
        for v in range(LOW_BAND - u):
            k = BLOCK * u + v
            for c in range(3):
                total = 1 << (COSINE_BITS - 1)
                for a in range(3):
                    total += factors[4 * c + a] * axes[COEFFICIENTS * a + k]
                rgb[COEFFICIENTS * c + k] = min(max(total >> COSINE_BITS, VALUE_MIN), VALUE_MAX)


@inlined(types.void, _VALUES, types.int64, types.int64, _VALUES)
def _pair_rows(values: Integers, start: int, rows: int, pairs: Integers) -> None:
    for u in range(0, rows, 2):
        at = start + BLOCK * u
        store(paired(load16(values, at), load16(values, at + BLOCK)), pairs, BLOCK * u)


@inlined(types.void, _CONSTANTS, _CONSTANTS, types.int64, _VALUES)
def _transform_columns(basis: Integers, pairs: Integers, rows: int, columns: Integers) -> None:
    half = splat32(1 << (COLUMN_SHIFT - 1))
    for y in range(0, BLOCK, 4):
        sums = sums_of_products(half, basis, BLOCK * y, pairs, 0, rows)
        for i in range(4):
            value = _as_value(sums[i], np.int32(COLUMN_SHIFT))
            store(value, columns, BLOCK * (y + i))


def _inverse(
    coefficients: Integers,
    steps: Integers,
    factors: Integers,
    transposed: Integers,
    basis: Integers,
    fraction: int,
    shape: NDArray[np.int64],
    axes: Integers,
    values: Integers,
    pairs: Integers,
    columns: Integers,
    pixels: NDArray[Any],
) -> None:
    h, w, channels = shape
    shift = np.int32(ROW_SHIFT - fraction)
    start = splat32(np.int32((LEVEL << ROW_SHIFT) + (1 << (ROW_SHIFT - fraction - 1))))
    black, white = splat32(0), splat32((256 << fraction) - 1)
    for block in range(h * w):
        first = block * channels * COEFFICIENTS
        end = first + channels * COEFFICIENTS
        row_count = _rows_of(coefficients, first, end)
        column_count = _columns_of(coefficients, first, end, row_count, columns)
        _dequantise(coefficients, steps, first, channels, row_count, axes)
        if channels == 3:
            _to_rgb(axes, factors, row_count, values)
        for c in range(channels):
            if channels == 3:
                _pair_rows(values, COEFFICIENTS * c, row_count, pairs)
            else:
                _pair_rows(axes, COEFFICIENTS * c, row_count, pairs)
            _transform_columns(transposed, pairs, row_count, columns)
            corner = BLOCK * ((c * h + block // w) * BLOCK * w + block % w)
            for y in range(0, BLOCK, 4):
                sums = sums_of_products(start, columns, BLOCK * y, basis, 0, column_count)
                for i in range(4):
                    pixel = _limited(sums[i], shift, black, white)
                    store(pixel, pixels, corner + (y + i) * BLOCK * w)


def _signature(pixel: "types.Type") -> tuple["types.Type", ...]:
    constants = [_CONSTANTS] * 5
    scratch = [_VALUES] * 4
    shape = readable(types.int64)
    return types.void, *constants, types.int64, shape, *scratch, types.Array(pixel, 1, "C")


inverse_to_uint8 = outermost(*_signature(types.uint8))(_inverse)
inverse_to_uint16 = outermost(*_signature(types.uint16))(_inverse)
