"""From pixels to coefficients.

With the notation of `dec_inverse`, and ``p`` a pixel with `F` fraction bits less ``128 << F``:

    T[u, x] = R(sum_y BASIS[u, y] * p[y, x], 8 + F)     64ths of a grey level
    X[u, v] = R(sum_x T[u, x] * BASIS[v, x], 17)        eighths

Every sum and every T fits, whatever the pixels: a DC of white pixels is the largest of each, and
leaves room for the rounding term of the first pass; that of the second is added after one bit of
the shift.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Kernel
from numcodecs_neural.dct.arithmetic import (
    BASIS,
    BASIS_BITS,
    BLOCK,
    COEFFICIENT_BITS,
    COEFFICIENTS,
    LEVEL,
    ROW_BITS,
)

__all__ = ["clipped_blocks", "clipped_blocks_plain", "forward", "forward_plain"]

_FORWARD, _CLIPPED = (
    {
        pixel: Kernel("numcodecs_neural.dct.enc_kernels", f"{name}_of_{pixel}")
        for pixel in ("uint8", "uint16")
    }
    for name in ("forward", "clipped")
)
_BASIS = BASIS.ravel()
_TRANSPOSED_PAIRS = BASIS.T.reshape(8, 2, 16).transpose(0, 2, 1).ravel()


def forward(pixels: NDArray[Any], fraction: int) -> NDArray[np.int32]:
    """Return the coefficients of blocks, of each channel by itself.

    Parameters
    ----------
    pixels : (A, H, W) uint8, or uint16 with fraction bits
        H and W are multiples of 16.
    fraction : int
        Bits of a pixel below a grey level, 0 to 8.

    Returns
    -------
    (H / 16, W / 16, A, 256) int32
        Eighths of a grey level, within -16384 and 16384.
    """
    kernel = _FORWARD[pixels.dtype.name].compiled()
    if kernel is None:
        return forward_plain(pixels, fraction)
    channels, height, width = pixels.shape
    shape = height // BLOCK, width // BLOCK, channels
    coefficients = np.empty((*shape, COEFFICIENTS), np.int32)
    kernel(
        np.ascontiguousarray(pixels).reshape(-1),
        _BASIS,
        _TRANSPOSED_PAIRS,
        fraction,
        np.array(shape, np.int64),
        np.empty(COEFFICIENTS, np.int16),
        np.empty(COEFFICIENTS, np.int16),
        coefficients.reshape(-1),
    )
    return coefficients


def forward_plain(pixels: NDArray[Any], fraction: int) -> NDArray[np.int32]:
    """Do what `forward` does, in float64, which holds every sum exactly."""
    channels, height, width = pixels.shape
    h, w = height // BLOCK, width // BLOCK
    basis = BASIS.astype(np.float64)
    blocks = pixels.reshape(channels, h, BLOCK, w, BLOCK).transpose(1, 3, 0, 2, 4)
    rows = _rounded(
        basis @ (blocks.astype(np.float64) - (LEVEL << fraction)), BASIS_BITS + fraction - ROW_BITS
    )
    coefficients = _rounded(rows @ basis.T, BASIS_BITS + ROW_BITS - COEFFICIENT_BITS)
    return coefficients.reshape(h, w, channels, BLOCK * BLOCK).astype(np.int32)


def _rounded(sums: NDArray[np.float64], shift: int) -> NDArray[np.float64]:
    rounded: NDArray[np.float64] = np.floor((sums + (1 << (shift - 1))) / (1 << shift))
    return rounded


def clipped_blocks(pixels: NDArray[Any], fraction: int) -> NDArray[np.bool_]:
    """Return which blocks have a pixel that is darkest or brightest, in any channel.

    If the image was decoded before, such pixels were perhaps limited, and the coefficients of their
    block are not what was decoded.

    Parameters
    ----------
    pixels : (A, H, W)
    fraction : int

    Returns
    -------
    (H / 16, W / 16) bool
    """
    kernel = _CLIPPED[pixels.dtype.name].compiled()
    if kernel is None:
        return clipped_blocks_plain(pixels, fraction)
    _, height, width = pixels.shape
    clipped = np.zeros((height // BLOCK, width // BLOCK), np.bool_)
    kernel(np.ascontiguousarray(pixels), (256 << fraction) - 1, clipped)
    return clipped


def clipped_blocks_plain(pixels: NDArray[Any], fraction: int) -> NDArray[np.bool_]:
    """Do what `clipped_blocks` does."""
    channels, height, width = pixels.shape
    blocks = pixels.reshape(channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    low, high = blocks.min((0, 2, 4)), blocks.max((0, 2, 4))
    clipped: NDArray[np.bool_] = (low == 0) | (high == (256 << fraction) - 1)
    return clipped
