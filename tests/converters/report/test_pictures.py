"""Pictures: reduction, display ranges, masks, colours, and the files they are packed in."""

import imagecodecs
import numpy as np
import pytest

from numcodecs_neural.converters.report.pictures import (
    COLOUR_MAP,
    as_jpeg,
    as_png,
    blended,
    coloured,
    displayed,
    hatched,
    outlined,
    reduced_by,
    resampled,
)
from tests.annotations import Image, Rng


@pytest.mark.parametrize("factor", [1, 3, 64])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_reduction_is_the_mean_of_what_is_there(rng: Rng, factor: int, dtype: str) -> None:
    pixels = rng.integers(0, 120, (50, 41, 3)).astype(dtype)

    reduced = reduced_by(pixels, factor)

    assert reduced.shape == (-(-50 // factor), -(-41 // factor), 3)
    last = pixels[(50 - 1) // factor * factor :, (41 - 1) // factor * factor :]
    assert reduced[0, 0] == pytest.approx(pixels[:factor, :factor].mean((0, 1)), rel=1e-6)
    assert reduced[-1, -1] == pytest.approx(last.mean((0, 1)), rel=1e-6)


def test_a_display_range_is_stretched_and_no_value_is_black() -> None:
    shown = displayed(np.array([-1.0, 0.0, 0.25, 1.0, 2.0, np.nan]), (0, 1))

    assert shown.tolist() == [0, 0, 64, 255, 255, 0]


def test_a_display_range_without_width_does_not_divide_by_zero() -> None:
    assert displayed(np.array([6, 7, 8]), (7, 7)).tolist() == [0, 0, 255]


def test_colours_run_along_the_map() -> None:
    steps = np.linspace(0, 1, len(COLOUR_MAP))

    assert [tuple(colour[:3]) for colour in coloured(steps).tolist()] == list(COLOUR_MAP)
    luma = coloured(np.linspace(0, 1, 50))[:, :3] @ np.array([0.3, 0.59, 0.11])
    assert (np.diff(luma) > 0).all()


def test_a_mask_is_resampled_by_centres() -> None:
    mask = np.zeros((4, 6), bool)
    mask[:2, 3:] = True

    assert np.array_equal(resampled(mask, (8, 12)), mask.repeat(2, 0).repeat(2, 1))
    assert np.array_equal(resampled(mask, (2, 2)), [[False, True], [False, False]])


def test_an_outline_lies_inside_its_mask() -> None:
    mask = np.zeros((12, 12), bool)
    mask[3:10, 2:11] = True

    outline = outlined(mask, width=2)

    assert (outline & ~mask).sum() == 0
    assert (mask & ~outline).sum() == 3 * 5


def test_only_what_is_masked_is_painted() -> None:
    pixels = np.full((8, 8, 3), 200, np.uint8)
    mask = np.zeros((8, 8), bool)
    mask[2:5, 2:5] = True

    painted = blended(pixels, mask, (0, 100, 200), 0.5)

    assert (painted[~mask] == 200).all()
    assert (painted[mask] == (100, 150, 200)).all()
    assert (pixels == 200).all()
    assert (hatched(mask) & ~mask).sum() == 0


def test_files_hold_the_pictures(tissue: Image) -> None:
    pixels = np.moveaxis(tissue[:, :90, :70], 0, -1)

    assert np.array_equal(imagecodecs.png_decode(as_png(pixels)), pixels)
    assert np.array_equal(imagecodecs.png_decode(as_png(pixels[..., 0])), pixels[..., 0])
    decoded = imagecodecs.jpeg8_decode(as_jpeg(pixels)).astype(int)
    assert np.abs(decoded - pixels).mean() < 5
    assert imagecodecs.jpeg8_decode(as_jpeg(pixels[..., 0])).shape == (90, 70)
