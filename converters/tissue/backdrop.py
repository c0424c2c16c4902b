"""Estimates the background colour at every pixel, under uneven illumination.

A quadratic surface is fitted to the background that shows. The fit is in exact fractions, so that
it is the same on every machine.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from skimage.measure import block_reduce

from .light import Glass, roughness
from .morphology import Mask
from .overview import luma

__all__ = ["backdrop", "tint"]

_BLOCK_PX = 8
# Deviation of what may be glass, in grey levels.
_NOISE = 4
# How far from the surface glass may be, in brightness and in tint; the surface grows in rounds.
_NEAR_LUMA, _NEAR_TINT, _ROUNDS = 10, 10, 5
# The lamp is no more uneven than this.
_DARKEST, _BRIGHTEST = 60, 12
# Less of the picture says nothing about its lamp.
_LEAST_SHARE = 20
_FRACTION_BITS, _LARGEST = 20, 2**40


def backdrop(
    pixels: NDArray[np.uint8], light: NDArray[np.int32], glass: Glass
) -> NDArray[np.int16]:
    """Return the colour of glass at each pixel, (height, width, 3).

    Parameters
    ----------
    pixels : ndarray
        Shape (height, width, 3).
    light : ndarray
        Their `luma`.
    glass : Glass
        The colour of the brightest glass.
    """
    is_smooth = roughness(light, 2) <= _NOISE**2
    counts = _block_sums(is_smooth)
    sums = np.stack([_block_sums(pixels[..., c] * is_smooth) for c in range(3)], axis=-1)
    means = sums // np.maximum(counts, 1)[..., None]
    # At the border too: a block counts if a quarter of it is smooth.
    is_candidate = counts * 4 >= _BLOCK_PX**2
    surface = np.broadcast_to(np.array(glass, np.int32), means.shape)
    for _ in range(_ROUNDS):
        difference = means - surface
        is_glass = is_candidate & (abs(luma(difference)) <= _NEAR_LUMA)
        is_glass &= tint(difference) <= _NEAR_TINT
        fitted = _fitted(means, is_glass)
        if fitted is None:
            break
        surface = np.clip(fitted, np.array(glass) - _DARKEST, np.array(glass) + _BRIGHTEST)
    around = surface.astype(np.int16).repeat(_BLOCK_PX, 0).repeat(_BLOCK_PX, 1)
    return around[: light.shape[0], : light.shape[1]]


def tint(difference: NDArray[np.integer]) -> NDArray[np.int16]:
    """Return how much a difference of colours is one of hue: against green, which stains take."""
    red, green, blue = (difference[..., c].astype(np.int16) for c in range(3))
    hue: NDArray[np.int16] = np.maximum(abs(red - green), abs(blue - green))
    return hue


def _fitted(means: NDArray[np.int32], where: Mask) -> NDArray[np.int64] | None:
    """Return the surface through `means` at the places `where`; None if they are too few."""
    if np.count_nonzero(where) * _LEAST_SHARE < where.size:
        return None
    rows, columns = np.nonzero(where)
    terms = _terms(rows.astype(np.int64), columns.astype(np.int64))
    matrix = [[int((a * b).sum()) for b in terms] for a in terms]
    y, x = (np.arange(size, dtype=np.int64) for size in where.shape)
    grid = _terms(y[:, None], x[None])
    surfaces = []
    for c in range(3):
        values = means[rows, columns, c].astype(np.int64)
        solution = _solve(matrix, [int((term * values).sum()) for term in terms])
        if solution is None:
            return None
        factors = [int(s * 2**_FRACTION_BITS) for s in solution]
        if max(map(abs, factors)) > _LARGEST:
            return None
        surface = sum(f * term for f, term in zip(factors, grid, strict=True))
        surfaces.append(np.broadcast_to(surface >> _FRACTION_BITS, where.shape))
    return np.stack(surfaces, axis=-1)


def _terms(y: NDArray[np.int64], x: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [0 * (y + x) + 1, y + 0 * x, x + 0 * y, y * y, y * x, x * x]


def _solve(matrix: Sequence[Sequence[int]], right: Sequence[int]) -> list[Fraction] | None:
    """Return the exact solution of a small system, None if there is none.

    Examples
    --------
    >>> _solve([[2, 0], [1, 4]], [1, 1])
    [Fraction(1, 2), Fraction(1, 8)]
    """
    size = len(right)
    rows = [[Fraction(v) for v in (*row, last)] for row, last in zip(matrix, right, strict=True)]
    for i in range(size):
        pivot = next((n for n in range(i, size) if rows[n][i]), None)
        if pivot is None:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for n in range(size):
            if n != i and rows[n][i]:
                factor = rows[n][i]
                rows[n] = [a - factor * b for a, b in zip(rows[n], rows[i], strict=True)]
    return [row[-1] for row in rows]


def _block_sums(values: NDArray[np.generic]) -> NDArray[np.int32]:
    sums: NDArray[np.int32] = block_reduce(values, _BLOCK_PX, np.sum, 0, {"dtype": np.int32})
    return sums
