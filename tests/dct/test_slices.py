"""In which order images are predicted, how gains are written, and what they give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural.dct.dec_gains import read_predictions
from numcodecs_neural.dct.dec_steps import dequantised_onto, dequantised_onto_plain
from numcodecs_neural.dct.enc_gains import write_predictions
from numcodecs_neural.dct.slices import (
    MAX_GAIN,
    MAX_SPACING,
    MAX_WEIGHT,
    Prediction,
    factors_of,
    order_of,
)
from numcodecs_neural.dct.steps import STEP_MAX
from numcodecs_neural.errors import BitstreamError, TruncatedChunkError


@given(st.integers(1, 70), st.integers(1, MAX_SPACING))
def test_every_image_comes_once_and_behind_its_references(count: int, spacing: int) -> None:
    seen: list[int] = []
    for number, references in order_of(count, spacing):
        assert set(references) <= set(seen)
        assert len(references) <= 2
        seen.append(number)

    assert sorted(seen) == list(range(count))


def test_a_spacing_of_one_goes_from_image_to_image() -> None:
    assert list(order_of(4, 1)) == [(0, ()), (1, (0,)), (2, (1,)), (3, (2,))]


@st.composite
def some_predictions(draw: st.DrawFn) -> tuple[int, int, int, list[Prediction | None]]:
    """Return the number of images, the spacing, the passes and predictions."""
    count, spacing = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    passes = draw(st.sampled_from([11, 33]))
    gains = st.lists(st.integers(0, MAX_GAIN), min_size=passes, max_size=passes)
    predictions: list[Prediction | None] = []
    for slice in order_of(count, spacing):
        if not slice.references or draw(st.booleans()):
            predictions.append(None)
            continue
        weight = draw(st.integers(0, MAX_WEIGHT)) if len(slice.references) > 1 else 0
        predictions.append(Prediction(np.array(draw(gains)), weight))
    return count, spacing, passes, predictions


@given(some_predictions())
def test_predictions_come_back(drawn: tuple[int, int, int, list[Prediction | None]]) -> None:
    count, spacing, passes, predictions = drawn

    data = write_predictions(predictions, order_of(count, spacing), passes)
    back = read_predictions(data, order_of(count, spacing), passes)

    assert [p and (p.weight, p.gains.tolist()) for p in back] == [
        p and (p.weight, p.gains.tolist()) for p in predictions
    ]


@pytest.mark.parametrize(
    ("bits", "error", "says"),
    [
        pytest.param([], TruncatedChunkError, "end early", id="nothing"),
        pytest.param([1] * 8, TruncatedChunkError, "end early", id="some gains"),
        pytest.param([1] + [0] * 15, BitstreamError, "15 zeros", id="a long escape"),
        pytest.param([0] * 17, BitstreamError, "do not end where", id="a byte left"),
        pytest.param([0, 0, 1], BitstreamError, "do not end where", id="a bit left"),
        pytest.param(
            [0, 1, 1, 0, 1] + [1] * 11, BitstreamError, "the weight 5", id="a weight of 5"
        ),
        pytest.param(
            [1, 0, 0, 0, 0, 1, 0, 1, 0, 0] + [1] * 10 + [0],
            BitstreamError,
            "gains from 12 to 21",
            id="a gain of 21",
        ),
        pytest.param(
            [1, 0, 0, 0, 0, 1, 1, 1, 0, 1] + [1] * 10 + [0],
            BitstreamError,
            "gains from -1 to 12",
            id="a gain of -1",
        ),
    ],
)
def test_gains_that_are_not_allowed_are_refused(
    bits: list[int], error: type[BitstreamError], says: str
) -> None:
    data = np.packbits(np.array(bits, np.uint8), bitorder="little").tobytes()

    with pytest.raises(error, match=says):
        read_predictions(data, order_of(3, 2), 11)


def test_factors_are_gains_by_the_shares_of_both_references() -> None:
    gains = np.arange(11)

    first, second = factors_of(Prediction(gains, 1), 1)[:, 0]

    np.testing.assert_array_equal(first, 3 * second)
    assert second[[0, 1, 16, 17, 255]].tolist() == [10, 0, 0, 1, 9]


def extremes(rng: np.random.Generator, shape: tuple[int, ...], limit: int) -> NDArray[np.int16]:
    values = rng.choice(np.array([-limit, -1, 0, 1, limit]), shape)
    return np.where(rng.random(shape) < 0.5, values, rng.integers(-limit, limit + 1, shape)).astype(
        np.int16
    )


@pytest.mark.parametrize("axes", [1, 3])
@pytest.mark.parametrize("weight", range(MAX_WEIGHT + 1))
def test_numba_predicts_as_exact_integers_do(axes: int, weight: int) -> None:
    rng = np.random.default_rng(10 * axes + weight)
    shape = (3, 2, axes, 256)
    symbols, first, second = (extremes(rng, shape, 32767) for _ in range(3))
    steps = rng.integers(1, STEP_MAX + 1, (axes, 256))
    steps[:, ::3] = 1
    prediction = Prediction(rng.integers(0, MAX_GAIN + 1, 11 * axes), weight)
    factors = factors_of(prediction, axes)

    values = dequantised_onto(symbols, steps, (first, second), factors)

    wide = factors.astype(np.int64)
    expected = (first * wide[0] + second * wide[1] + 32) >> 6
    exact = ((symbols * steps).clip(-32767, 32767) + expected).clip(-32767, 32767)
    np.testing.assert_array_equal(values, exact)
    plain = dequantised_onto_plain(symbols, steps, (first, second), factors)
    np.testing.assert_array_equal(plain, exact)
