"""Generations of grey chunks: levels and symbols are found again, whatever the range of samples."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage
from numcodecs_neural.format import unpack_chunk
from numcodecs_neural.training.split import is_held_back
from tests.annotations import FindFile

Image = NDArray[Any]
GENERATIONS = 5
MOST = 0.1
"""Decibels that five generations may lose."""


def specimen(low: int, high: int, seed: int, dtype: str = "uint16", side: int = 96) -> Image:
    """Return spots on a slope with noise, from `low` to `high`, the ends cut off."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] + rng.integers(0, 100, (2, 1, 1))
    soft = np.sin(x / rng.uniform(3, 20)) * np.sin(y / rng.uniform(3, 20)) + x / 150
    image = soft + rng.normal(0, rng.uniform(0.01, 0.2), soft.shape)
    darkest, brightest = np.quantile(image, [rng.uniform(0, 0.2), rng.uniform(0.9, 1)])
    scaled = (image.clip(darkest, brightest) - darkest) / (brightest - darkest)
    samples: Image = np.rint(low + scaled * (high - low)).astype(dtype)
    return samples


def generations_of(image: Image, codec: NeuralImage) -> tuple[list[float], list[bytes]]:
    """Return mean squared errors, and chunks, of the first encoding and of those after it."""
    errors, chunks, decoded = [], [], image
    for _ in range(1 + GENERATIONS):
        chunks.append(bytes(codec.encode(decoded)))
        decoded = np.asarray(codec.decode(chunks[-1]))
        errors.append(float(((decoded.astype(float) - image) ** 2).mean()))
    return errors, chunks


def loss(errors: list[float]) -> float:
    """Return what is lost from the first generation to the last, in dB."""
    return float(10 * np.log10(errors[-1] / errors[0]))


@settings(max_examples=15)
@given(
    low=st.integers(0, 3000),
    reach=st.sampled_from([200, 255, 256, 300, 1023, 1500, 4095, 4096, 20000, 62000]),
    quality=st.sampled_from([0, 20, 45, 60, 80, 100]),
    seed=st.integers(0, 1000),
)
def test_five_generations_lose_next_to_nothing(
    low: int, reach: int, quality: int, seed: int
) -> None:
    image = specimen(low, low + reach, seed)

    errors, _ = generations_of(image, NeuralImage("grey-fast-2", quality))

    assert loss(errors) < MOST


@pytest.mark.parametrize("tune", ["psnr", "ssim", "ms-ssim"])
@pytest.mark.parametrize(("low", "high"), [(0, 4095), (-900, 3100), (-32768, 32767)], ids=str)
def test_chunks_of_later_generations_have_the_levels_of_the_second(
    low: int, high: int, tune: str
) -> None:
    image = specimen(low, high, 3, "int16", side=128)

    errors, chunks = generations_of(image, NeuralImage("grey-fast-2", 60, tune=tune))

    headers = [unpack_chunk(chunk)[0] for chunk in chunks]
    assert len({header.level_shift for header in headers}) == 1
    assert len({header.low for header in headers[1:]}) == 1
    for before, after in pairwise(chunks[1:]):
        assert abs(len(after) - len(before)) <= 8
    assert loss(errors) < MOST


def test_a_dim_plane_among_others_loses_nothing() -> None:
    images = np.stack([specimen(100, 4000, 5), specimen(100, 180, 6), specimen(90, 3000, 7)])
    codec = NeuralImage("grey-fast-2", 60)

    errors, _ = generations_of(images, codec)

    assert loss(errors) < MOST


@pytest.mark.parametrize("quality", [20, 60])
def test_sides_that_are_no_whole_blocks_hide_nothing(quality: int) -> None:
    image = specimen(300, 3000, 8, side=110)

    _, chunks = generations_of(image, NeuralImage("grey-fast-2", quality))

    headers = [unpack_chunk(chunk)[0] for chunk in chunks]
    assert len({(header.low, header.level_shift) for header in headers[1:]}) == 1


@pytest.mark.parametrize("quality", [0, 20, 60, 100])
@pytest.mark.parametrize("side", [48, 512])
def test_real_microscopy_of_16_bits_loses_next_to_nothing(
    side: int, quality: int, shared_file: FindFile
) -> None:
    tifffile = pytest.importorskip("tifffile")
    losses = []
    for path in sorted(shared_file("microscopy").rglob("*.tif")):
        if not is_held_back(path):
            continue
        planes = tifffile.imread(path)
        if planes.dtype != np.uint16:
            continue
        plane = (
            planes[..., 0] if planes.shape[-1] <= 3 else planes.reshape(-1, *planes.shape[-2:])[0]
        )
        height, width = (min(side, length // 16 * 16) for length in plane.shape)
        crop = np.ascontiguousarray(plane[:height, :width])
        if np.ptp(crop) < 12:  # rounding to so few samples hides most steps: see the card
            continue
        losses.append(loss(generations_of(crop, NeuralImage("grey-fast-2", quality))[0]))

    assert len(losses) > 3
    assert max(losses) < MOST
