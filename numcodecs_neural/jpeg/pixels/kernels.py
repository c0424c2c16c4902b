"""Coefficients to samples, compiled by numba: the samples of `reference`, many times as fast.

Import it only when pixels are made, since it imports numba.
"""

from collections.abc import Sequence

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, compiled, readable
from numcodecs_neural.jpeg.pixels.arithmetic import (
    CB_TO_BLUE,
    CB_TO_GREEN,
    COLOUR_BITS,
    COLUMN_SHIFT,
    CR_TO_GREEN,
    CR_TO_RED,
    FRACTION_BITS,
    LEVEL,
    OUTPUT_RANGE,
    ROW_SHIFT,
    WORKING_RANGE,
    fixed,
    is_smoothed,
    range_error,
)

__all__ = ["component_plane", "upsampled", "ycbcr_to_rgb"]

# All sums fit 32 bits. Each is cut to these at once, since numba would go on in 64: vectors hold
# twice as many.
_i32 = np.int32
_F0_298, _F0_390 = _i32(fixed(0.298631336)), _i32(fixed(0.390180644))
_F0_541, _F0_765 = _i32(fixed(0.541196100)), _i32(fixed(0.765366865))
_F0_899, _F1_175 = _i32(fixed(0.899976223)), _i32(fixed(1.175875602))
_F1_501, _F1_847 = _i32(fixed(1.501321110)), _i32(fixed(1.847759065))
_F1_961, _F2_053 = _i32(fixed(1.961570560)), _i32(fixed(2.053119869))
_F2_562, _F3_072 = _i32(fixed(2.562915447)), _i32(fixed(3.072711026))
_WORKING, _OUTPUT = _i32(WORKING_RANGE), _i32(OUTPUT_RANGE)
_LEVEL, _LOWEST, _HIGHEST = _i32(LEVEL), _i32(0), _i32(255)
_RED, _BLUE = _i32(CR_TO_RED), _i32(CB_TO_BLUE)
_GREEN_BLUE, _GREEN_RED = _i32(CB_TO_GREEN), _i32(CR_TO_GREEN)
_HALF = _i32(1 << (COLOUR_BITS - 1))


def component_plane(
    blocks: NDArray[np.int16], steps: tuple[int, ...], component: int
) -> NDArray[np.uint8]:
    """Do what `reference.component_plane` does."""
    rows, columns, _ = blocks.shape
    plane = np.empty((8 * rows, 8 * columns), np.uint8)
    bad = _inverse_dct(blocks, np.array(steps, np.int32), plane)
    if bad >= 0:
        raise range_error(component, *divmod(bad, columns))
    return plane


def upsampled(plane: NDArray[np.uint8], across: int, down: int) -> NDArray[np.uint8]:
    """Do what `reference.upsampled` does."""
    rows, columns = plane.shape
    result = np.empty((down * rows, across * columns), np.uint8)
    if not is_smoothed(across, down, columns):
        _repeat(plane, across, down, result)
    elif down == 1:
        _smooth_across(plane, result)
    elif across == 1:
        _smooth_down(plane, result)
    else:
        _smooth_both(plane, result)
    return result


def ycbcr_to_rgb(planes: Sequence[NDArray[np.uint8]], rows: int, columns: int) -> NDArray[np.uint8]:
    """Do what `reference.ycbcr_to_rgb` does."""
    rgb = np.empty((rows, columns, 3), np.uint8)
    luma, cb, cr = planes
    _convert(luma, cb, cr, rgb)
    return rgb


