"""Reduction by two, by area average, in integers that carry 8 fractional bits.

Rounding to whole grey levels at every level would brighten each by an eighth of a grey level on
average, a whole one after eight levels. So reduced pixels of 8 and 16 bits stay integers of twice
the size in units of 1/256 until they are stored: every level is the area average of level 0 to well
under half a grey level. Samples of other types are averaged as float64.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = [
    "FRACTION_BITS",
    "halve_again",
    "halve_pixels",
    "reduced_dtype",
    "to_pixels",
]

FRACTION_BITS = 8
_FIXED = {"uint8": np.uint16, "uint16": np.uint32}


def reduced_dtype(dtype: DTypeLike) -> "np.dtype[Any]":
    """Return the dtype of reduced pixels of `dtype`.

    Examples
    --------
    >>> reduced_dtype("uint8"), reduced_dtype("int32")
    (dtype('uint16'), dtype('float64'))
    """
    return np.dtype(_FIXED.get(np.dtype(dtype).name, np.float64))


def halve_pixels(pixels: NDArray[Any]) -> NDArray[Any]:
    """Reduce raw pixels by two.

    Parameters
    ----------
    pixels : ndarray
        Shape (c, y, x). An odd last row or column is averaged with itself.

    Returns
    -------
    ndarray
        Shape (c, ceil(y/2), ceil(x/2)), of `reduced_dtype`; integers in units of 1/256; exact for
        8 and 16 bits.

    Examples
    --------
    >>> halve_pixels(np.array([[[1, 2, 7], [3, 4, 8]]], np.uint8)) / 256
    array([[[2.5, 7.5]]])
    """
    dtype = reduced_dtype(pixels.dtype)
    total = _sum_of_four(pixels, dtype)
    return total / 4 if dtype.kind == "f" else total << dtype.type(FRACTION_BITS - 2)


def halve_again(reduced: NDArray[Any]) -> NDArray[Any]:
    """Reduce already reduced pixels by two; integers are rounded to the nearest 1/256."""
    if reduced.dtype.kind == "f":
        return _sum_of_four(reduced, reduced.dtype) / 4
    total = _sum_of_four(reduced, np.dtype(np.uint32))
    return ((total + np.uint32(2)) >> np.uint32(2)).astype(reduced.dtype)


def to_pixels(reduced: NDArray[Any], dtype: DTypeLike = np.uint8) -> NDArray[Any]:
    """Round to whole grey levels of `dtype`, and halves to the even one.

    A quarter of all means of four pixels ends in a half. The sum fits into the integers' bits.
    """
    dtype = np.dtype(dtype)
    if reduced.dtype.kind == "f":
        return reduced.astype(dtype) if dtype.kind == "f" else _to_integers(reduced, dtype)
    one = reduced.dtype.type
    # In place, for it is the same memory over and over: the bit that makes a half even, the rest.
    rounded = reduced >> one(FRACTION_BITS)
    rounded &= one(1)
    rounded += reduced
    rounded += one((1 << (FRACTION_BITS - 1)) - 1)
    rounded >>= one(FRACTION_BITS)
    return np.asarray(rounded, dtype)


def _to_integers(reduced: NDArray[Any], dtype: "np.dtype[Any]") -> NDArray[Any]:
    """Round floats; the greatest integers of 64 bits are no floats, and those above wrap around."""
    greatest = float(np.iinfo(dtype).max)
    if dtype.itemsize == 8:
        greatest = np.nextafter(greatest, 0)
    return np.asarray(np.minimum(np.rint(reduced), greatest), dtype)


def _sum_of_four(pixels: NDArray[Any], dtype: "np.dtype[Any]") -> NDArray[Any]:
    odd_rows, odd_columns = pixels.shape[-2] % 2, pixels.shape[-1] % 2
    if odd_rows or odd_columns:
        pixels = np.pad(pixels, [(0, 0), (0, odd_rows), (0, odd_columns)], mode="edge")
    total = pixels[:, 0::2, 0::2].astype(dtype, order="C")
    for corner in (pixels[:, 0::2, 1::2], pixels[:, 1::2, 0::2], pixels[:, 1::2, 1::2]):
        total += corner
    return total
