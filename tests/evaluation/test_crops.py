"""What is measured of an image: off the JPEG grid or on it, reduced, cut into chunks."""

import numpy as np
import pytest

from numcodecs_neural.errors import SourceError
from numcodecs_neural.evaluation.crops import ALIGNED, NATIVE, REDUCED, Crop, chunks, halve
from tests.annotations import Rng


def test_crops_start_off_the_grid(rng: Rng) -> None:
    image = rng.integers(0, 256, (19, 21, 3), np.uint8)

    (chunk,) = Crop.of(image, NATIVE).chunks

    np.testing.assert_array_equal(chunk, image[3:, 5:])


def test_aligned_crops_start_on_the_grid(rng: Rng) -> None:
    image = rng.integers(0, 256, (20, 20, 3), np.uint8)

    (chunk,) = Crop.of(image, ALIGNED).chunks

    np.testing.assert_array_equal(chunk, image[:16, :16])


def test_reduction_is_the_rounded_mean(rng: Rng) -> None:
    image = rng.integers(0, 256, (7, 9, 3), np.uint8)

    expected = np.floor(image[:6, :8].reshape(3, 2, 4, 2, 3).mean((1, 3)) + 0.5)

    np.testing.assert_array_equal(halve(image), expected)


def test_reduced_crops_are_off_the_grid_too(rng: Rng) -> None:
    image = rng.integers(0, 256, (35, 37, 3), np.uint8)

    (chunk,) = Crop.of(image, REDUCED).chunks

    np.testing.assert_array_equal(chunk, halve(image[3:, 5:]))


def test_16_bits_have_their_own_range(rng: Rng) -> None:
    image = rng.integers(1000, 3000, (64, 64, 1), np.uint16)
    image[0, 0] = 65535
    image[3, 5], image[4, 6] = 900, 4095

    crop = Crop.of(image, NATIVE)

    # What the crop leaves out does not count.
    assert (crop.data_range, crop.span) == (4095 - 900, (900, 4095))


def test_halves_of_16_bits_do_not_wrap() -> None:
    assert halve(np.full((2, 2, 1), 65535, np.uint16)).item() == 65535


@pytest.mark.parametrize(
    ("size", "shape", "count"),
    [
        pytest.param((512, 512), (512, 512), 1, id="one"),
        pytest.param((1021, 1355), (512, 512), 2, id="the rest is left out"),
        pytest.param((1536, 1024), (512, 512), 6, id="several"),
        pytest.param((382, 381), (368, 368), 1, id="smaller image"),
        pytest.param((510, 1100), (496, 512), 2, id="smaller in one axis"),
        pytest.param((16, 31), (16, 16), 1, id="smallest"),
    ],
)
def test_chunks_are_the_largest_that_fit(
    size: tuple[int, int], shape: tuple[int, int], count: int
) -> None:
    found = chunks(np.zeros((*size, 3), np.uint8))

    assert [chunk.shape for chunk in found] == [(*shape, 3)] * count


def test_chunks_tile_the_image(rng: Rng) -> None:
    image = rng.integers(0, 256, (64, 96, 3), np.uint8)

    a, b, c, d, e, f = chunks(image, side=32)

    np.testing.assert_array_equal(np.block([[[a], [b], [c]], [[d], [e], [f]]]), image)


def test_an_image_without_room_for_a_chunk_is_refused() -> None:
    with pytest.raises(SourceError, match="15 x 40 pixels holds no chunk"):
        chunks(np.zeros((15, 40, 3), np.uint8))
