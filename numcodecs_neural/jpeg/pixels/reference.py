"""Coefficients to samples in numpy, to be read beside the standard; `kernels` is faster."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def component_plane(
    blocks: NDArray[np.int16], steps: tuple[int, ...], component: int
) -> NDArray[np.uint8]:
    """Return the samples of all blocks, (rows, columns, 64), of a component."""
    rows, columns, _ = blocks.shape
    dequantised = blocks.astype(np.int64) * np.array(steps)
    inside = _within(dequantised, WORKING_RANGE)
    square = dequantised.reshape(rows, columns, 8, 8)
    working = _transformed(square, axis=2, shift=COLUMN_SHIFT)
    inside &= _within(working.reshape(rows, columns, 64), WORKING_RANGE)
    samples = _transformed(working, axis=3, shift=ROW_SHIFT)
    inside &= _within(samples.reshape(rows, columns, 64), OUTPUT_RANGE)
    if not inside.all():
        row, column = np.argwhere(~inside)[0].tolist()
        raise range_error(component, row, column)
    limited = (samples + LEVEL).clip(0, 255).astype(np.uint8)
    return limited.swapaxes(1, 2).reshape(8 * rows, 8 * columns)


def _within(values: NDArray[np.int64], limit: int) -> Any:
    return np.all((values >= -limit) & (values < limit), axis=-1)


def _transformed(values: NDArray[np.int64], *, axis: int, shift: int) -> NDArray[np.int64]:
    """Return the inverse DCT of 8 points: Loeffler, Ligtenberg and Moschytz, 12 products."""
    x0, x1, x2, x3, x4, x5, x6, x7 = np.moveaxis(values, axis, 0)

    # Even part.
    z1 = (x2 + x6) * fixed(0.541196100)
    t2 = z1 - x6 * fixed(1.847759065)
    t3 = z1 + x2 * fixed(0.765366865)
    t0, t1 = (x0 + x4) << FRACTION_BITS, (x0 - x4) << FRACTION_BITS
    even = t0 + t3, t1 + t2, t1 - t2, t0 - t3

    # Odd part.
    z5 = (x7 + x3 + x5 + x1) * fixed(1.175875602)
    z1 = (x7 + x1) * -fixed(0.899976223)
    z2 = (x5 + x3) * -fixed(2.562915447)
    z3 = (x7 + x3) * -fixed(1.961570560) + z5
    z4 = (x5 + x1) * -fixed(0.390180644) + z5
    odd = (
        x1 * fixed(1.501321110) + z1 + z4,
        x3 * fixed(3.072711026) + z2 + z3,
        x5 * fixed(2.053119869) + z2 + z4,
        x7 * fixed(0.298631336) + z1 + z3,
    )

    first = [e + o for e, o in zip(even, odd, strict=True)]
    second = [e - o for e, o in zip(even, odd, strict=True)]
    result = np.stack([*first, *second[::-1]], axis)
    return (result + (1 << (shift - 1))) >> shift


def upsampled(plane: NDArray[np.uint8], across: int, down: int) -> NDArray[np.uint8]:
    """Return a plane enlarged by whole numbers; `plane` ends where the image ends."""
    rows, columns = plane.shape
    if not is_smoothed(across, down, columns):
        return plane.repeat(down, axis=0).repeat(across, axis=1)
    sums = plane.astype(np.int64)
    if down == 2:
        sums = _spread(sums, axis=0)
    if across == 2:
        sums = _spread(sums, axis=1)
    # Halves are rounded down and up by turns.
    if across == 1:
        sums += np.tile([[1], [2]], (rows, 1))
    else:
        sums += np.tile([1, 2] if down == 1 else [8, 7], columns)
    result: NDArray[np.uint8] = (sums >> (2 * (across * down // 2))).astype(np.uint8)
    return result


def _spread(samples: NDArray[np.int64], *, axis: int) -> NDArray[np.int64]:
    """Return twice as many, each 3 parts of the nearest sample and 1 of the next; not divided."""
    x = np.moveaxis(samples, axis, -1)
    before = np.concatenate([x[..., :1], x[..., :-1]], -1)
    after = np.concatenate([x[..., 1:], x[..., -1:]], -1)
    both = np.stack([3 * x + before, 3 * x + after], -1).reshape(*x.shape[:-1], -1)
    return np.moveaxis(both, -1, axis)


def ycbcr_to_rgb(planes: Sequence[NDArray[np.uint8]], rows: int, columns: int) -> NDArray[np.uint8]:
    """Return (rows, columns, 3) of samples in RGB; planes may be larger."""
    luma, cb, cr = (plane[:rows, :columns].astype(np.int64) for plane in planes)
    blue, red = cb - LEVEL, cr - LEVEL
    half = 1 << (COLOUR_BITS - 1)
    rgb = (
        luma + ((CR_TO_RED * red + half) >> COLOUR_BITS),
        luma + ((CB_TO_GREEN * blue + CR_TO_GREEN * red + half) >> COLOUR_BITS),
        luma + ((CB_TO_BLUE * blue + half) >> COLOUR_BITS),
    )
    return np.stack(rgb, -1).clip(0, 255).astype(np.uint8)
