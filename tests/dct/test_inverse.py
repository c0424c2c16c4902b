"""Pixels of coefficients are the same in numpy, numba and torch, and those of an exact DCT."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural.dct.arithmetic import BASIS, IS_LOW, TURN, VALUE_MAX, VALUE_MIN
from numcodecs_neural.dct.colour import ONE, matrices_of
from numcodecs_neural.dct.dec_inverse import inverse, inverse_plain
from numcodecs_neural.dct.dec_steps import dequantised_plain
from tests.dct.conftest import EXACT_BASIS, coefficients_of

KINDS = ["random", "sparse", "extreme"]


def exact_pixels(
    coefficients: NDArray[np.int16], matrices: NDArray[np.int32], fraction: int
) -> NDArray[np.float64]:
    """Return pixels of the DCT and the colour axes without any rounding but the last."""
    h, w, channels, _ = coefficients.shape
    low, high = (m.T / ONE @ coefficients for m in matrices)
    blocks = np.where(IS_LOW, low, high).reshape(h, w, channels, 16, 16) / 8
    levels = EXACT_BASIS.T @ blocks @ EXACT_BASIS + 128
    pixels = levels.transpose(2, 0, 3, 1, 4).reshape(channels, 16 * h, 16 * w)
    exact: NDArray[np.float64] = (pixels * 2**fraction).clip(0, (256 << fraction) - 1)
    return exact


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    h=st.integers(1, 4),
    w=st.integers(1, 4),
    channels=st.sampled_from([1, 3]),
    fraction=st.integers(0, 8),
    seed=st.integers(0, 2**32 - 1),
)
def test_numba_makes_the_pixels_of_numpy(
    kind: str, h: int, w: int, channels: int, fraction: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    coefficients = coefficients_of(kind, (h, w, channels), rng)
    matrices = matrices_of(rng.integers(0, TURN, (2, 3))) if channels == 3 else None

    expected = inverse_plain(coefficients, matrices, fraction)
    pixels = inverse(coefficients, matrices, fraction)

    assert pixels.dtype == expected.dtype == (np.uint16 if fraction else np.uint8)
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fraction", [0, 3, 8])
def test_torch_makes_the_pixels_of_numpy(kind: str, channels: int, fraction: int) -> None:
    torch = pytest.importorskip("torch")
    from numcodecs_neural.dct import dec_torch

    rng = np.random.default_rng(fraction)
    coefficients = coefficients_of(kind, (3, 2, channels), rng)
    matrices = matrices_of(rng.integers(0, TURN, (2, 3))) if channels == 3 else None

    pixels = dec_torch.inverse(torch.from_numpy(coefficients), matrices, fraction)

    np.testing.assert_array_equal(pixels.numpy(), inverse_plain(coefficients, matrices, fraction))


@pytest.mark.parametrize("device", ["cuda"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_makes_the_pixels_of_numpy(kind: str, device: str) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device on this machine")
    from numcodecs_neural.dct import dec_torch

    rng = np.random.default_rng(7)
    coefficients = coefficients_of(kind, (16, 16, 3), rng)
    matrices = matrices_of(rng.integers(0, TURN, (2, 3)))

    pixels = dec_torch.inverse(torch.from_numpy(coefficients).to(device), matrices, 4)

    np.testing.assert_array_equal(pixels.cpu().numpy(), inverse_plain(coefficients, matrices, 4))


def test_the_largest_sums_that_coefficients_can_reach_do_not_overflow() -> None:
    # Signs that agree with those of a basis function make the sums of both passes as large as
    # `largest_sums` says, for the pixel where they do.
    coefficients = np.empty((16, 2, 1, 256), np.int16)
    for y in range(16):
        positive = np.sign(np.outer(BASIS[:, y], BASIS[:, y])).ravel() >= 0
        coefficients[y, 0, 0] = np.where(positive, VALUE_MAX, VALUE_MIN)
        coefficients[y, 1, 0] = np.where(positive, VALUE_MIN, VALUE_MAX)

    for fraction in range(9):
        np.testing.assert_array_equal(
            inverse(coefficients, None, fraction),
            inverse_plain(coefficients, None, fraction),
        )


def test_no_coefficients_are_the_middle_grey() -> None:
    pixels = inverse(np.zeros((2, 1, 3, 256), np.int16), matrices_of(np.zeros((2, 3))), 2)

    assert (pixels == 128 << 2).all()


def test_pixels_are_within_60_db_of_an_exact_transform() -> None:
    rng = np.random.default_rng(3)
    falling = 3000 / (1 + np.add.outer(np.arange(16), np.arange(16)).ravel())
    coefficients = rng.normal(0, falling, (8, 8, 3, 256)).round().astype(np.int16)
    matrices = matrices_of(rng.integers(0, TURN, (2, 3)))

    fine = inverse(coefficients, matrices, 8).astype(np.float64)
    error = (fine - exact_pixels(coefficients, matrices, 8)) / 256

    assert 10 * np.log10(255**2 / np.mean(error**2)) > 60


def test_a_processor_without_the_special_instruction_makes_the_same_pixels(tmp_path: Path) -> None:
    code = (
        "import numpy as np;"
        "from numcodecs_neural.dct import colour, dec_inverse as d;"
        "rng = np.random.default_rng(0); x = rng.integers(-999, 999, (2, 3, 3, 256), np.int16);"
        "m = colour.matrices_of([[5, 900, 77], [300, 2, 511]]);"
        "print((d.inverse(x, m, 1) == d.inverse_plain(x, m, 1)).all())"
    )
    generic = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    environment = {**os.environ, **generic, "NUMBA_CACHE_DIR": str(tmp_path)}

    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )

    assert (result.stdout.strip(), result.returncode) == ("True", 0), result.stderr


@pytest.mark.parametrize("channels", [1, 3])
def test_symbols_and_steps_make_the_pixels_of_their_products(channels: int) -> None:
    rng = np.random.default_rng(channels)
    symbols = rng.integers(-300, 300, (2, 3, channels, 256)).astype(np.int16)
    steps = rng.integers(1, 600, (channels, 256))
    matrices = matrices_of(rng.integers(0, TURN, (2, 3))) if channels == 3 else None
    products = dequantised_plain(symbols, steps)

    assert np.abs(products.astype(int)).max() == 32767
    np.testing.assert_array_equal(
        inverse(symbols, matrices, 4, steps), inverse_plain(products, matrices, 4)
    )
