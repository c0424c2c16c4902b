"""What a bit is worth in each block: the more, the busier the block is.

SSIM and MS-SSIM weigh a squared error by one over the variance around it. Where much goes on,
errors are seen less, and bits are better spent elsewhere. Steps stay those of the image: a block's
symbols are only chosen at another price.
"""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.arithmetic import COEFFICIENT_BITS

__all__ = ["prices_of"]

_QUIET = 29.0
"""Variance of a block, in squared grey levels, below which errors are seen as on one colour: the
constant of SSIM that keeps its quotient from 0, halved since SSIM adds two variances to it."""
_LOWEST, _HIGHEST = 0.5, 4.0
"""Prices in those of a block that is as busy as others."""


def prices_of(coefficients: NDArray[np.int32], price: float, masking: float) -> NDArray[np.int32]:
    """Return the price of a bit in each block (rows, columns), in 256ths of a squared step.

    Parameters
    ----------
    coefficients : (rows, columns, channels, 256) int32
        In eighths of a grey level, along any axes of colour.
    price : float
        That of a block as busy as others.
    masking : float
        To which power of its variance a block's price rises; with 0, all are alike.
    """
    if masking == 0:
        return np.full(coefficients.shape[:2], round(price), np.int32)
    variance = _variances_of(coefficients)
    activity = np.log(variance + _QUIET)
    # Blank blocks tell nothing about how busy the others are, so they hardly count.
    weight = (variance / (variance + _QUIET)) ** 2 + 1e-6
    usual = (activity * weight).sum() / weight.sum()
    factor = np.exp(masking * (activity - usual)).clip(_LOWEST, _HIGHEST)
    prices: NDArray[np.int32] = np.rint(price * factor).astype(np.int32)
    return prices


def _variances_of(coefficients: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the variances of blocks (rows, columns), means of their channels."""
    channels, count = coefficients.shape[2:]
    details = coefficients[..., 1:].astype(np.float64)  # sums of squares are exact, in any order
    squares = np.einsum("ijck,ijck->ij", details, details)
    variances: NDArray[np.float64] = squares / (channels * count * (1 << 2 * COEFFICIENT_BITS))
    return variances
