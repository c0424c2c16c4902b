"""From symbols to coefficients: multiples of their steps, onto a prediction if there is one."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Kernel
from numcodecs_neural.dct.slices import GAIN_BITS

__all__ = [
    "LIMIT",
    "dequantised",
    "dequantised_onto",
    "dequantised_onto_plain",
    "dequantised_plain",
    "predicted",
]

LIMIT = 32767
_MULTIPLY, _MULTIPLY_ONTO = (
    Kernel("numcodecs_neural.dct.steps_kernels", name) for name in ("multiply", "multiply_onto")
)


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


def dequantised_onto(
    symbols: NDArray[np.int16],
    steps: NDArray[np.int64],
    references: tuple[NDArray[np.int16], NDArray[np.int16]],
    factors: NDArray[np.int32],
) -> NDArray[np.int16]:
    """Return `dequantised` plus `predicted`, limited to magnitudes of 32767.

    Parameters
    ----------
    symbols : (h, w, axes, 256) int16
    steps : (axes, 256) int64
    references : two of (h, w, axes, 256) int16
        What this returned, or `dequantised`, for other images.
    factors : (2, axes, 256) int32
        Of `slices.factors_of`.

    Returns
    -------
    (h, w, axes, 256) int16
        In eighths of a grey level.
    """
    multiply_onto = _MULTIPLY_ONTO.compiled()
    if multiply_onto is None:
        return dequantised_onto_plain(symbols, steps, references, factors)
    values = np.empty_like(symbols)
    first, second = references
    multiply_onto(
        symbols.reshape(-1),
        steps.astype(np.int32).reshape(-1),
        first.reshape(-1),
        second.reshape(-1),
        factors.reshape(-1),
        values.reshape(-1),
    )
    return values


def dequantised_onto_plain(
    symbols: NDArray[np.int16],
    steps: NDArray[np.int64],
    references: tuple[NDArray[np.int16], NDArray[np.int16]],
    factors: NDArray[np.int32],
) -> NDArray[np.int16]:
    """Do what `dequantised_onto` does."""
    sums = dequantised_plain(symbols, steps) + predicted(references, factors)
    return sums.clip(-LIMIT, LIMIT).astype(np.int16)


def predicted(
    references: tuple[NDArray[np.int16], NDArray[np.int16]], factors: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return ``(first * factors[0] + second * factors[1] + 32) >> 6``: (h, w, axes, 256)."""
    first, second = references
    sums: NDArray[np.int32] = first * factors[0] + second * factors[1] + (1 << (GAIN_BITS - 1))
    return sums >> GAIN_BITS
