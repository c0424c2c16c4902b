"""Samples of 8 and 16 bits as pixels, and back: nearest, with both ends of every range."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_neural.coding.dec_lossy import Levels, to_samples
from numcodecs_neural.coding.enc_levels import levels_of, to_pixels

FRACTIONS = [1, 4, 8]


@pytest.mark.parametrize("fraction", [0, *FRACTIONS])
def test_8_bit_samples_come_back(fraction: int) -> None:
    samples = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)

    pixels = to_pixels(samples, Levels(), fraction)

    assert pixels.dtype == (np.uint16 if fraction else np.uint8)
    np.testing.assert_array_equal(pixels, samples.astype(int) << fraction)
    np.testing.assert_array_equal(
        to_samples(pixels, Levels(), fraction, samples.dtype), samples, strict=True
    )


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("shift", range(9))
def test_16_bit_samples_come_back_as_nearly_as_pixels_are_fine(
    shift: int, fraction: int, dtype: Any
) -> None:
    limits = np.iinfo(dtype)
    low = int(limits.min) if shift >= 7 else 5
    samples = np.arange(low, low + (256 << shift)).astype(dtype)
    assert levels_of(samples) == Levels(low, shift)

    pixels = to_pixels(samples, Levels(low, shift), fraction)
    back = to_samples(pixels, Levels(low, shift), fraction, samples.dtype)

    error = np.abs(back.astype(int) - samples)
    coarser = max(shift - fraction, 0)
    assert error.max() <= ((1 << coarser) // 2 + 1 if coarser else 0)
    assert (back[0], back[-1]) == (samples[0], samples[-1])


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("shift", range(9))
def test_every_pixel_is_a_sample_of_the_dtype_and_none_is_out_of_order(
    shift: int, fraction: int
) -> None:
    pixels = np.arange(256 << fraction).astype(np.uint16)

    for low in (0, 65535 - 255):
        samples = to_samples(pixels, Levels(low, shift), fraction, np.dtype(np.uint16)).astype(int)

        assert (np.diff(samples) >= 0).all()
        assert samples[0] == low
        assert samples[-1] == min(65535, low + (256 << shift) - (shift >= fraction))


@given(
    low=st.integers(-(2**15), 2**15 - 1),
    reach=st.integers(0, 2**16 - 1),
)
def test_levels_are_the_finest_that_hold_all_samples(low: int, reach: int) -> None:
    high = min(low + reach, 2**15 - 1)

    levels = levels_of(np.array([low, high], np.int16))

    assert levels.low == low
    assert (high - low) >> levels.shift <= 255
    assert levels.shift == 0 or (high - low) >> (levels.shift - 1) > 255


@pytest.mark.parametrize(
    ("value_range", "low", "shift"),
    [
        (None, 100, 2),
        ((0, 255), 100, 2),
        ((0, 1023), 0, 2),
        ((0, 1024), 0, 3),
        ((200, 4000), 100, 4),
        ((-32768, 32767), 0, 8),
    ],
)
def test_a_range_coarsens_levels_and_never_refines_them(
    value_range: tuple[int, int] | None, low: int, shift: int
) -> None:
    assert levels_of(np.array([100, 1000], np.uint16), value_range) == Levels(low, shift)


def test_a_range_means_nothing_to_8_bit_samples() -> None:
    assert levels_of(np.array([3, 9], np.uint8), (0, 65535)) == Levels()


@pytest.mark.parametrize("shift", range(4, 8))
def test_the_highest_sample_of_the_finest_pixels_needs_no_coarser_levels(shift: int) -> None:
    samples = np.array([7, 7 + (256 << shift)], np.uint16)

    assert levels_of(samples, fraction=8) == Levels(7, shift)
    assert levels_of(samples, fraction=4) == Levels(7, shift + 1)
    assert levels_of(np.append(samples, samples[1] + 1), fraction=8) == Levels(7, shift + 1)
