"""From coefficients to pixels: colour axes, then columns, then rows.

With ``R(s, n) = (s + 2**(n - 1)) >> n`` and ``C16(x)`` x limited to int16, a block of `A` channels
is

    X[c, k] = C16(R(sum_a M[a, c] * Y[a, k], 14))          three channels; else X = Y
    T[y, v] = C16(R(sum_u BASIS[u, y] * X[16 u + v], 12))  32nds of a grey level
    P[y, x] = R(sum_v T[y, v] * BASIS[v, x] + (128 << 19), 19 - F)

limited to ``0 .. (256 << F) - 1``, where M is the matrix of the coefficient's band and F the number
of fraction bits. All sums are those of `arithmetic.largest_sums`, and exact in int32.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Kernel
from numcodecs_neural.dct.arithmetic import (
    BASIS,
    BLOCK,
    COEFFICIENTS,
    COLUMN_SHIFT,
    COSINE_BITS,
    IS_LOW,
    LEVEL,
    ROW_SHIFT,
    VALUE_MAX,
    VALUE_MIN,
    pixel_dtype,
)
from numcodecs_neural.dct.dec_steps import dequantised_plain

__all__ = ["inverse", "inverse_plain"]

Pixels = NDArray[Any]
Floats = NDArray[np.float64]

_TO_UINT8, _TO_UINT16 = (
    Kernel("numcodecs_neural.dct.dec_kernels", f"inverse_to_{pixel}")
    for pixel in ("uint8", "uint16")
)
_BASIS = BASIS.reshape(8, 2, 16).transpose(0, 2, 1).ravel()  # rows as pairs
_TRANSPOSED = BASIS.T.ravel()
_NO_STEPS: NDArray[np.int16] = np.empty(0, np.int16)


def inverse(
    coefficients: NDArray[np.int16],
    matrices: NDArray[np.integer] | None,
    fraction: int,
    steps: NDArray[np.int64] | None = None,
) -> Pixels:
    """Return the pixels of blocks.

    Parameters
    ----------
    coefficients : (h, w, A, 256) int16
        In eighths of a grey level, or in `steps`; A is 1 or 3.
    matrices : (2, 3, 3) or None
        Colour axes of the low band and of the others; None for one channel.
    fraction : int
        Bits of a pixel below a grey level, 0 to 8.
    steps : (A, 256) int64, optional
        What coefficients are multiplied with first, as by `dec_steps.dequantised`.

    Returns
    -------
    (A, 16 h, 16 w) uint8, or uint16 with fraction bits
    """
    kernel = (_TO_UINT16 if fraction else _TO_UINT8).compiled()
    if kernel is None:
        if steps is not None:
            coefficients = dequantised_plain(coefficients, steps)
        return inverse_plain(coefficients, matrices, fraction)
    h, w, channels, _ = coefficients.shape
    pixels: Pixels = np.empty((channels, BLOCK * h, BLOCK * w), pixel_dtype(fraction))
    kernel(
        np.ascontiguousarray(coefficients).reshape(-1),
        _NO_STEPS if steps is None else steps.reshape(-1).astype(np.int16),
        _factors_of(matrices),
        _TRANSPOSED,
        _BASIS,
        fraction,
        np.array([h, w, channels], np.int64),
        np.empty(3 * COEFFICIENTS, np.int16),
        np.empty(3 * COEFFICIENTS, np.int16),
        np.empty(COEFFICIENTS, np.int16),
        np.empty(COEFFICIENTS, np.int16),
        pixels.reshape(-1),
    )
    return pixels


def _factors_of(matrices: NDArray[np.integer] | None) -> NDArray[np.int16]:
    """Return the columns of both matrices, each with a 0 behind it: pairs of factors."""
    columns = np.zeros((2, 3, 4), np.int16)
    if matrices is not None:
        columns[:, :, :3] = matrices.transpose(0, 2, 1)
    return columns.reshape(-1)


def inverse_plain(
    coefficients: NDArray[np.int16], matrices: NDArray[np.integer] | None, fraction: int
) -> Pixels:
    """Do what `inverse` does, in float64, which holds every sum exactly."""
    h, w, channels, _ = coefficients.shape
    basis = BASIS.astype(np.float64)
    rgb = coefficients.astype(np.float64)
    if matrices is not None:
        rgb = _to_rgb(rgb, matrices)
    blocks = rgb.reshape(h, w, channels, BLOCK, BLOCK)
    columns = _limited(_rounded(basis.T @ blocks, COLUMN_SHIFT))
    rows = _rounded(columns @ basis + (LEVEL << ROW_SHIFT), ROW_SHIFT - fraction)
    pixels = rows.clip(0, (256 << fraction) - 1).astype(pixel_dtype(fraction))
    return pixels.transpose(2, 0, 3, 1, 4).reshape(channels, BLOCK * h, BLOCK * w)


def _to_rgb(axes: Floats, matrices: NDArray[np.integer]) -> Floats:
    low, high = (_rounded(m.astype(np.float64).T @ axes, COSINE_BITS) for m in matrices)
    return _limited(np.where(IS_LOW, low, high))


def _rounded(sums: Floats, shift: int) -> Floats:
    rounded: Floats = np.floor((sums + (1 << (shift - 1))) / (1 << shift))
    return rounded


def _limited(values: Floats) -> Floats:
    return values.clip(VALUE_MIN, VALUE_MAX)
