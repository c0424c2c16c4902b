"""Sums over squares of pixels, and masks that grow and shrink by squares."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Mask", "box_sum", "closed", "eroded", "grown"]

Mask = NDArray[np.bool_]


def box_sum(values: NDArray[np.integer] | Mask, radius: int) -> NDArray[np.int32]:
    """Return the sum over the square of `radius` around each pixel; borders are repeated.

    Parameters
    ----------
    values : ndarray
        Shape (height, width) or (height, width, channels), integers or bool.
    radius : int
        The square has a side of ``2 * radius + 1``.

    Returns
    -------
    ndarray
        int32. Running sums wrap around, and their differences are exact all the same, as long as
        the sum over a square fits 32 bits.

    Examples
    --------
    >>> box_sum(np.array([[1, 2, 3]]), 1)
    array([[12, 18, 24]], dtype=int32)
    """
    total = values.astype(np.int32)
    for axis in (0, 1):
        total = _line_sum(total, radius, axis)
    return total


def grown(mask: Mask, radius: int) -> Mask:
    """Return `mask` grown by `radius` pixels on all sides, as a square grows."""
    for axis in (0, 1):
        mask = _line_any(mask, radius, axis)
    return mask


def eroded(mask: Mask, radius: int) -> Mask:
    """Return what is left of `mask` when all else grows by `radius`; no border takes from it."""
    return ~grown(~mask, radius)


def closed(mask: Mask, radius: int) -> Mask:
    """Return `mask` with the gaps filled in which no square of `radius` has room."""
    padded = np.pad(mask, radius)
    result = eroded(grown(padded, radius), radius) | padded
    return result[radius : radius + mask.shape[0], radius : radius + mask.shape[1]]


def _line_any(mask: Mask, radius: int, axis: int) -> Mask:
    pad = [(0, 0), (0, 0)]
    pad[axis] = (radius, radius)
    lines = np.moveaxis(np.pad(mask, pad), axis, 0)
    # Twice as far each time, and at last as far as it goes.
    reach, side = 1, 2 * radius + 1
    while reach < side:
        step = min(reach, side - reach)
        lines = lines[:-step] | lines[step:]
        reach += step
    return np.moveaxis(lines, 0, axis)


def _line_sum(values: NDArray[np.int32], radius: int, axis: int) -> NDArray[np.int32]:
    pad = [(0, 0)] * values.ndim
    pad[axis] = (radius + 1, radius)
    total = np.pad(values, pad, mode="edge")
    np.cumsum(total, axis=axis, dtype=np.int32, out=total)
    side = 2 * radius + 1
    lines = np.moveaxis(total, axis, 0)
    result = lines[side:] - lines[:-side]
    return np.moveaxis(result, 0, axis)
