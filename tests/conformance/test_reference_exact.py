"""The reference decoder decodes exact chunks as the package does."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from make_vectors import SPEC, example
from numcodecs_neural import NeuralImage
from reference_decoder import EXACT, decode
from tests.golden.exact_example import BEGIN, END, exact_example

Array = NDArray[Any]


def test_the_example_is_what_its_bytes_hold() -> None:
    page = SPEC.read_text(encoding="utf-8")
    chunk = example("An exact chunk")

    assert exact_example(chunk) == page.split(BEGIN)[1].split(END)[0].strip("\n") + "\n"
    np.testing.assert_array_equal(NeuralImage().decode(chunk), decode(chunk).array)


def texture(shape: tuple[int, ...], dtype: str, seed: int = 3) -> Array:
    """Return a ramp with noise of several sizes, over a part of the dtype's range."""
    generator = np.random.default_rng(seed)
    limits = np.iinfo(dtype)
    ramp = np.indices(shape).sum(0) * (int(limits.max) // 300 + 1)
    noise = generator.normal(0, 1, shape) * 8.0 ** (generator.random(shape) < 0.02)
    return np.asarray(np.clip(limits.max // 3 + ramp + noise, limits.min, limits.max), dtype)


@pytest.mark.parametrize("max_error", [0, 1, 7])
@pytest.mark.parametrize(
    ("shape", "dtype", "axis"),
    [
        ((24, 33), "uint8", None),
        ((3, 20, 24), "uint8", -3),
        ((18, 17, 4), "uint16", -1),
        ((2, 21, 25), ">i2", None),
        ((150, 4), "uint16", None),
        ((10, 59), "uint8", None),
    ],
)
def test_exact_chunks_are_decoded(
    shape: tuple[int, ...], dtype: str, axis: int | None, max_error: int
) -> None:
    image = texture(shape, dtype)
    codec = NeuralImage(max_error=max_error, channel_axis=axis)

    chunk = codec.encode(image)

    assert chunk[9] == EXACT
    decoded = decode(chunk).array
    np.testing.assert_array_equal(decoded, codec.decode(chunk), strict=True)
    assert np.abs(decoded.astype(int) - image.astype(int)).max() <= max_error


def test_listed_samples_are_decoded() -> None:
    generator = np.random.default_rng(5)
    values = np.sort(generator.choice(4000, 40, replace=False))
    image = values[np.clip(generator.normal(20, 3, (40, 40)), 0, 39).astype(int)].astype(np.int16)

    chunk = NeuralImage(max_error=0).encode(image)

    assert (chunk[9], chunk[49]) == (EXACT, 1)
    np.testing.assert_array_equal(decode(chunk).array, image)
