"""Grey images that were decoded before: known by steps, by level 0 and where they were clipped."""

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.dct.dec_inverse import inverse
from numcodecs_neural.dct.enc_forward import forward
from numcodecs_neural.dct.enc_grey import Sample, grey_levels, restored, sample_blocks

STEPS = np.full((1, 256), 64, np.int64)
FRACTION = 4


def multiples(*, constant: int, density: float = 0.1) -> NDArray[np.int64]:
    """Return coefficients (8, 8, 1, 256) of which a part are not 0, with one constant part."""
    rng = np.random.default_rng(3)
    shape = 8, 8, 1, 256
    symbols = rng.integers(-3, 4, shape) * (rng.random(shape) < density)
    symbols[..., 0] = constant
    return symbols * STEPS


def decoded(coefficients: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Return pixels (1, 1, H, W)."""
    return inverse(coefficients.astype(np.int16), None, FRACTION)[None]


def sample_of(pixels: NDArray[np.uint16]) -> Sample:
    blocks, is_clipped = sample_blocks(pixels)
    return Sample(grey_levels(blocks, FRACTION), is_clipped)


def test_decoded_images_are_known_and_others_are_not() -> None:
    image = decoded(multiples(constant=0))
    noise = np.random.default_rng(4).integers(0, 4096, image.shape).astype(np.uint16)

    assert sample_of(image).fit(STEPS, knows_level=True).is_good
    for other in (noise, np.full_like(noise, 7), noise[..., :15]):
        assert not sample_of(other).fit(STEPS, knows_level=True).is_good


def test_another_level_0_is_known_by_the_constant_parts() -> None:
    sample = sample_of(decoded(multiples(constant=0)) - np.uint16(3))  # 3/16 of a level: 24 eighths

    assert not sample.fit(np.full((1, 256), 512), knows_level=True).is_good
    assert sample.fit(STEPS, knows_level=False).offset == pytest.approx(-24, abs=0.2)


def test_coarser_levels_are_known() -> None:
    image = decoded(multiples(constant=-20))
    finer = sample_of(2 * image)  # what levels half as large make of it

    assert finer.coarser(1).fit(STEPS, knows_level=True).is_good
    assert not finer.coarser(2).fit(STEPS, knows_level=True).is_good


@pytest.mark.parametrize("constant", [-250, 250], ids=["dark", "bright"])
def test_what_was_clipped_is_restored(constant: int) -> None:
    coefficients = multiples(constant=constant, density=0.02)
    image = decoded(coefficients)
    assert np.isin(image, (0, 4095)).mean() > 0.05
    blocks = grey_levels(image, FRACTION).reshape(8, 16, 8, 16).swapaxes(1, 2).reshape(-1, 16, 16)

    found = np.rint(restored(blocks, STEPS) / 64)

    again = decoded((64 * found).astype(np.int64).reshape(8, 8, 1, 256))
    clipped = np.rint(forward(image[0], FRACTION).reshape(-1, 256) / 64)
    plain = decoded((64 * clipped).astype(np.int64).reshape(8, 8, 1, 256))
    errors = [((x.astype(float) - image) ** 2).mean() for x in (again, plain)]
    assert errors[0] < 0.02 * errors[1]


def test_few_symbols_must_be_nearer_to_steps_than_many() -> None:
    coefficients = np.zeros((1, 8, 1, 256), np.int64)
    coefficients[0, :, 0, [0, 1, 18]] = np.array([[640], [80], [-80]])  # a quarter of a step off

    few, many = (sample_of(decoded(np.tile(coefficients, (rows, 1, 1, 1)))) for rows in (1, 12))

    assert not few.fit(STEPS, knows_level=True).is_good
    assert few.fit(STEPS, knows_level=True).ratio == pytest.approx(
        many.fit(STEPS, knows_level=True).ratio, rel=0.1
    )
