"""Colours in other terms: nothing is lost, and what JPEG decoders made is found."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage
from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.exact.dec_colours import jpeg_to_rgb, luma_to_rgb
from numcodecs_neural.exact.dec_values import EVEN, HEAD, JPEG, LISTED, LUMA, read_values
from numcodecs_neural.exact.enc_colours import jpeg_levels_of, luma_levels_of
from numcodecs_neural.format import unpack_chunk
from numcodecs_neural.jpeg.pixels import reference
from tests.golden.exact_cases import apart, luma, of_jpeg

SHAPE = (2, 3, 20, 30)


def kind_of(image: NDArray[Any], max_error: int = 0) -> int:
    """Return of which kind the levels of a chunk are."""
    _, sections = unpack_chunk(NeuralImage(max_error=max_error, channel_axis=-3).encode(image))
    kind, *_ = HEAD.unpack_from(sections[0])
    return int(kind)


@pytest.mark.parametrize("most", [1, 255, 4095, 32767])
def test_luma_and_chroma_lose_nothing(most: int) -> None:
    rgb = np.random.default_rng(1).integers(0, most, SHAPE, np.uint16, endpoint=True)

    levels = luma_levels_of(rgb, most)

    assert levels.max() <= 2 * most
    assert np.array_equal(luma_to_rgb(levels, most), rgb)


def test_luma_and_chroma_that_no_writer_makes_stay_in_range() -> None:
    levels = np.random.default_rng(2).integers(0, 511, SHAPE, np.uint16)

    assert luma_to_rgb(levels, 255).max() == 255


def test_colours_of_jpeg_are_those_of_jpeg_chunks() -> None:
    levels = np.random.default_rng(3).integers(0, 256, SHAPE, np.uint16)

    for (cr, y, cb), rgb in zip(levels.astype(np.uint8), jpeg_to_rgb(levels), strict=True):
        assert np.array_equal(np.moveaxis(rgb, 0, -1), reference.ycbcr_to_rgb((y, cb, cr), 20, 30))


@pytest.mark.parametrize("chroma", [0, 5, 30])
def test_what_a_jpeg_decoder_made_is_found_at_the_limits_of_8_bits_too(chroma: int) -> None:
    generator = np.random.default_rng(4)
    levels = generator.normal(128, chroma, (1, 3, 60, 80))
    levels[:, 1] = generator.integers(30, 230, (60, 80))
    levels[:, 1, :20] = 254
    rgb = jpeg_to_rgb(np.rint(levels).astype(np.uint16))

    found = jpeg_levels_of(rgb)

    assert found is not None
    assert np.array_equal(jpeg_to_rgb(found), rgb)


def test_what_no_jpeg_decoder_made_last_is_told() -> None:
    rgb = of_jpeg()
    changed = rgb.copy()
    changed[0, 1, 3, 4] ^= 4

    assert jpeg_levels_of(np.random.default_rng(5).integers(0, 256, SHAPE, np.uint8)) is None
    assert jpeg_levels_of(changed) is None


def test_each_image_takes_the_terms_that_suit_it() -> None:
    assert kind_of(of_jpeg()) == JPEG
    assert kind_of(luma_to_rgb(luma(), 255).astype(np.uint8)) == LUMA
    assert kind_of(apart()) == LISTED


def test_a_bound_keeps_red_green_and_blue() -> None:
    assert kind_of(of_jpeg(), max_error=1) == EVEN


@pytest.mark.parametrize(
    ("head", "dtype", "channels"),
    [
        ((LUMA, 0, 1, 255, 0), "u1", 3),
        ((LUMA, 0, 1, 510, 1), "u1", 3),
        ((LUMA, 0, 1, 512, 0), "u1", 3),
        ((LUMA, 0, 1, 510, 0), "u1", 4),
        ((JPEG, 0, 1, 255, 0), "u1", 1),
        ((JPEG, 0, 1, 255, 0), "u2", 3),
        ((JPEG, 0, 1, 254, 0), "u1", 3),
        ((JPEG, 1, 1, 255, 0), "u2", 3),
    ],
)
def test_terms_that_do_not_fit_the_samples_are_refused(
    head: tuple[int, ...], dtype: str, channels: int
) -> None:
    with pytest.raises(BitstreamError, match="exact chunk"):
        read_values(HEAD.pack(*head), np.dtype(dtype), channels)