@compiled(types.UniTuple(types.int32, 8), *[types.int32] * 8, types.int64)
def _transformed(
    x0: Integer,
    x1: Integer,
    x2: Integer,
    x3: Integer,
    x4: Integer,
    x5: Integer,
    x6: Integer,
    x7: Integer,
    shift: Integer,
) -> tuple[Integer, ...]:
    """Return the inverse DCT of 8 points; `reference` explains it."""
    z1 = _i32(_i32(x2 + x6) * _F0_541)
    t2, t3 = _i32(z1 - _i32(x6 * _F1_847)), _i32(z1 + _i32(x2 * _F0_765))
    half = _i32(1 << (shift - 1))
    t0 = _i32(_i32(_i32(x0 + x4) << FRACTION_BITS) + half)
    t1 = _i32(_i32(_i32(x0 - x4) << FRACTION_BITS) + half)
    e0, e1, e2, e3 = _i32(t0 + t3), _i32(t1 + t2), _i32(t1 - t2), _i32(t0 - t3)

    s3, s4 = _i32(x7 + x3), _i32(x5 + x1)
    z5 = _i32(_i32(s3 + s4) * _F1_175)
    z1, z2 = _i32(_i32(x7 + x1) * _F0_899), _i32(_i32(x5 + x3) * _F2_562)
    z3, z4 = _i32(z5 - _i32(s3 * _F1_961)), _i32(z5 - _i32(s4 * _F0_390))
    o0, o1 = _i32(x1 * _F1_501 - z1 + z4), _i32(x3 * _F3_072 - z2 + z3)
    o2, o3 = _i32(x5 * _F2_053 - z2 + z4), _i32(x7 * _F0_298 - z1 + z3)

    return (
        _i32(_i32(e0 + o0) >> shift),
        _i32(_i32(e1 + o1) >> shift),
        _i32(_i32(e2 + o2) >> shift),
        _i32(_i32(e3 + o3) >> shift),
        _i32(_i32(e3 - o3) >> shift),
        _i32(_i32(e2 - o2) >> shift),
        _i32(_i32(e1 - o1) >> shift),
        _i32(_i32(e0 - o0) >> shift),
    )


@compiled(types.int64, readable(types.int16, 3), readable(types.int32), types.uint8[:, ::1])
def _inverse_dct(
    blocks: NDArray[np.int16], steps: NDArray[np.int32], plane: NDArray[np.uint8]
) -> Integer:
    """Write the samples of all blocks; return -1, or the first block that is out of range."""
    a, b = np.empty(64, np.int32), np.empty(64, np.int32)
    for row in range(blocks.shape[0]):
        for column in range(blocks.shape[1]):
            block = blocks[row, column]
            # Of values within the range no bit above it is set, once half of it is added.
            beyond_working, beyond_output = _i32(0), _i32(0)
            for k in range(64):
                a[k] = _i32(block[k] * steps[k])
                beyond_working |= _i32(a[k] + _WORKING)
            for n in range(8):
                b[n], b[8 + n], b[16 + n], b[24 + n], b[32 + n], b[40 + n], b[48 + n], b[56 + n] = (
                    _transformed(
                        *(a[n], a[8 + n], a[16 + n], a[24 + n]),
                        *(a[32 + n], a[40 + n], a[48 + n], a[56 + n]),
                        COLUMN_SHIFT,
                    )
                )
            for k in range(64):
                beyond_working |= _i32(b[k] + _WORKING)
            for n in range(0, 64, 8):
                a[n], a[n + 1], a[n + 2], a[n + 3], a[n + 4], a[n + 5], a[n + 6], a[n + 7] = (
                    _transformed(
                        *(b[n], b[n + 1], b[n + 2], b[n + 3]),
                        *(b[n + 4], b[n + 5], b[n + 6], b[n + 7]),
                        ROW_SHIFT,
                    )
                )
            for k in range(64):
                beyond_output |= _i32(a[k] + _OUTPUT)
                a[k] = min(max(_i32(a[k] + _LEVEL), _LOWEST), _HIGHEST)
            for y in range(8):
                line = plane[8 * row + y, 8 * column : 8 * column + 8]
                for x in range(8):
                    line[x] = a[8 * y + x]
            if beyond_working & ~(2 * WORKING_RANGE - 1) or beyond_output & ~(2 * OUTPUT_RANGE - 1):
                return row * blocks.shape[1] + column
    return -1


