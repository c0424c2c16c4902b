from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.converters.measure.distortion import ChunkQuality, chunk_quality
from numcodecs_neural.measure.metrics import ssim
from tests.annotations import Image


def all_tissue(planes: NDArray[Any]) -> NDArray[np.bool_]:
    return np.ones(planes.shape[1:], bool)


def noisy(planes: NDArray[Any], deviation: float) -> NDArray[Any]:
    noise = np.random.default_rng(3).normal(0, deviation, planes.shape)
    top = np.iinfo(planes.dtype).max
    rounded: NDArray[Any] = np.clip(np.rint(planes + noise), 0, top).astype(planes.dtype)
    return rounded


@pytest.fixture
def planes(tissue: Image) -> Image:
    return tissue[:, :96, :80]


@pytest.mark.parametrize(("dtype", "channels", "scale"), [("uint8", 3, 1), ("uint16", 1, 11)])
def test_ssim_on_all_pixels_is_that_of_the_chunk(
    dtype: str, channels: int, scale: int, planes: Image
) -> None:
    original = planes[:channels].astype(dtype) * np.dtype(dtype).type(scale)
    stored = noisy(original, 4 * scale)

    quality = chunk_quality(original, stored, all_tissue(original), data_range=255.0 * scale)

    expected = ssim(original.transpose(1, 2, 0), stored.transpose(1, 2, 0), 255.0 * scale)
    assert quality.ssim == pytest.approx(expected, abs=1e-6)


def test_psnr_is_that_of_the_squared_error(planes: Image) -> None:
    stored = noisy(planes, 5)
    mse = np.mean((planes.astype(float) - stored) ** 2)

    quality = chunk_quality(planes, stored, all_tissue(planes))

    assert quality.samples == planes.size
    assert quality.psnr_db() == pytest.approx(10 * np.log10(255**2 / mse), abs=0.005)


def test_what_is_glass_does_not_count(planes: Image) -> None:
    tissue = all_tissue(planes)
    tissue[:, 40:] = False
    stored = noisy(planes, 4)
    # Beyond the reach of windows of tissue pixels.
    spoilt = stored.copy()
    spoilt[:, :, 50:] = 0

    quality = chunk_quality(planes, spoilt, tissue)

    assert quality == chunk_quality(planes, stored, tissue)
    assert quality.samples == 3 * 96 * 40
    assert quality.ssim_count == 86 * 35


def test_same_pixels_are_of_ssim_one_and_have_no_psnr(planes: Image) -> None:
    quality = chunk_quality(planes, planes.copy(), all_tissue(planes))

    assert quality.ssim == 1.0
    assert quality.psnr_db() is None


def test_sums_are_the_same_in_any_order(planes: Image) -> None:
    parts = [
        chunk_quality(part, noisy(part, 3 + i), all_tissue(part))
        for i, part in enumerate(np.array_split(planes, 4, axis=1))
    ]

    forward, backward = ChunkQuality(), ChunkQuality()
    for part in parts:
        forward += part
    for part in reversed(parts):
        backward += part

    assert forward == backward


@pytest.mark.parametrize("shape", [(3, 10, 64), (3, 64, 10), (3, 4, 4), (3, 1, 1)])
def test_chunk_smaller_than_the_window_has_psnr_and_no_ssim(shape: tuple[int, ...]) -> None:
    original = np.full(shape, 100, np.uint8)

    quality = chunk_quality(original, original + np.uint8(1), all_tissue(original))

    assert quality.ssim is None
    assert quality.psnr_db() == 48.13


def test_chunk_without_tissue_has_neither() -> None:
    original = np.zeros((3, 32, 32), np.uint8)

    quality = chunk_quality(original, original + np.uint8(1), np.zeros((32, 32), bool))

    assert quality == ChunkQuality()
    assert quality.ssim is None
    assert quality.psnr_db() is None


def test_floats_that_came_back_are_of_ssim_one() -> None:
    original = np.full((1, 32, 32), np.nan, np.float32)

    assert chunk_quality(original, original.copy(), all_tissue(original)).ssim == 1.0
