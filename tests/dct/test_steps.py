"""Quantisation steps, and what they make of symbols."""

import numpy as np
import pytest

from numcodecs_neural.dct.dec_steps import dequantised, dequantised_plain
from numcodecs_neural.dct.steps import STEP_MAX, Quantisation, steps_of


def test_steps_grow_with_frequency_and_chroma() -> None:
    steps = steps_of(Quantisation(base=640, slope=16, chroma=24), 3)

    assert steps[:, 0].tolist() == [80, 120, 120]
    assert steps[0, [15, 240]].tolist() == [160, 160]
    assert (np.diff(steps.reshape(3, 16, 16), axis=1) >= 0).all()


def test_a_flat_quantisation_has_one_step() -> None:
    assert np.unique(steps_of(Quantisation(64, 0, 16), 3)).tolist() == [8]


@pytest.mark.parametrize("base", [1, 65535])
def test_steps_keep_their_limits(base: int) -> None:
    steps = steps_of(Quantisation(base, 255, 255), 3)

    assert steps.min() >= 1
    assert steps.max() <= STEP_MAX


@pytest.mark.parametrize("axes", [1, 3])
def test_numba_multiplies_as_numpy_does(axes: int) -> None:
    rng = np.random.default_rng(axes)
    symbols = rng.integers(-32768, 32768, (3, 2, axes, 256)).astype(np.int16)
    steps = rng.integers(1, STEP_MAX + 1, (axes, 256))

    values = dequantised(symbols, steps)

    np.testing.assert_array_equal(values, dequantised_plain(symbols, steps))
    assert np.abs(values.astype(int)).max() == 32767
