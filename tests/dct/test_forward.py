"""Coefficients of pixels are the same in numpy and numba, and lead back to the pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural.dct.arithmetic import pixel_dtype
from numcodecs_neural.dct.colour import matrices_of
from numcodecs_neural.dct.dec_inverse import inverse
from numcodecs_neural.dct.enc_axes import moments, moments_plain, rotate, rotate_plain
from numcodecs_neural.dct.enc_forward import (
    clipped_blocks,
    clipped_blocks_plain,
    forward,
    forward_plain,
)
from tests.dct.conftest import exact_dct


def pixels_of(seed: int, shape: tuple[int, int, int], fraction: int) -> NDArray[np.uint16]:
    rng = np.random.default_rng(seed)
    white = (256 << fraction) - 1
    if seed % 2:
        return rng.choice([0, white], shape).astype(pixel_dtype(fraction))
    return rng.integers(0, white + 1, shape).astype(pixel_dtype(fraction))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    h=st.integers(1, 3),
    w=st.integers(1, 3),
    channels=st.sampled_from([1, 3]),
    fraction=st.integers(0, 8),
)
def test_numba_makes_the_coefficients_of_numpy(
    seed: int, h: int, w: int, channels: int, fraction: int
) -> None:
    pixels = pixels_of(seed, (channels, 16 * h, 16 * w), fraction)

    coefficients = forward(pixels, fraction)

    assert coefficients.shape == (h, w, channels, 256)
    np.testing.assert_array_equal(coefficients, forward_plain(pixels, fraction))


@pytest.mark.parametrize("fraction", range(9))
@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_have_the_largest_coefficients(fraction: int, level: int) -> None:
    pixel = (level << fraction) + (level and (1 << fraction) - 1)
    pixels = np.full((3, 16, 16), pixel, pixel_dtype(fraction))

    coefficients = forward(pixels, fraction)

    expected = round((pixel / 2**fraction - 128) * 16 * 8)
    assert (coefficients[..., 0] == expected).all()
    assert not coefficients[..., 1:].any()
    np.testing.assert_array_equal(coefficients, forward_plain(pixels, fraction))


def test_coefficients_are_within_rounding_of_an_exact_transform(
    tissue: NDArray[np.uint8],
) -> None:
    error = forward(tissue, 0) - 8 * exact_dct(tissue.astype(np.float64) - 128)

    assert np.sqrt(np.mean(error**2)) < 0.4
    assert np.abs(error).max() < 1.5


@pytest.mark.parametrize("fraction", [0, 1])
def test_pixels_come_back_from_their_coefficients(fraction: int) -> None:
    pixels = pixels_of(4, (3, 64, 48), fraction)
    matrices = matrices_of([[30, 900, 512], [800, 100, 3]])

    coefficients = rotate(forward(pixels, fraction), matrices)
    back = inverse(coefficients.astype(np.int16), matrices, fraction)

    np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize("seed", range(4))
def test_numba_rotates_and_sums_as_numpy_does(seed: int) -> None:
    coefficients = forward(pixels_of(seed, (3, 48, 32), 8), 8)
    matrices = matrices_of(np.random.default_rng(seed).integers(0, 1024, (2, 3)))

    np.testing.assert_array_equal(
        rotate(coefficients, matrices), rotate_plain(coefficients, matrices)
    )
    np.testing.assert_array_equal(moments(coefficients), moments_plain(coefficients))


def test_moments_of_the_largest_blocks_do_not_overflow() -> None:
    pixels = pixels_of(1, (3, 64, 64), 8)
    pixels[:, :16, :16] = np.where(np.indices((16, 16)).sum(0) % 2, 65535, 0)

    coefficients = forward(pixels, 8)

    np.testing.assert_array_equal(moments(coefficients), moments_plain(coefficients))


@pytest.mark.parametrize("fraction", [0, 2])
def test_blocks_with_a_darkest_or_brightest_pixel_are_clipped(fraction: int) -> None:
    pixels = np.full((3, 32, 48), 7, pixel_dtype(fraction))
    pixels[0, 3, 5] = 0
    pixels[2, 31, 47] = (256 << fraction) - 1

    clipped = clipped_blocks(pixels, fraction)

    assert clipped.tolist() == [[True, False, False], [False, False, True]]
    np.testing.assert_array_equal(clipped, clipped_blocks_plain(pixels, fraction))
