"""Crops: what the seed and the step decide, and how samples are mapped."""

import numpy as np
import pytest

from numcodecs_neural.errors import SourceError
from numcodecs_neural.training.data import Crops, area_reduce, principal_components


def test_the_seed_decides_the_crops(crops: Crops) -> None:
    first, second, other = (crops.with_seed(seed).batch(4, 64) for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, second)
    assert (first != other).any()
    assert first.shape == (4, 3, 64, 64)
    assert first.min() >= 0
    assert first.max() <= 255
    assert (first == np.floor(first)).all()


def test_a_step_has_its_crops_whatever_was_drawn_before(crops: Crops) -> None:
    one, other = crops.with_seed(1), crops.with_seed(1)
    one.batch(5, 64)

    one.seek(7)
    other.seek(7)

    np.testing.assert_array_equal(one.batch(2, 64), other.batch(2, 64))


def test_area_reduction_is_the_rounded_mean() -> None:
    image = np.array([[[1], [2]], [[3], [4]]], np.uint8)

    assert area_reduce(image, 2).tolist() == [[[3]]]


def test_16_bit_crops_are_mapped_by_the_chunk_around_them() -> None:
    # low 1000, high 3000 within 512 pixels of anywhere: 2000 >> 3 is the first within 255
    plane = np.full((512, 512, 1), 1000, np.uint16)
    plane[::2, ::2] = 3000
    plane[1::2, 1::2] = 1001

    crop = Crops({"cells": [plane]}, 0, varied=False).batch(40, 128)

    native = [c for c in crop if set(np.unique(c)) == {0.0, 0.125, 250.0}]
    assert native  # neither reduced nor resized
    assert crop.max() <= 250
    assert (crop * 8 == np.floor(crop * 8)).all()


@pytest.mark.parametrize("top", [255, 700, 65_535])
def test_16_bit_crops_stay_in_range_whatever_is_changed(top: int) -> None:
    plane = np.random.default_rng(0).integers(0, top + 1, (300, 300, 1)).astype(np.uint16)

    batch = Crops({"cells": [plane]}, 1).batch(60, 64)

    assert batch.min() >= 0
    assert 128 < batch.max() < 256
    assert batch.dtype == np.float32


def test_scale_varies_continuously(crops: Crops) -> None:
    stripes = np.zeros((512, 512, 1), np.uint8)
    stripes[:, ::2] = 255
    drawn = Crops({"stripes": [stripes]}, 0, varied=False).batch(100, 64)

    # A factor of one keeps the stripes, two and four make grey; others something between.
    spread = drawn.std((1, 2, 3))
    between = spread[(spread > 1) & (spread < 120)]
    assert len(set(between.round(3).tolist())) >= 4


def test_crops_larger_than_all_images_are_refused(crops: Crops) -> None:
    assert not crops.can_draw(256)
    with pytest.raises(SourceError, match="smaller than crops of 256 pixels"):
        crops.batch(1, 256)


@pytest.mark.parametrize("channels", [1, 3])
def test_principal_components_are_orthonormal_and_sorted(crops: Crops, channels: int) -> None:
    if channels == 1:
        rng = np.random.default_rng(4)
        crops = Crops({"noise": [rng.integers(0, 255, (200, 200, 1)).astype(np.uint8)]}, 0)

    components, mean = principal_components(crops, 20, patches=2000)

    np.testing.assert_allclose(components @ components.T, np.eye(20), atol=1e-4)
    assert mean.shape == (256 * channels,)
    assert len(set(mean[:256].tolist())) == 1
