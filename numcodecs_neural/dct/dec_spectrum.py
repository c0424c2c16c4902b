"""DCT coefficients of a chunk as those of red, green and blue, in grey levels, by frequency.

The colour axes of a chunk are its own, so its coefficients are comparable with those of others only
after they are turned back. Here they are floats: what decodes pixels is `dec_inverse`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.arithmetic import (
    BASIS,
    BASIS_BITS,
    BLOCK,
    COEFFICIENT_BITS,
    COEFFICIENTS,
    COSINE_BITS,
    IS_LOW,
    LEVEL,
)
from numcodecs_neural.dct.context.order import natural

__all__ = ["in_samples", "of_coefficients", "of_pixels"]


def of_coefficients(
    values: NDArray[np.int16],
    matrices: NDArray[np.integer] | None,
    frequencies: int = COEFFICIENTS,
) -> NDArray[np.float32]:
    """Return the orthonormal DCT of blocks, from coefficients along the colour axes of their chunk.

    Parameters
    ----------
    values : (h, w, A, 256) int16
        In eighths of a grey level.
    matrices : (2, 3, 3) or None
        Colour axes of the low band and of the others; None for one channel.
    frequencies : int
        How many to return, from the lowest.

    Returns
    -------
    (frequencies * A, h, w) float32
        In grey levels. Number ``A * k + a`` is frequency `k`, from low to high diagonals, of
        channel `a`. That of frequency 0 is 16 times the mean of the block.
    """
    h, w, channels, _ = values.shape
    kept = natural()[:frequencies]
    blocks = values.reshape(h * w, channels, COEFFICIENTS)[..., kept]
    spectra = blocks.transpose(2, 1, 0).astype(np.float32)
    if matrices is not None:
        spectra = _turned(spectra, matrices, IS_LOW[kept])
    spectra /= 1 << COEFFICIENT_BITS
    spectra[0] += BLOCK * LEVEL
    return spectra.reshape(frequencies * channels, h, w)


def in_samples(
    spectra: NDArray[np.float32], channels: int, *, low: int, shift: int
) -> NDArray[np.float32]:
    """Return spectra (n, ..., h, w) in samples: `low` is level 0, and 2**shift are a level."""
    if low == 0 and shift == 0:
        return spectra
    spectra *= 1 << shift
    spectra[:, :channels] += BLOCK * low
    return spectra


def of_pixels(planes: NDArray[Any], frequencies: int = COEFFICIENTS) -> NDArray[np.float32]:
    """Return the same of samples (n, C, H, W): (n, frequencies * C, h, w).

    Blocks that reach beyond the samples are filled up with the last ones.
    """
    n, channels, height, width = planes.shape
    h, w = -(-height // BLOCK), -(-width // BLOCK)
    beyond = (0, h * BLOCK - height), (0, w * BLOCK - width)
    padded = np.pad(planes.astype(np.float32), ((0, 0), (0, 0), *beyond), mode="edge")
    blocks = padded.reshape(n, channels, h, BLOCK, w, BLOCK).transpose(0, 1, 2, 4, 3, 5)
    basis = BASIS.astype(np.float32)
    basis /= 1 << BASIS_BITS
    spectra = (basis @ blocks @ basis.T).reshape(n, channels, h, w, COEFFICIENTS)
    ordered = spectra[..., natural()[:frequencies]].transpose(0, 4, 1, 2, 3)
    together = np.ascontiguousarray(ordered, np.float32)
    return together.reshape(n, frequencies * channels, h, w)


def _turned(
    spectra: NDArray[np.float32], matrices: NDArray[np.integer], is_low: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return (frequencies, 3, blocks) along red, green and blue in place of the axes."""
    low, high = (matrix.T.astype(np.float32) / (1 << COSINE_BITS) for matrix in matrices)
    turned = np.empty_like(spectra)
    turned[is_low], turned[~is_low] = low @ spectra[is_low], high @ spectra[~is_low]
    return turned
