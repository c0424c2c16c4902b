"""Kernels of encoding for numba: the same integers as the plain ones."""

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import inlined, outermost, readable
from numcodecs_neural.dct.arithmetic import (
    BASIS_BITS,
    BLOCK,
    COEFFICIENT_BITS,
    COEFFICIENTS,
    COSINE_BITS,
    LEVEL,
    LOW_BAND,
    ROW_BITS,
)
from numcodecs_neural.dct.pairs import (
    PAIRS,
    load_lanes,
    multiply_add,
    paired,
    spread_pair,
    store,
    sums_of_products,
    total_of,
)
from numcodecs_neural.vectors import add, narrow, shift_right, splat32

__all__ = [
    "clipped_of_uint8",
    "clipped_of_uint16",
    "fit",
    "forward_of_uint8",
    "forward_of_uint16",
    "moments",
    "quantise",
    "rotate",
]

Integers = NDArray[np.int16]

_VALUES = types.int16[::1]
_CONSTANTS = readable(types.int16)
_FAR = 1 << 20
_HUGE = 1.5 * 2**52
_SHIFT = BASIS_BITS + ROW_BITS - COEFFICIENT_BITS


@inlined(types.void, _CONSTANTS, _CONSTANTS, types.int64, _VALUES)
def _transform_columns(basis: Integers, pairs: Integers, fraction: int, rows: Integers) -> None:
    shift = splat32(BASIS_BITS + fraction - ROW_BITS)
    half = splat32(1 << (BASIS_BITS + fraction - ROW_BITS - 1))
    for u in range(0, BLOCK, 4):
        sums = sums_of_products(half, basis, BLOCK * u, pairs, 0, BLOCK)
        for i in range(4):
            store(shift_right(sums[i], shift), rows, BLOCK * (u + i))


