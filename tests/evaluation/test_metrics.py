"""Distortion against values worked out by other means."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.evaluation import metrics


@pytest.fixture
def image(rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (48, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(1, 20 * math.log10(255), id="one grey level"),
        pytest.param(255, 0.0, id="black for white"),
        pytest.param(0, math.inf, id="no error"),
    ],
)
def test_psnr_of_a_constant_error(step: int, expected: float) -> None:
    black = np.zeros((4, 4, 3), np.uint8)

    assert metrics.psnr(black, black + np.uint8(step)) == pytest.approx(expected)


def test_psnr_pools_the_channels() -> None:
    black = np.zeros((4, 4, 3), np.uint8)
    decoded = black.copy()
    decoded[..., 2] = 3

    assert metrics.psnr(black, decoded) == pytest.approx(10 * math.log10(255**2 / 3))


@pytest.mark.parametrize(("dtype", "peak"), [(np.uint8, 255), (np.uint16, 65535)])
def test_squared_error_does_not_wrap(dtype: type[np.unsignedinteger[Any]], peak: int) -> None:
    black = np.zeros((1, 1, 3), dtype)

    assert metrics.squared_error(black, black + dtype(peak)).item() == 3 * peak**2


def test_the_peak_of_psnr_is_the_range_that_is_given() -> None:
    black = np.zeros((4, 4, 1), np.uint16)

    found = metrics.psnr(black, black + np.uint16(2), data_range=4000)

    assert found == pytest.approx(20 * math.log10(2000))


def test_ssim_of_equal_images_is_one(image: NDArray[np.uint8]) -> None:
    assert metrics.ssim(image, image) == pytest.approx(1.0)


def test_ssim_has_a_gaussian_window_of_eleven_taps(
    image: NDArray[np.uint8], rng: np.random.Generator
) -> None:
    noise = rng.integers(-20, 21, image.shape)
    decoded = np.clip(image + noise, 0, 255).astype(np.uint8)

    assert metrics.ssim(image, decoded) == pytest.approx(_plain_ssim(image, decoded), abs=1e-6)


def test_ssim_of_16_bits_is_that_of_8_at_the_same_scale(
    image: NDArray[np.uint8], rng: np.random.Generator
) -> None:
    decoded = np.clip(image + rng.integers(-9, 10, image.shape), 0, 255).astype(np.uint8)

    wide, wide_decoded = (pixels.astype(np.uint16) * 16 for pixels in (image, decoded))

    found = metrics.ssim(wide, wide_decoded, data_range=255 * 16)
    assert found == pytest.approx(metrics.ssim(image, decoded))


def test_a_border_is_a_frame_of_eight_pixels() -> None:
    border = metrics.border(96, 80)

    assert not border[8:-8, 8:-8].any()
    assert border.sum() == 96 * 80 - 80 * 64


def _plain_ssim(image: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float:
    """SSIM as its paper writes it down, over all windows that lie wholly inside."""
    taps = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = np.lib.stride_tricks.sliding_window_view(values, 11, axis=0) @ taps
        window: NDArray[np.float64] = (
            np.lib.stride_tricks.sliding_window_view(rows, 11, axis=1) @ taps
        )
        return window

    x, y = image.astype(np.float64), decoded.astype(np.float64)
    mean_x, mean_y = mean(x), mean(y)
    var_x, var_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return float(similarity.mean())
