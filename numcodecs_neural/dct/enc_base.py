"""Search for the base step that an image was decoded with before, from its coefficients.

Coefficients of such an image are nearly multiples of their steps. Of many base steps those are
taken whose multiples lie nearest to the coefficients; that of the image is then found exactly.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.arithmetic import IS_LOW

__all__ = ["find_base", "nearest_base"]

_FREQUENCIES = np.flatnonzero(IS_LOW)[1:]
"""Low ones, which have symbols other than 0 even where steps are large."""

_REACH = 6
"""In steps, the largest coefficients that count: axes of colour are known nearly only."""

_FEWEST = 32
"""Symbols other than 0, without which nothing can be said."""

_LARGEST_RATIO = 0.5
"""Of squared distances from multiples to those of an image that was not decoded, which is 1."""

_NEIGHBOURS = np.arange(-3, 4)

StepsOf = Callable[[int], NDArray[np.int64]]
"""From a base step to the steps (axes, 256)."""


def find_base(
    coefficients: NDArray[np.int32], bases: Iterable[int], steps_of: StepsOf
) -> int | None:
    """Return the base step that explains the coefficients best, or None if none does.

    Parameters
    ----------
    coefficients : (blocks, axes, 256) int32
        Along axes of colour, of which the first counts.
    bases : iterable of int
    steps_of : callable
    """
    values = coefficients[:, 0, _FREQUENCIES].astype(np.float64)
    ratios = [(_ratio(values, steps_of(base)[0, _FREQUENCIES]), base) for base in bases]
    ratio, base = min(ratios, default=(1.0, 0))
    return base if ratio < _LARGEST_RATIO else None


def _ratio(values: NDArray[np.float64], steps: NDArray[np.int64]) -> float:
    """Return squared distances from multiples, over those that chance makes."""
    parts = values / steps
    multiples = np.rint(parts)
    counts = (multiples != 0) & (np.abs(parts) <= _REACH)
    count = int(counts.sum())
    if count < _FEWEST:
        return 1.0
    # Fixed point: sums of whole numbers do not depend on their order.
    distances = np.rint(np.square((parts - multiples)[counts]) * (1 << 20))
    return float(12 * distances.sum()) / (count << 20)


def nearest_base(coefficients: NDArray[np.int32], base: int, steps_of: StepsOf) -> int:
    """Return the base step near `base` whose multiples lie nearest to the coefficients.

    Parameters
    ----------
    coefficients : (blocks, axes, 256) int32
        Along the very axes that the image was decoded along.
    base : int
        Near enough that coefficients are nearest to their own multiples.
    steps_of : callable
    """
    steps = steps_of(base)
    symbols = np.rint(coefficients / steps)
    symbols[..., 0] = 0  # the constant part may be moved by rounding to pixels
    wanted = float((symbols * steps * coefficients).sum())
    found = float(np.square(symbols * steps).sum())
    if not found:
        return base
    near = round(base * wanted / found)
    return min(
        (int(each) for each in near + _NEIGHBOURS if each > 0),
        key=lambda each: float(np.square(coefficients - symbols * steps_of(each)).sum()),
    )
