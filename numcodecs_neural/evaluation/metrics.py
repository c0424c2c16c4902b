"""Distortion of decoded samples: squared error, PSNR, SSIM; and where borders of chunks are."""

import math

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.evaluation.kinds import Pixels

__all__ = [
    "border",
    "decibels",
    "psnr",
    "psnr_of",
    "squared_error",
    "ssim",
]

PEAK = 255.0
BORDER_PX = 8


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


def border(height: int, width: int) -> NDArray[np.bool_]:
    """Return where pixels lie less than 8 pixels from the nearest edge, (height, width).

    Examples
    --------
    >>> int(border(16, 32).sum()), int(border(32, 32).sum())
    (512, 768)
    """
    is_border = np.ones((height, width), bool)
    is_border[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX] = False
    return is_border
