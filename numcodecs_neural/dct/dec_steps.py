"""From symbols to coefficients: multiples of their steps."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Kernel

__all__ = ["LIMIT", "dequantised", "dequantised_plain"]

LIMIT = 32767
_MULTIPLY = Kernel("numcodecs_neural.dct.steps_kernels", "multiply")


def dequantised(symbols: NDArray[np.int16], steps: NDArray[np.int64]) -> NDArray[np.int16]:
    """Return symbols times steps, limited to magnitudes of 32767.

    Parameters
    ----------
    symbols : (h, w, axes, 256) int16
    steps : (axes, 256) int64
        In eighths of a grey level, up to 32767.

    Returns
    -------
    (h, w, axes, 256) int16
        In eighths of a grey level.
    """
    multiply = _MULTIPLY.compiled()
    if multiply is None:
        return dequantised_plain(symbols, steps)
    values = np.empty_like(symbols)
    multiply(symbols.reshape(-1), steps.astype(np.int32).reshape(-1), values.reshape(-1))
    return values


def dequantised_plain(symbols: NDArray[np.int16], steps: NDArray[np.int64]) -> NDArray[np.int16]:
    """Do what `dequantised` does."""
    return (symbols * steps).clip(-LIMIT, LIMIT).astype(np.int16)
