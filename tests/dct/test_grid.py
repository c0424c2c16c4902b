"""An image that was decoded is told from others, and coded again as it was."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import config
from numcodecs_neural.dct.arithmetic import VALUE_MAX, VALUE_MIN
from numcodecs_neural.dct.colour import matrices_of
from numcodecs_neural.dct.dec_inverse import inverse
from numcodecs_neural.dct.enc_axes import axes_of, rotate
from numcodecs_neural.dct.enc_forward import forward
from numcodecs_neural.dct.enc_grid import find_grid, fit, fit_plain, is_on_grid


def steps_of(levels: int) -> NDArray[np.int32]:
    u, v = np.divmod(np.arange(256), 16)
    return np.tile(np.rint(8 * levels * (1 + 0.03 * np.hypot(u, v))), (3, 1)).astype(np.int32)


def quantised(
    pixels: NDArray[Any], angles: NDArray[np.int64], steps: NDArray[np.int32], fraction: int = 0
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return symbols, and the pixels that they decode to."""
    matrices = matrices_of(angles)
    symbols = np.rint(rotate(forward(pixels, fraction), matrices) / steps).astype(np.int64)
    values = (symbols * steps).clip(VALUE_MIN, VALUE_MAX).astype(np.int16)
    return symbols, inverse(values, matrices, fraction)


@pytest.mark.parametrize("levels", [4, 8, 16, 30])
def test_a_decoded_image_has_the_axes_and_symbols_it_was_decoded_from(
    levels: int, tissue: NDArray[np.uint8]
) -> None:
    steps = steps_of(levels)
    angles = axes_of(forward(tissue, 0))
    symbols, decoded = quantised(tissue, angles, steps)

    for _ in range(5):
        found, is_decoded = find_grid(decoded, forward(decoded, 0), steps, 0)
        again, decoded = quantised(decoded, found, steps)

        assert (is_decoded, found.tolist()) == (True, angles.tolist())
        assert np.mean(again != symbols) < 1e-4


@pytest.mark.parametrize("fraction", [3, 8])
def test_finer_pixels_show_finer_steps(fraction: int, tissue: NDArray[np.uint8]) -> None:
    fine = tissue.astype(np.uint16) << fraction
    steps = steps_of(2)
    angles = axes_of(forward(fine, fraction))
    symbols, decoded = quantised(fine, angles, steps, fraction)

    found, is_decoded = find_grid(decoded, forward(decoded, fraction), steps, fraction)
    again, _ = quantised(decoded, found, steps, fraction)

    assert (is_decoded, found.tolist()) == (True, angles.tolist())
    np.testing.assert_array_equal(again, symbols)


@pytest.mark.parametrize("levels", [1, 4, 16, 60])
def test_an_image_that_was_not_decoded_keeps_its_own_axes(
    levels: int, tissue: NDArray[np.uint8]
) -> None:
    coefficients = forward(tissue, 0)

    found, is_decoded = find_grid(tissue, coefficients, steps_of(levels), 0)

    assert (is_decoded, found.tolist()) == (False, axes_of(coefficients).tolist())


def test_other_steps_are_not_found(tissue: NDArray[np.uint8]) -> None:
    steps = steps_of(16)
    _, decoded = quantised(tissue, axes_of(forward(tissue, 0)), steps)

    assert not find_grid(decoded, forward(decoded, 0), steps_of(11), 0)[1]


def test_an_image_of_one_colour_is_not_called_decoded() -> None:
    pixels = np.full((3, 64, 64), 240, np.uint8)

    assert not find_grid(pixels, forward(pixels, 0), steps_of(8), 0)[1]


@pytest.mark.parametrize("reach", [6, 60, 1 << 20])
def test_numba_sums_what_numpy_does(reach: int, tissue: NDArray[np.uint8]) -> None:
    coefficients = forward(tissue, 0).reshape(-1, 3, 256)
    matrix = matrices_of([20, 930, 500]).astype(np.int64)
    blocks, frequencies = np.arange(0, 256, 3), np.arange(5, 250)

    arguments = coefficients, blocks, frequencies, steps_of(5), matrix, reach

    np.testing.assert_array_equal(fit(*arguments), fit_plain(*arguments))


@pytest.mark.parametrize("is_decoded", [True, False])
def test_numpy_finds_what_numba_does(is_decoded: bool, tissue: NDArray[np.uint8]) -> None:
    steps = steps_of(12)
    image = quantised(tissue, axes_of(forward(tissue, 0)), steps)[1] if is_decoded else tissue
    expected = find_grid(image, forward(image, 0), steps, 0)

    with config.set(backend="numpy"):
        found = find_grid(image, forward(image, 0), steps, 0)

    assert (found[1], found[0].tolist()) == (is_decoded, expected[0].tolist())


def test_nearly_blank_images_get_the_usual_axes() -> None:
    pixels = np.full((3, 64, 64), 240, np.uint8)
    pixels[:, 20, 30] = 180, 90, 120
    other = np.full((3, 64, 64), 100, np.uint8)

    first, second = (find_grid(p, forward(p, 0), steps_of(60), 0)[0] for p in (pixels, other))

    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[0], first[1])


def test_grey_images_that_were_decoded_are_known() -> None:
    rng = np.random.default_rng(3)
    steps = np.full((1, 256), 64, np.int32)
    symbols = rng.integers(-3, 4, (4, 4, 1, 256)) * (rng.random((4, 4, 1, 256)) < 0.1)
    decoded = inverse((symbols * steps).astype(np.int16), None, 0)
    noise = rng.integers(0, 256, decoded.shape, np.uint8)

    assert is_on_grid(forward(decoded, 0), steps)
    assert not is_on_grid(forward(noise, 0), steps)
    assert not is_on_grid(forward(np.full_like(noise, 7), 0), steps)
