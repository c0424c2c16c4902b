"""Steps of dim images."""

import numpy as np
import pytest

from numcodecs_neural.dct.enc_contrast import finer, octaves_below
from numcodecs_neural.dct.steps import Quantisation, steps_of


@pytest.mark.parametrize(
    ("darkest", "brightest", "octaves"),
    [(0, 255, 0), (20, 84, 0), (20, 83, 1), (0, 32, 1), (0, 31, 2), (7, 7, 2)],
)
def test_contrast_counts_from_the_darkest_to_the_brightest(
    darkest: int, brightest: int, octaves: int
) -> None:
    levels = np.linspace(darkest, brightest, 64 * 64).round().astype(np.uint8)

    assert octaves_below(levels.reshape(1, 1, 64, 64), 0) == octaves
    assert octaves_below(np.left_shift(levels, 8, dtype=np.uint16), 8) == octaves


def test_a_few_bright_specks_are_no_contrast() -> None:
    image = np.full((1, 1, 64, 64), 5, np.uint8)
    image[..., ::2] = 12
    image[0, 0, 8, :3] = 255

    assert octaves_below(image, 0) == 2


def test_low_frequencies_get_finer_steps_and_the_highest_keep_theirs() -> None:
    quantisation = Quantisation(2048, 7, 16)

    before, after = (steps_of(q, 1)[0] for q in (quantisation, finer(quantisation, 2)))

    assert after[0] == pytest.approx(before[0] / 4, rel=0.01)
    assert after[15] == pytest.approx(before[15], rel=0.02)
    assert (np.diff(after[:16] / before[:16]) >= 0).all()


@pytest.mark.parametrize("base", [1, 127, 128, 200, 400])
def test_no_step_becomes_finer_than_pixels_can_tell(base: int) -> None:
    assert finer(Quantisation(base, 7, 16), 2).base == min(base, 128)


def test_steps_as_they_are_stay_so() -> None:
    quantisation = Quantisation(333, 9, 16)

    assert finer(quantisation, 0) == quantisation


def test_slopes_stay_within_a_byte() -> None:
    assert finer(Quantisation(4096, 100, 16), 2) == Quantisation(1024, 255, 16)
