"""Finer steps of low frequencies for dim grey images, by how many grey levels they use.

A viewer shows an image between its darkest and its brightest samples. Where these are few, an error
of one level is seen, and blocks whose constant parts are all that is left show their edges. Low
frequencies of such an image get finer steps. The highest ones, where its noise is, keep theirs.
"""

import numpy as np

from numcodecs_neural.dct.steps import Quantisation
from numcodecs_neural.networks.description import Pixels

__all__ = ["MOST_OCTAVES", "finer", "octaves_below"]

MOST_OCTAVES = 2
_LEVELS, _ENOUGH_BITS = 256, 7
_ONE, _FINEST = 16, 128
"""Of slopes, and a base step of two grey levels."""
_LEFT_OUT = 1000
"""One pixel in so many may be darker than the contrast shows, and one brighter."""


def octaves_below(images: Pixels, fraction: int) -> int:
    """Return by how many octaves the contrast of images is below 64 grey levels, at most two.

    Parameters
    ----------
    images : ndarray of uint8 or uint16
        Grey levels with `fraction` bits below them.
    fraction : int

    Examples
    --------
    >>> [octaves_below(np.arange(40, high, dtype=np.uint8), 0) for high in (200, 90, 60)]
    [0, 1, 2]
    """
    below = np.bincount((images >> fraction).ravel(), minlength=_LEVELS).cumsum()
    out = below[-1] // _LEFT_OUT
    low, high = np.searchsorted(below, [out, below[-1] - out - 1], side="right")
    return min(max(_ENOUGH_BITS - int(high - low).bit_length(), 0), MOST_OCTAVES)


def finer(quantisation: Quantisation, octaves: int) -> Quantisation:
    """Return steps that are finer by octaves at the lowest frequency, and as they were at the end.

    None becomes finer than what is found again in pixels of whole grey levels.
    """
    base = max(quantisation.base >> octaves, min(quantisation.base, _FINEST))
    end = (_ONE + quantisation.slope) * quantisation.base
    return Quantisation(base, min((end + base // 2) // base - _ONE, 255), quantisation.chroma)
