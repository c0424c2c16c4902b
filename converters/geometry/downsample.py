"""Reduction by two, by area average, in integers that carry 8 fractional bits.

Rounding to whole grey levels at every level would brighten each by an eighth of a grey level on
average, a whole one after eight levels. So reduced pixels of 8 and 16 bits stay integers of twice
the size in units of 1/256 until they are stored: every level is the area average of level 0 to well
under half a grey level. Samples of other types are averaged as float64.

Where a level has an odd side, the last pixel of the next one stands for less of level 0 than the
others do, and weighs less in what is reduced from it.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = [
    "FRACTION_BITS",
    "halve_again",
    "halve_pixels",
    "last_shares",
    "reduce_pixels",
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
        Shape (c, y, x). An odd last row or column is averaged along itself only.

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


def halve_again(reduced: NDArray[Any], last: tuple[float, float] = (1.0, 1.0)) -> NDArray[Any]:
    """Reduce already reduced pixels by two; integers are rounded to the nearest 1/256.

    Parameters
    ----------
    reduced : ndarray
        Shape (c, y, x).
    last : tuple of float
        How much of a whole pixel the last row and the last column stand for (`last_shares`).
    """
    if reduced.dtype.kind == "f":
        halved = _sum_of_four(reduced, reduced.dtype) / 4
    else:
        total = _sum_of_four(reduced, np.dtype(np.uint32))
        halved = ((total + np.uint32(2)) >> np.uint32(2)).astype(reduced.dtype)
    # What has no partner is averaged along itself, with one weight, above.
    if last[0] < 1 and reduced.shape[-2] % 2 == 0:
        halved[:, -1:] = _weighted(reduced[:, -2:], last)
    if last[1] < 1 and reduced.shape[-1] % 2 == 0:
        halved[:, :, -1:] = _weighted(reduced[:, :, -2:], last)
    return halved


def last_shares(extent: tuple[int, int], scale: int) -> tuple[float, float]:
    """Return how much of a whole pixel the last row and the last column of a reduction stand for.

    Parameters
    ----------
    extent : tuple of int
        Height and width of what was reduced, in its own pixels.
    scale : int
        Of these, how many lie along one pixel of the reduction.

    Examples
    --------
    >>> last_shares((9, 12), 4)
    (0.25, 1.0)
    """
    rows, columns = ((side % scale or scale) / scale for side in extent)
    return rows, columns


def reduce_pixels(pixels: NDArray[Any], times: int) -> NDArray[Any]:
    """Reduce raw pixels, (c, y, x), by two, `times` times (1 or more)."""
    reduced = halve_pixels(pixels)
    for done in range(1, times):
        reduced = halve_again(reduced, last_shares(pixels.shape[-2:], 1 << done))
    return reduced


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


def _weighted(strip: NDArray[Any], last: tuple[float, float]) -> NDArray[Any]:
    """Reduce the last two rows or columns, in which the last weighs less."""
    weights = np.ones((1, *strip.shape[-2:]))
    weights[:, -1] *= last[0]
    weights[..., -1] *= last[1]
    float64 = np.dtype(np.float64)
    total, whole = _sum_of_four(strip * weights, float64), _sum_of_four(weights, float64)
    mean: NDArray[Any] = total / whole
    return mean if strip.dtype.kind == "f" else np.floor(mean + 0.5).astype(strip.dtype)


def _sum_of_four(pixels: NDArray[Any], dtype: "np.dtype[Any]") -> NDArray[Any]:
    odd_rows, odd_columns = pixels.shape[-2] % 2, pixels.shape[-1] % 2
    if odd_rows or odd_columns:
        pixels = np.pad(pixels, [(0, 0), (0, odd_rows), (0, odd_columns)], mode="edge")
    total = pixels[:, 0::2, 0::2].astype(dtype, order="C")
    for corner in (pixels[:, 0::2, 1::2], pixels[:, 1::2, 0::2], pixels[:, 1::2, 1::2]):
        total += corner
    return total
