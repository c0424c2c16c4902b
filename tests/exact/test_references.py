"""References: planes are predicted from channels, and from images before where that helps."""

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage
from numcodecs_neural.exact.enc_references import heads_of

MOST = 4095


def noise(images: int, seed: int = 3) -> list[NDArray[np.uint16]]:
    """Return planes of 40 x 50 that have nothing in common."""
    generator = np.random.default_rng(seed)
    return [generator.integers(1000, 3000, (40, 50)).astype(np.uint16) for _ in range(images)]


def slices(images: int) -> list[NDArray[np.uint16]]:
    """Return planes of which each is nearly the one before."""
    generator = np.random.default_rng(4)
    steps = generator.normal(0, 20, (images, 40, 50)).cumsum(0)
    return list(np.rint(noise(1)[0] + steps).astype(np.uint16))


def test_images_that_are_alike_refer_to_those_before() -> None:
    found = [head.references for head in heads_of(slices(4), 1, MOST)]

    assert found[0] == ()
    assert all(back[:1] == (1,) for back in found[1:])


def test_images_that_have_nothing_in_common_refer_to_none() -> None:
    assert [head.references for head in heads_of(noise(4), 1, MOST)] == [()] * 4


def test_channels_refer_to_the_image_before_where_that_is_nearer() -> None:
    first = noise(3)
    second = [plane + np.uint16(i % 2) for i, plane in enumerate(first)]

    found = [head.references for head in heads_of([*first, *second], 3, MOST)]

    assert found[:3] == [(), (1,), (1, 2)]
    assert found[3] == (3,)
    assert all(3 in back for back in found[4:])


@pytest.mark.parametrize(("channels", "images"), [(70, 2), (40, 3), (64, 2)])
def test_no_reference_lies_farther_back_than_a_section_says(channels: int, images: int) -> None:
    few = [plane[:6, :7] for plane in slices(channels)]

    found = heads_of(few * images, channels, MOST)

    assert len(found) == channels * images
    assert all(1 <= back <= min(n, 64) for n, h in enumerate(found) for back in h.references)


def test_a_volume_takes_less_than_its_slices() -> None:
    codec, volume = NeuralImage(max_error=0), np.stack(slices(5))

    chunk = codec.encode(volume)

    np.testing.assert_array_equal(codec.decode(chunk), volume, strict=True)
    assert len(chunk) < 0.8 * sum(len(codec.encode(plane)) for plane in volume)


@pytest.mark.parametrize("error", [1, 5])
def test_the_bound_holds_where_slices_refer_to_decoded_ones(error: int) -> None:
    codec, volume = NeuralImage(max_error=error), np.stack(slices(4))

    decoded = codec.decode(codec.encode(volume))

    assert np.abs(decoded.astype(int) - volume).max() <= error


def test_channels_need_no_axis_to_tell_of_each_other(tissue: NDArray[np.uint8]) -> None:
    image, codec = np.ascontiguousarray(tissue[:, :200, :200]), NeuralImage(max_error=0)

    alone = sum(len(codec.encode(channel)) for channel in image)

    assert len(codec.encode(image)) < 0.9 * alone
