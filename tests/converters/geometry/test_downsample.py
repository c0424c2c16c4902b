"""Reduction by two: an area average that neither drifts nor loses an odd edge."""

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.downsample import (
    halve_again,
    halve_pixels,
    reduce_pixels,
    to_pixels,
)
from tests.annotations import Image, Rng


def reduced(pixels: Image, times: int) -> Image:
    fixed = halve_pixels(pixels)
    for _ in range(times - 1):
        fixed = halve_again(fixed)
    rounded: Image = to_pixels(fixed)
    return rounded


def area_means(pixels: Image, side: int) -> NDArray[np.float64]:
    """Return the mean of every square of `side` pixels, of fewer at the edge."""
    height, width = pixels.shape[1:]
    beyond = ((0, 0), (0, -height % side), (0, -width % side))
    whole = np.pad(pixels.astype(float), beyond, constant_values=np.nan)
    rows, columns = whole.shape[1] // side, whole.shape[2] // side
    means: NDArray[np.float64] = np.nanmean(
        whole.reshape(len(pixels), rows, side, columns, side), (2, 4)
    )
    return means


@pytest.mark.parametrize("times", [1, 2, 5, 8])
def test_levels_are_area_averages_of_the_original(rng: Rng, times: int) -> None:
    pixels = rng.integers(0, 256, (3, 512, 768), np.uint8)
    side = 2**times
    mean = pixels.reshape(3, 512 // side, side, 768 // side, side).mean((2, 4))

    error = reduced(pixels, times) - mean

    assert np.abs(error).max() <= 0.5 + times / 256
    assert abs(error.mean()) < 0.05 or error.size < 500


@pytest.mark.parametrize(
    ("fixed", "mean"), [([0, 0, 0, 1], 0), ([0, 0, 1, 1], 1), ([0, 1, 1, 1], 1), ([9, 9, 9, 8], 9)]
)
def test_means_of_means_are_rounded_to_the_nearest_256th(fixed: list[int], mean: int) -> None:
    reduced = np.array(fixed, np.uint16).reshape(1, 2, 2)

    assert halve_again(reduced).tolist() == [[[mean]]]


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
def test_flat_areas_keep_their_value(value: int) -> None:
    pixels = np.full((3, 37, 21), value, np.uint8)

    assert (reduced(pixels, 4) == value).all()


def test_halves_are_rounded_to_the_even_grey_level() -> None:
    pixels = np.array([[[2, 3, 3, 4], [2, 3, 3, 4]]], np.uint8)

    assert to_pixels(halve_pixels(pixels)).tolist() == [[[2, 4]]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("shape", [(7, 13), (9, 16), (61, 6), (64, 33), (1, 5)])
def test_edges_of_odd_levels_are_area_averages_of_the_pixels_there_are(
    rng: Rng, shape: tuple[int, int], dtype: type[np.generic]
) -> None:
    pixels = rng.integers(0, 256, (2, *shape)).astype(dtype)

    for times in (1, 2, 3, 5):
        fixed = np.dtype(dtype).kind == "u"
        found = reduce_pixels(pixels, times) / (256 if fixed else 1)

        assert found == pytest.approx(area_means(pixels, 2**times), abs=times / 256 + 1e-9)


def test_an_odd_edge_is_averaged_with_itself() -> None:
    pixels = np.array([[[10, 20, 30], [10, 20, 40], [50, 60, 70]]], np.uint8)

    assert to_pixels(halve_pixels(pixels)).tolist() == [[[15, 35], [55, 70]]]
