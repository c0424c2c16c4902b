"""Blocks of one colour, for what a store does not hold."""

import numpy as np
import pytest

from numcodecs_neural.converters.restore.fill import constant_coefficients
from numcodecs_neural.jpeg import Colour, decode_pixels
from tests.annotations import Image
from tests.jpeg.streams import frame_of

COMPONENTS = {Colour.GREY: 1, Colour.RGB: 3, Colour.YCBCR: 3}


def decoded(fill: tuple[int, ...], colour: Colour, step: int) -> Image:
    steps = ((step,) * 64,) * len(fill)
    blocks = []
    for dc in constant_coefficients(fill, colour, steps):
        block = np.zeros((1, 1, 64), np.int16)
        block[..., 0] = dc
        blocks.append(block)
    return decode_pixels(frame_of(8, 8, *[(1, 1)] * len(fill)), colour, steps, tuple(blocks))


@pytest.mark.parametrize("step", [1, 2, 7, 16, 99, 255])
@pytest.mark.parametrize("sample", [0, 128, 255])
@pytest.mark.parametrize("colour", COMPONENTS)
def test_white_grey_and_black_are_exact(colour: Colour, sample: int, step: int) -> None:
    pixels = decoded((sample,) * COMPONENTS[colour], colour, step)

    assert set(np.unique(pixels)) == {sample}


@pytest.mark.parametrize("colour", [Colour.RGB, Colour.YCBCR])
def test_other_colours_are_as_near_as_steps_allow(colour: Colour) -> None:
    pixels = decoded((200, 90, 17), colour, 8)

    assert np.abs(pixels[0, 0].astype(int) - (200, 90, 17)).max() <= 2
