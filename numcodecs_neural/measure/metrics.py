"""Distortion of decoded samples: squared error, PSNR, SSIM."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PEAK",
    "WINDOW_RADIUS",
    "decibels",
    "psnr",
    "psnr_of",
    "squared_error",
    "ssim",
    "ssim_map",
]

# (H, W, C) of integers.
Pixels = NDArray[Any]

PEAK = 255.0
# Wang et al. (2004): a Gaussian window of 11 taps, and two constants against small denominators.
WINDOW_RADIUS, _SIGMA = 5, 1.5
_K1, _K2 = 0.01, 0.03


def squared_error(image: Pixels, decoded: Pixels) -> NDArray[np.int64]:
    """Return the squared error of every pixel, summed over its channels: (H, W, C) to (H, W)."""
    difference = image.astype(np.int64) - decoded
    total: NDArray[np.int64] = (difference * difference).sum(axis=-1)
    return total


def psnr(image: Pixels, decoded: Pixels, data_range: float = PEAK) -> float:
    """Return the peak signal-to-noise ratio over all samples of all channels, in dB.

    Examples
    --------
    >>> black = np.zeros((2, 2, 3), np.uint8)
    >>> round(psnr(black, black + np.uint8(1)), 2)
    48.13
    """
    return psnr_of(float(squared_error(image, decoded).sum()) / image.size, data_range)


def psnr_of(mean_squared_error: float, data_range: float = PEAK) -> float:
    """Return the PSNR of a mean squared error, in dB; infinite where there is no error."""
    if not mean_squared_error:
        return math.inf
    return decibels(data_range * data_range, mean_squared_error)


def decibels(numerator: float, denominator: float) -> float:
    """Return a ratio of powers in dB, infinite where only the denominator is zero.

    Examples
    --------
    >>> decibels(20, 2), decibels(1, 0), decibels(0, 0)
    (10.0, inf, 0.0)
    """
    if numerator == denominator:
        return 0.0
    if denominator == 0:
        return math.inf
    return 10 * math.log10(numerator / denominator) if numerator else -math.inf


def ssim(image: Pixels, decoded: Pixels, data_range: float = PEAK) -> float:
    """Return the mean structural similarity of the channels of (H, W, C).

    As Wang et al. (2004) define it: Gaussian window of 11 taps, sigma 1.5, no sample covariance.
    """
    if np.array_equal(image, decoded):
        return 1.0  # which rounding would miss
    channels = zip(np.moveaxis(image, -1, 0), np.moveaxis(decoded, -1, 0), strict=True)
    return float(np.mean([ssim_map(*pair, data_range) for pair in channels]))


def ssim_map(plane: NDArray[Any], other: NDArray[Any], data_range: float) -> NDArray[np.float64]:
    """Return the SSIM of (H, W) at each pixel but the outer five of each side.

    The same numbers on every machine, whatever else runs there.
    """
    x, y = plane.astype(np.float64), other.astype(np.float64)
    mean_x, mean_y = _blurred(x), _blurred(y)
    variances = _blurred(x * x + y * y) - mean_x * mean_x - mean_y * mean_y
    covariance = _blurred(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    likeness: NDArray[np.float64] = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    likeness /= (mean_x * mean_x + mean_y * mean_y + c1) * (variances + c2)
    return likeness


def _blurred(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    # Sums of shifted copies: element by element, so that no library orders them otherwise.
    rows = _weighted(plane)
    return _weighted(rows.T).T


def _weighted(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted mean of 11 neighbouring rows, which are 10 rows fewer."""
    weights = [math.exp(-0.5 * (tap / _SIGMA) ** 2) for tap in range(WINDOW_RADIUS + 1)]
    norm = weights[0] + 2 * sum(weights[1:])
    count = len(plane) - 2 * WINDOW_RADIUS
    total = plane[WINDOW_RADIUS : WINDOW_RADIUS + count] * (weights[0] / norm)
    for tap in range(1, WINDOW_RADIUS + 1):
        before, after = WINDOW_RADIUS - tap, WINDOW_RADIUS + tap
        pair = plane[before : before + count] + plane[after : after + count]
        total += pair * (weights[tap] / norm)
    return total
