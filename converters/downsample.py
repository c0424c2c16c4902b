"""Reduction by two, by area average, in integers that carry 8 fractional bits.

Rounding to whole grey levels at every level would brighten each by an eighth of a grey level on
average, a whole one after eight levels. So reduced pixels stay uint16 in units of 1/256 until they
are stored: every level is the area average of level 0 to well under half a grey level.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["FRACTION_BITS", "halve_fixed", "halve_pixels", "to_pixels"]

FRACTION_BITS = 8


def halve_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Reduce raw pixels by two.

    Parameters
    ----------
    pixels : ndarray
        Shape (c, y, x), uint8. An odd last row or column is averaged with itself.

    Returns
    -------
    ndarray
        Shape (c, ceil(y/2), ceil(x/2)), uint16, in units of 1/256; exact.

    Examples
    --------
    >>> halve_pixels(np.array([[[1, 2, 7], [3, 4, 8]]], np.uint8)) / 256
    array([[[2.5, 7.5]]])
    """
    total = _sum_of_four(pixels, np.uint16)
    return total << np.uint16(FRACTION_BITS - 2)


def halve_fixed(fixed: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Reduce already reduced pixels by two: uint16 to uint16, rounded to the nearest 1/256."""
    total = _sum_of_four(fixed, np.uint32)
    return ((total + np.uint32(2)) >> np.uint32(2)).astype(np.uint16)


def to_pixels(fixed: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Round to whole grey levels, and halves to the even one.

    A quarter of all means of four pixels ends in a half. The sum fits into 16 bits.
    """
    whole = fixed >> np.uint16(FRACTION_BITS)
    almost_half = np.uint16((1 << (FRACTION_BITS - 1)) - 1)
    rounded = (fixed + almost_half + (whole & np.uint16(1))) >> np.uint16(FRACTION_BITS)
    return rounded.astype(np.uint8)


def _sum_of_four(pixels: NDArray[np.generic], dtype: type[np.unsignedinteger]) -> NDArray:  # type: ignore[type-arg]
    odd_rows, odd_columns = pixels.shape[-2] % 2, pixels.shape[-1] % 2
    if odd_rows or odd_columns:
        pixels = np.pad(pixels, [(0, 0), (0, odd_rows), (0, odd_columns)], mode="edge")
    total = pixels[:, 0::2, 0::2].astype(dtype)
    for corner in (pixels[:, 0::2, 1::2], pixels[:, 1::2, 0::2], pixels[:, 1::2, 1::2]):
        total += corner
    return total
