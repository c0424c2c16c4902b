"""Images of a chunk that are predicted from others: in which order, from which, and how much.

Neighbours in a volume or a film look alike, so a chunk may hold what an image's coefficients differ
by from those of images that are decoded before it. Every `spacing`-th image is predicted from the
one `spacing` before it; each one between two of these from both, the middle first.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.context.order import COEFFICIENTS, natural, passes

__all__ = [
    "FIRST_GAIN",
    "GAIN_BITS",
    "MAX_GAIN",
    "MAX_SPACING",
    "MAX_WEIGHT",
    "Prediction",
    "Slice",
    "factors_of",
    "order_of",
]

MAX_SPACING = 16
MAX_GAIN = 20
"""In sixteenths: what comes into focus is brighter than the image before it."""
MAX_WEIGHT = 4
FIRST_GAIN = 12
"""What the first gains of a chunk are told from."""

GAIN_BITS = 6
"""A factor of 64 is a gain of 1: gains are in sixteenths, weights in quarters."""


class Slice(NamedTuple):
    """An image of a chunk.

    Parameters
    ----------
    number : int
        Its place in the chunk.
    references : tuple of int
        Places of the images it may be predicted from: none, one, or the two around it.
    """

    number: int
    references: tuple[int, ...]


class Prediction(NamedTuple):
    """How much of its references is taken off an image.

    Parameters
    ----------
    gains : (passes,) int64
        In sixteenths, from 0 to `MAX_GAIN`.
    weight : int
        Of the second reference, in quarters, from 0 to `MAX_WEIGHT`; the first has the rest.
    """

    gains: NDArray[np.int64]
    weight: int


def order_of(count: int, spacing: int) -> Iterator[Slice]:
    """Yield all images of a chunk, in the order in which they are coded.

    Examples
    --------
    >>> [slice.number for slice in order_of(8, 4)]
    [0, 4, 2, 1, 3, 7, 5, 6]
    """
    yield Slice(0, ())
    for first in range(0, count - 1, spacing):
        last = min(first + spacing, count - 1)
        yield Slice(last, (first,))
        yield from _between(first, last)


def _between(first: int, last: int) -> Iterator[Slice]:
    if last - first < 2:
        return
    middle = (first + last) // 2
    yield Slice(middle, (first, last))
    yield from _between(first, middle)
    yield from _between(middle, last)


def factors_of(prediction: Prediction, axes: int) -> NDArray[np.int32]:
    """Return by what the coefficients of both references are multiplied: (2, axes, 256)."""
    shares = np.array([[MAX_WEIGHT - prediction.weight], [prediction.weight]])
    factors = np.zeros((2, axes, COEFFICIENTS), np.int32)
    for step, gain in zip(passes(axes), prediction.gains, strict=True):
        factors[:, step.axis, natural()[step.start :][: step.length]] = gain * shares
    return factors
