"""Coarser tiles: larger steps, values that are as near as these allow, fewer bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage
from numcodecs_neural.codec import mosaic_of
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.offers import offered
from numcodecs_neural.jpeg.requantize import EXACT, requantized
from numcodecs_neural.measure import metrics
from tests.jpeg.mosaics import mosaics
from tests.jpeg.streams import photo, saved

QUALITIES = st.integers(1, EXACT)


def values(mosaic: Mosaic) -> list[NDArray[np.int64]]:
    """Return what the coefficients stand for."""
    pairs = zip(mosaic.coefficients, mosaic.steps, strict=True)
    return [blocks.astype(np.int64) * np.array(steps) for blocks, steps in pairs]


@given(mosaics())
def test_at_100_a_mosaic_stays_what_it_is(mosaic: Mosaic) -> None:
    assert requantized(mosaic, EXACT) is mosaic


@given(mosaics(), QUALITIES)
def test_each_step_becomes_its_largest_multiple_up_to_the_limit(
    mosaic: Mosaic, quality: int
) -> None:
    limit = EXACT + 1 - quality

    for own, coarser in zip(mosaic.steps, requantized(mosaic, quality).steps, strict=True):
        for step, larger in zip(own, coarser, strict=True):
            assert larger % step == 0
            assert larger == step or larger <= limit
            assert larger + step > limit


@given(mosaics(), QUALITIES)
def test_values_are_off_by_half_a_step_at_most(mosaic: Mosaic, quality: int) -> None:
    coarser = requantized(mosaic, quality)

    pairs = zip(values(mosaic), values(coarser), coarser.steps, strict=True)
    for before, after, steps in pairs:
        assert (2 * np.abs(after - before) <= steps).all()
        changed = np.abs(after - before)[..., 1:] * 2 == np.array(steps)[1:]
        assert (np.abs(after)[..., 1:] <= np.abs(before)[..., 1:])[changed].all()


@given(mosaics(), QUALITIES)
def test_doing_it_again_changes_nothing(mosaic: Mosaic, quality: int) -> None:
    coarser = requantized(mosaic, quality)

    assert requantized(coarser, quality) is coarser


@given(mosaics(), QUALITIES)
def test_tiles_stay_where_they_are(mosaic: Mosaic, quality: int) -> None:
    coarser = requantized(mosaic, quality)

    assert (coarser.frame, coarser.colour) == (mosaic.frame, mosaic.colour)
    assert (coarser.grid, coarser.offset, coarser.fill) == (
        *(mosaic.grid, mosaic.offset, mosaic.fill),
    )
    assert np.array_equal(coarser.present, mosaic.present)


def test_halves_of_dc_go_to_both_sides_alike() -> None:
    mosaic = Mosaic.from_tiles([[saved(photo(512, 512)[..., 1], quality=75)]])
    (step,) = (own[0] for own in mosaic.steps)

    coarser = requantized(mosaic, EXACT + 1 - 2 * step)

    (before,), (after,) = values(mosaic), values(coarser)
    assert coarser.steps[0][0] == 2 * step
    assert abs((after - before)[..., 0].mean()) < step / 10


def test_lower_qualities_take_fewer_bytes_and_lose_more() -> None:
    mosaic = Mosaic.from_tiles([[saved(photo(128, 128), quality=85)]])
    exact = mosaic.pixels()
    sizes, losses = [], []
    for quality in (100, 92, 88, 84, 80):
        coarser = requantized(mosaic, quality)
        pixels = coarser.pixels()
        with offered([(pixels, -1, coarser)]):
            chunk = NeuralImage(channel_axis=-1).encode(pixels)
        assert mosaic_of(chunk) is not None
        assert np.array_equal(NeuralImage(channel_axis=-1).decode(chunk), pixels)
        sizes.append(len(chunk))
        losses.append(int(metrics.squared_error(exact, pixels).sum()))

    assert sizes == sorted(sizes, reverse=True)
    assert losses == sorted(losses)
    assert losses[0] == 0
    assert sizes[-1] < 0.85 * sizes[0]


@pytest.mark.parametrize("quality", [0, 101])
def test_other_qualities_are_refused(quality: int) -> None:
    mosaic = Mosaic.from_tiles([[saved(photo(16, 16))]])

    with pytest.raises(ConfigError, match=f"is {quality}; it must be 1 to 100"):
        requantized(mosaic, quality)
