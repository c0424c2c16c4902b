"""Distortion of decoded samples: squared error, PSNR, SSIM, and error at chunk borders."""

import math

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.evaluation.kinds import Pixels

__all__ = [
    "BORDER_PX",
    "INSIDE_PX",
    "decibels",
    "psnr",
    "psnr_of",
    "ring",
    "squared_error",
    "ssim",
]

PEAK = 255.0
# A seam is compared with what lies near it, because the middle of a chunk may show other tissue,
# or glass; and not with what lies next to it, which the padding of a network may reach as well.
BORDER_PX = (0, 8)
INSIDE_PX = (32, 64)


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
    from skimage.metrics import structural_similarity

    # skimage has 2 * floor(truncate * sigma + 0.5) + 1 taps: 11 for its truncate of 3.5.
    return float(
        structural_similarity(
            image,
            decoded,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=data_range,
            channel_axis=-1,
        )
    )


def ring(height: int, width: int, start: int, stop: int) -> NDArray[np.bool_]:
    """Return where pixels lie `start` or more, and less than `stop`, from the nearest edge.

    Examples
    --------
    >>> int(ring(16, 32, 0, 8).sum()), int(ring(32, 32, 0, 8).sum()), int(ring(16, 16, 8, 9).sum())
    (512, 768, 0)
    """
    y, x = np.arange(height), np.arange(width)
    distance = np.minimum(np.minimum(y, y[::-1])[:, None], np.minimum(x, x[::-1])[None, :])
    return (distance >= start) & (distance < stop)