def _forward(
    pixels: NDArray[Any],
    basis: Integers,
    transposed: Integers,
    fraction: int,
    shape: NDArray[np.int64],
    pairs: Integers,
    rows: Integers,
    coefficients: NDArray[np.int32],
) -> None:
    h, w, channels = shape
    level = splat32(-(LEVEL << fraction))
    zero, half = splat32(0), splat32(1 << (_SHIFT - 2))
    one, rest = splat32(1), splat32(_SHIFT - 1)
    for block in range(h * w):
        for c in range(channels):
            corner = BLOCK * ((c * h + block // w) * BLOCK * w + block % w)
            for y in range(0, BLOCK, 2):
                at = corner + y * BLOCK * w
                first = narrow(add(load_lanes(pixels, at), level))
                second = narrow(add(load_lanes(pixels, at + BLOCK * w), level))
                store(paired(first, second), pairs, BLOCK * y)
            _transform_columns(basis, pairs, fraction, rows)
            start = (block * channels + c) * COEFFICIENTS
            for u in range(0, BLOCK, 4):
                sums = sums_of_products(zero, rows, BLOCK * u, transposed, 0, BLOCK)
                for i in range(4):
                    rounded = shift_right(add(shift_right(sums[i], one), half), rest)
                    store(rounded, coefficients, start + BLOCK * (u + i))


def _signature(pixel: "types.Type") -> tuple["types.Type", ...]:
    arrays = [types.Array(pixel, 1, "C", readonly=True), _CONSTANTS, _CONSTANTS]
    scratch = [types.int64, readable(types.int64), _VALUES, _VALUES]
    return types.void, *arrays, *scratch, types.int32[::1]


forward_of_uint8 = outermost(*_signature(types.uint8))(_forward)
forward_of_uint16 = outermost(*_signature(types.uint16))(_forward)


@outermost(types.void, readable(types.int32), _CONSTANTS, types.int32[::1])
def rotate(rgb: NDArray[np.int32], factors: Integers, axes: NDArray[np.int32]) -> None:
    """Write coefficients along colour axes."""
    half = splat32(1 << (COSINE_BITS - 1))
    for block in range(0, rgb.size, 3 * COEFFICIENTS):
        for at in range(block, block + COEFFICIENTS, BLOCK):
            red = narrow(load_lanes(rgb, at))
            green = narrow(load_lanes(rgb, at + COEFFICIENTS))
            blue = narrow(load_lanes(rgb, at + 2 * COEFFICIENTS))
            for a in range(3):
                sums = multiply_add(half, paired(red, green), spread_pair(factors, 12 + 4 * a))
                sums = multiply_add(sums, paired(blue, blue), spread_pair(factors, 14 + 4 * a))
                store(shift_right(sums, splat32(COSINE_BITS)), axes, at + COEFFICIENTS * a)
        for u in range(LOW_BAND):
            for v in range(LOW_BAND - u):
                at = block + BLOCK * u + v
                for a in range(3):
                    total = 1 << (COSINE_BITS - 1)
                    for c in range(3):
                        total += factors[4 * a + c] * rgb[at + COEFFICIENTS * c]
                    axes[at + COEFFICIENTS * a] = total >> COSINE_BITS


@inlined(PAIRS, readable(types.int32), types.int64)
def _two_rows(values: NDArray[np.int32], at: int) -> Any:
    return paired(narrow(load_lanes(values, at)), narrow(load_lanes(values, at + BLOCK)))


@inlined(types.void, readable(types.int32), types.int64, types.int64[:, :, ::1])
def _move_low(rgb: NDArray[np.int32], block: int, both: NDArray[np.int64]) -> None:
    """Move the low band of a block to where it belongs, without its DC."""
    for u in range(LOW_BAND):
        for v in range(LOW_BAND - u):
            at = block + BLOCK * u + v
            for a in range(3):
                for b in range(a, 3):
                    product = rgb[at + COEFFICIENTS * a] * rgb[at + COEFFICIENTS * b]
                    both[1, a, b] -= product
                    if u + v > 0:
                        both[0, a, b] += product


@outermost(types.void, readable(types.int32), types.int64[:, :, ::1])
def moments(rgb: NDArray[np.int32], both: NDArray[np.int64]) -> None:
    """Add products of channels, summed in both bands."""
    zero = splat32(0)
    for block in range(0, rgb.size, 3 * COEFFICIENTS):
        s00 = s01 = s02 = s11 = s12 = s22 = zero
        # A block's sums of squares are at most 2**28 by Parseval's theorem, so int32 holds them.
        for at in range(block, block + COEFFICIENTS, 2 * BLOCK):
            red = _two_rows(rgb, at)
            green = _two_rows(rgb, at + COEFFICIENTS)
            blue = _two_rows(rgb, at + 2 * COEFFICIENTS)
            s00, s01 = multiply_add(s00, red, red), multiply_add(s01, red, green)
            s02, s11 = multiply_add(s02, red, blue), multiply_add(s11, green, green)
            s12, s22 = multiply_add(s12, green, blue), multiply_add(s22, blue, blue)
        both[1, 0, 0] += total_of(s00)
        both[1, 0, 1] += total_of(s01)
        both[1, 0, 2] += total_of(s02)
        both[1, 1, 1] += total_of(s11)
        both[1, 1, 2] += total_of(s12)
        both[1, 2, 2] += total_of(s22)
        _move_low(rgb, block, both)
    for band in range(2):
        for a in range(3):
            for b in range(a):
                both[band, a, b] = both[band, b, a]


@outermost(
    types.void,
    readable(types.int32),
    types.Array(types.float64, 1, "C", readonly=True),
    types.int64,
    types.int32[::1],
)
def quantise(
    values: NDArray[np.int32],
    factors: NDArray[np.float64],
    limit: int,
    targets: NDArray[np.int32],
) -> None:
    """Write values times factors, which repeat, rounded to even and limited."""
    low, high = float(-limit), float(limit)
    for start in range(0, values.size, factors.size):
        for i in range(factors.size):
            # Numbers beside 1.5 * 2**52 have no fraction.
            rounded = (values[start + i] * factors[i] + _HUGE) - _HUGE
            targets[start + i] = np.int32(min(max(rounded, low), high))


def _clipped(pixels: NDArray[Any], white: Any, clipped: NDArray[np.bool_]) -> None:
    channels, height, width = pixels.shape
    for c in range(channels):
        for y in range(height):
            for j in range(width // BLOCK):
                found = False
                for x in range(BLOCK * j, BLOCK * j + BLOCK):
                    found |= (pixels[c, y, x] == 0) | (pixels[c, y, x] == white)
                clipped[y // BLOCK, j] |= found


def _clipped_signature(pixel: "types.Type") -> tuple["types.Type", ...]:
    return types.void, types.Array(pixel, 3, "C", readonly=True), types.int64, types.boolean[:, ::1]


clipped_of_uint8 = outermost(*_clipped_signature(types.uint8))(_clipped)
clipped_of_uint16 = outermost(*_clipped_signature(types.uint16))(_clipped)


@inlined(types.int64, types.float64)
def _nearest(value: float) -> Any:
    """Round a number below 2**20; what it is moved by makes cutting off rounding down."""
    return np.int64(value + (_FAR + 0.5)) - _FAR


@outermost(
    types.void,
    readable(types.int32, 3),
    readable(types.int64),
    readable(types.int64),
    readable(types.int32, 2),
    readable(types.int64, 2),
    types.int64,
    types.int64[:, ::1],
)
def fit(
    coefficients: NDArray[np.int32],
    blocks: NDArray[np.int64],
    frequencies: NDArray[np.int64],
    steps: NDArray[np.int32],
    matrix: NDArray[np.int64],
    reach: int,
    sums: NDArray[np.int64],
) -> None:
    """Add what `enc_grid.fit` returns."""
    half = 1 << (COSINE_BITS - 1)
    for i in blocks:
        for k in frequencies:
            step = steps[0, k], steps[1, k], steps[2, k]
            limit = reach * min(step[0], step[1], step[2])
            r, g, b = coefficients[i, 0, k], coefficients[i, 1, k], coefficients[i, 2, k]
            y0 = (matrix[0, 0] * r + matrix[0, 1] * g + matrix[0, 2] * b + half) >> COSINE_BITS
            y1 = (matrix[1, 0] * r + matrix[1, 1] * g + matrix[1, 2] * b + half) >> COSINE_BITS
            y2 = (matrix[2, 0] * r + matrix[2, 1] * g + matrix[2, 2] * b + half) >> COSINE_BITS
            if abs(y0) + abs(y1) + abs(y2) > limit:
                continue
            y = y0, y1, y2
            q0 = step[0] * _nearest(y0 / step[0])
            q1 = step[1] * _nearest(y1 / step[1])
            q2 = step[2] * _nearest(y2 / step[2])
            q = q0, q1, q2
            for a in range(3):
                sums[0, a] += y[a] * y[a]
                sums[1, a] += y[a - 2] * y[a - 1]
                sums[2, a] += y[a - 2] * q[a - 1] - y[a - 1] * q[a - 2]
                if q[a] != 0:
                    sums[3, a] += (y[a] - q[a]) ** 2
                    sums[4, a] += step[a] ** 2
                    sums[5, a] += 1
                else:
                    sums[6, a] += y[a] * y[a]
