"""Coefficients and images that transforms are tested on."""

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.dct.arithmetic import VALUE_MAX, VALUE_MIN

_U, _Y = np.mgrid[:16, :16]
EXACT_BASIS: NDArray[np.float64] = np.sqrt(np.where(_U == 0, 1, 2) / 16) * np.cos(
    (2 * _Y + 1) * _U * np.pi / 32
)
"""The orthonormal DCT of 16 points."""


def coefficients_of(
    kind: str, shape: tuple[int, int, int], rng: np.random.Generator
) -> NDArray[np.int16]:
    """Return coefficients (h, w, A, 256) that are random, sparse or as large as can be."""
    full = (*shape, 256)
    if kind == "extreme":
        return rng.choice(np.array([VALUE_MIN, VALUE_MAX], np.int16), full)
    values = rng.integers(VALUE_MIN, VALUE_MAX + 1, full).astype(np.int16)
    if kind == "random":
        return values >> rng.integers(0, 12, (*shape, 1)).astype(np.int16)
    # Rows and columns of frequencies up to any, some blocks without one.
    u, v = np.divmod(np.arange(256), 16)
    rows, columns = rng.integers(0, 17, (2, *shape[:2], 1, 1))
    return np.where((u < rows) & (v < columns), values >> 6, 0).astype(np.int16)


def exact_dct(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return orthonormal coefficients (h, w, A, 256) of levels (A, 16 h, 16 w), not rounded."""
    channels, height, width = levels.shape
    blocks = levels.reshape(channels, height // 16, 16, width // 16, 16).transpose(1, 3, 0, 2, 4)
    return (EXACT_BASIS @ blocks @ EXACT_BASIS.T).reshape(*blocks.shape[:3], 256)


@pytest.fixture
def tissue() -> NDArray[np.uint8]:
    """Return pixels (3, 256, 256) of two stains in smooth shapes, with some noise."""
    rng = np.random.default_rng(5)
    stains = [_smooth(rng, 256, cells) for cells in (12, 40)]
    densities = np.array([np.maximum(stain, 0) for stain in stains])
    absorption = np.array([[0.35, 0.55, 0.25], [0.05, 0.5, 0.3]]).T
    light = 235 * np.exp(-np.tensordot(absorption, densities, 1))
    noisy: NDArray[np.float64] = light + rng.normal(0, 1.5, light.shape)
    return noisy.round().clip(0, 255).astype(np.uint8)


def _smooth(rng: np.random.Generator, size: int, cells: int) -> NDArray[np.float64]:
    spectrum = np.fft.rfft2(rng.normal(size=(size, size)))
    frequencies = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) * size
    image = np.fft.irfft2(spectrum / (1 + (frequencies / cells) ** 2), (size, size))
    smooth: NDArray[np.float64] = image / image.std()
    return smooth
