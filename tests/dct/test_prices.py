"""What a bit is worth in each block."""

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.dct.enc_prices import prices_of

ROWS, COLUMNS = 6, 9


def noise_of(deviations: NDArray[np.floating], channels: int = 3) -> NDArray[np.int32]:
    """Return coefficients of noise, with a deviation in grey levels for each block."""
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 8, (*deviations.shape, channels, 256)) * deviations[..., None, None]
    return np.rint(noise).astype(np.int32)


def test_prices_are_alike_without_masking() -> None:
    coefficients = noise_of(np.linspace(0, 40, ROWS * COLUMNS).reshape(ROWS, COLUMNS))

    assert (prices_of(coefficients, 30, 0) == 30).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_bits_are_worth_more_the_busier_a_block_is(channels: int) -> None:
    deviations = np.linspace(6, 24, ROWS * COLUMNS).reshape(ROWS, COLUMNS)

    prices = prices_of(noise_of(deviations, channels), 1000, 0.75)

    rows = prices.mean(1)
    assert (np.diff(rows) > 0).all()
    assert prices[0, 0] == 500
    assert 1000 < rows[-1] < 4000


def test_blocks_that_are_alike_have_the_price_given() -> None:
    prices = prices_of(noise_of(np.full((ROWS, COLUMNS), 20.0)), 1000, 0.75)

    assert prices.mean() == pytest.approx(1000, rel=0.01)


def test_blank_blocks_hardly_change_the_price_of_others() -> None:
    deviations = np.zeros((ROWS, COLUMNS))
    deviations[-1] = 20

    prices = prices_of(noise_of(deviations), 1000, 0.75)

    assert (prices[:-1] == 500).all()
    assert prices[-1].mean() == pytest.approx(1000, rel=0.01)


def test_constant_parts_do_not_count() -> None:
    coefficients = noise_of(np.linspace(2, 40, ROWS * COLUMNS).reshape(ROWS, COLUMNS))
    brighter = coefficients.copy()
    brighter[..., 0] += 9000

    assert np.array_equal(prices_of(brighter, 300, 0.65), prices_of(coefficients, 300, 0.65))


def test_a_blank_image_has_the_price_given() -> None:
    assert (prices_of(np.zeros((2, 2, 1, 256), np.int32), 30, 0.65) == 30).all()