@compiled(types.void, readable(types.uint8, 2), types.int64, types.int64, types.uint8[:, ::1])
def _repeat(
    plane: NDArray[np.uint8], across: Integer, down: Integer, result: NDArray[np.uint8]
) -> None:
    for row in range(result.shape[0]):
        line = plane[row // down]
        for n in range(line.size):
            result[row, n * across : (n + 1) * across] = line[n]


@compiled(types.void, readable(types.uint8, 2), types.uint8[:, ::1])
def _smooth_across(plane: NDArray[np.uint8], result: NDArray[np.uint8]) -> None:
    last = plane.shape[1] - 1
    for row in range(plane.shape[0]):
        line, out = plane[row], result[row]
        out[0], out[2 * last + 1] = line[0], line[last]
        for n in range(last):
            here, following = _i32(line[n]), _i32(line[n + 1])
            out[2 * n + 1] = (3 * here + following + 2) >> 2
            out[2 * n + 2] = (3 * following + here + 1) >> 2


@compiled(types.void, readable(types.uint8, 2), types.uint8[:, ::1])
def _smooth_down(plane: NDArray[np.uint8], result: NDArray[np.uint8]) -> None:
    last = plane.shape[0] - 1
    for row in range(result.shape[0]):
        odd = row & 1
        near = plane[row >> 1]
        far = plane[min((row >> 1) + 1, last) if odd else max((row >> 1) - 1, 0)]
        for n in range(plane.shape[1]):
            result[row, n] = (3 * _i32(near[n]) + _i32(far[n]) + 1 + odd) >> 2


@compiled(types.void, readable(types.uint8, 2), types.uint8[:, ::1])
def _smooth_both(plane: NDArray[np.uint8], result: NDArray[np.uint8]) -> None:
    last_row, last = plane.shape[0] - 1, plane.shape[1] - 1
    tall = np.empty(plane.shape[1], np.int16)
    for row in range(result.shape[0]):
        near = plane[row >> 1]
        far = plane[min((row >> 1) + 1, last_row) if row & 1 else max((row >> 1) - 1, 0)]
        for n in range(plane.shape[1]):
            tall[n] = 3 * _i32(near[n]) + _i32(far[n])
        out = result[row]
        out[0], out[2 * last + 1] = (4 * tall[0] + 8) >> 4, (4 * tall[last] + 7) >> 4
        for n in range(last):
            here, following = _i32(tall[n]), _i32(tall[n + 1])
            out[2 * n + 1] = (3 * here + following + 7) >> 4
            out[2 * n + 2] = (3 * following + here + 8) >> 4


@compiled(types.void, *[readable(types.uint8, 2)] * 3, types.uint8[:, :, ::1])
def _convert(
    luma: NDArray[np.uint8],
    cb: NDArray[np.uint8],
    cr: NDArray[np.uint8],
    rgb: NDArray[np.uint8],
) -> None:
    columns = rgb.shape[1]
    # A row of each first: what is computed in vectors is interleaved afterwards.
    reds, greens, blues = (
        np.empty(columns, np.uint8),
        np.empty(columns, np.uint8),
        np.empty(columns, np.uint8),
    )
    for row in range(rgb.shape[0]):
        for n in range(columns):
            y = _i32(luma[row, n])
            b, r = _i32(cb[row, n] - _LEVEL), _i32(cr[row, n] - _LEVEL)
            red = _i32(y + _i32(_i32(_RED * r + _HALF) >> COLOUR_BITS))
            green = _i32(y + _i32(_i32(_GREEN_BLUE * b + _GREEN_RED * r + _HALF) >> COLOUR_BITS))
            blue = _i32(y + _i32(_i32(_BLUE * b + _HALF) >> COLOUR_BITS))
            reds[n] = min(max(red, _LOWEST), _HIGHEST)
            greens[n] = min(max(green, _LOWEST), _HIGHEST)
            blues[n] = min(max(blue, _LOWEST), _HIGHEST)
        for n in range(columns):
            rgb[row, n, 0], rgb[row, n, 1], rgb[row, n, 2] = reds[n], greens[n], blues[n]
