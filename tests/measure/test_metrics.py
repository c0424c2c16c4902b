"""Distortion against values worked out by other means."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from numcodecs_neural.measure import metrics
from tests.annotations import Image, Rng

BLACK = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(1, 20 * math.log10(255), id="one grey level"),
        pytest.param((0, 0, 3), 10 * math.log10(255**2 / 3), id="one channel of three"),
        pytest.param(255, 0.0, id="black for white"),
        pytest.param(0, math.inf, id="no error"),
    ],
)
def test_psnr_of_a_constant_error(step: Any, expected: float) -> None:
    decoded = BLACK + np.array(step, np.uint8)

    assert metrics.psnr(BLACK, decoded) == pytest.approx(expected)


def test_the_peak_of_psnr_is_the_range_that_is_given() -> None:
    assert metrics.psnr(BLACK, BLACK + np.uint16(2), 4000) == pytest.approx(20 * math.log10(2000))


@pytest.mark.parametrize(("dtype", "peak"), [(np.uint8, 255), (np.uint16, 65535)])
def test_squared_error_does_not_wrap(dtype: type[np.unsignedinteger[Any]], peak: int) -> None:
    black = np.zeros((1, 1, 3), dtype)

    assert metrics.squared_error(black, black + dtype(peak)).item() == 3 * peak**2


@pytest.mark.parametrize("deviation", [1, 12])
@pytest.mark.parametrize(("dtype", "scale"), [("uint8", 1), ("uint16", 11), ("uint16", 257)])
def test_ssim_is_that_of_scikit_image(
    dtype: str, scale: int, deviation: int, tissue: Image, rng: Rng
) -> None:
    image = tissue[:, :96, :80].transpose(1, 2, 0)
    noise = np.rint(rng.normal(0, deviation, image.shape))
    decoded = np.clip(image + noise, 0, 255)
    wide, wide_decoded = ((pixels * scale).astype(dtype) for pixels in (image.astype(int), decoded))

    found = metrics.ssim(wide, wide_decoded, 255.0 * scale)

    assert found == pytest.approx(reference_ssim(wide, wide_decoded, 255.0 * scale), abs=1e-12)


def test_ssim_of_equal_images_is_one_and_nothing_less(tissue: Image) -> None:
    image = tissue[:, :96, :80].transpose(1, 2, 0)

    assert metrics.ssim(image, image.copy()) == 1.0


def reference_ssim(image: NDArray[Any], decoded: NDArray[Any], data_range: float) -> float:
    # It has 2 * floor(truncate * sigma + 0.5) + 1 taps: 11 for its truncate of 3.5.
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
