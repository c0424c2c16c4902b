"""Morphology of masks, connected parts, and sums over squares, in exact integers."""

from itertools import pairwise
from math import isqrt

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = [
    "Mask",
    "box_sum",
    "closed",
    "eroded",
    "grown",
    "parts_apart",
    "without_holes",
    "without_specks",
]

Mask = NDArray[np.bool_]

# Pixels that touch at a corner are connected.
_NEIGHBOURS = np.ones((3, 3), bool)


def box_sum(values: NDArray[np.integer] | Mask, radius: int) -> NDArray[np.int32]:
    """Return the sum over the square of `radius` around each pixel; borders are repeated.

    Parameters
    ----------
    values : ndarray
        Shape (height, width), integers or bool.
    radius : int
        The square has a side of ``2 * radius + 1``.

    Returns
    -------
    ndarray
        int32. The integral image wraps around, and its differences are exact all the same, as long
        as the sum over a square fits 32 bits.

    Examples
    --------
    >>> box_sum(np.array([[1, 2, 3]]), 1)
    array([[12, 18, 24]], dtype=int32)
    """
    side = 2 * radius + 1
    total = np.pad(values.astype(np.int32), (radius + 1, radius), mode="edge")
    np.cumsum(total, axis=1, dtype=np.int32, out=total)
    # Row by row: numpy's and scikit-image's sums down the columns take five times as long.
    for above, row in pairwise(total):
        row += above
    sums = total[side:, side:] - total[:-side, side:]
    sums -= total[side:, :-side]
    sums += total[:-side, :-side]
    return sums


def grown(mask: Mask, radius: int) -> Mask:
    """Return `mask` grown by `radius` pixels on all sides, as a square grows."""
    result: Mask = ndimage.maximum_filter(mask, 2 * radius + 1, mode="constant")
    return result


def eroded(mask: Mask, radius: int) -> Mask:
    """Return what is left of `mask` when all else grows by `radius`; no border takes from it."""
    result: Mask = ndimage.minimum_filter(mask, 2 * radius + 1, mode="constant", cval=1)
    return result


def closed(mask: Mask, radius: int) -> Mask:
    """Return `mask` with the gaps filled in which no square of `radius` has room."""
    result = eroded(grown(np.pad(mask, radius), radius), radius)
    return result[radius : radius + mask.shape[0], radius : radius + mask.shape[1]]


def without_specks(mask: Mask, area: int) -> Mask:
    """Return `mask` without its connected parts of fewer pixels than `area`.

    Examples
    --------
    >>> without_specks(np.array([[1, 0, 0, 1], [0, 1, 0, 0]], bool), 2).astype(int)
    array([[1, 0, 0, 0],
           [0, 1, 0, 0]])
    """
    labels, count = ndimage.label(mask, _NEIGHBOURS)
    # Label 0, which is not in the mask, has no pixels here.
    is_large = np.bincount(labels[mask], minlength=count + 1) >= area
    result: Mask = is_large[labels]
    return result


def parts_apart(mask: Mask, others: Mask) -> Mask:
    """Return those connected parts of `mask` in which nothing is one of `others`.

    Examples
    --------
    >>> mask, others = np.array([[1, 1, 0, 1]], bool), np.array([[0, 1, 0, 0]], bool)
    >>> parts_apart(mask, others).astype(int)
    array([[0, 0, 0, 1]])
    """
    reached: Mask = ndimage.binary_propagation(mask & others, _NEIGHBOURS, mask)
    return mask & ~reached


def without_holes(mask: Mask, area: int) -> Mask:
    """Return `mask` with those of its holes filled that have fewer pixels than `area`.

    What reaches the border of the picture is no hole.

    Examples
    --------
    >>> without_holes(np.array([[0, 1, 1, 1], [0, 1, 0, 1], [0, 1, 1, 1]], bool), 4).astype(int)
    array([[0, 1, 1, 1],
           [0, 1, 1, 1],
           [0, 1, 1, 1]])
    """
    # All glass at the border is one part with a frame of more pixels than `area`.
    frame = isqrt(area) // 2 + 1
    inside = slice(frame, -frame)
    outside = without_specks(np.pad(~mask, frame, constant_values=True), area)
    return ~outside[inside, inside]
