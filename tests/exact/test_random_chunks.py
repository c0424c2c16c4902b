"""Random chunks of every type, lossless and within a bound: the same samples on every backend."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.coding import enc_chunk
from numcodecs_neural.format import Mode, unpack_chunk
from tests.exact.contents import CONTENTS, content

COUNT = 200
BOUNDS = {"lossless": (0,), "bound": (1, 2, 4, 9, 60, 254)}
DTYPES = ("uint8", "uint16", "int16")


class Case(NamedTuple):
    """A chunk to encode: its samples, where channels lie, and the bound."""

    image: NDArray[Any]
    channel_axis: int | None
    max_error: int

    @property
    def codec(self) -> NeuralImage:
        return NeuralImage(channel_axis=self.channel_axis, max_error=self.max_error)

    def misses(self, decoded: NDArray[Any]) -> int:
        """Return by how much samples differ at most."""
        assert (decoded.shape, decoded.dtype) == (self.image.shape, self.image.dtype)
        return int(np.abs(decoded.astype(int) - self.image.astype(int)).max())


@pytest.fixture(autouse=True)
def nothing_but_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise would be stored otherwise, and what is constant be no work."""
    encoders = {Mode.EXACT: enc_chunk.ENCODERS[Mode.EXACT]}
    monkeypatch.setattr(enc_chunk, "ENCODERS", encoders)


def random_case(generator: np.random.Generator, dtype: str, mode: str, side: int) -> Case:
    """Return one of 0 to 2 leading axes, 1 to 4 channels, and sides up to `side`."""
    channels = int(generator.integers(1, 5))
    leading = tuple(generator.integers(1, 3, generator.choice(3, p=(0.6, 0.3, 0.1))).tolist())
    plane = tuple(generator.integers(1, side, 2, endpoint=True).tolist())
    image = mixed(generator, (*leading, channels, *plane), dtype)
    axis: int | None = -3
    if generator.integers(2):
        axis, image = -1, np.moveaxis(image, -3, -1)
    elif channels == 1:
        axis, image = None, image[..., 0, :, :]
    return Case(image, axis, int(generator.choice(BOUNDS[mode])))


def mixed(generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Return samples of one kind, in half of all cases with a corner of another kind."""
    first, second = (
        content(kind, shape, dtype, int(generator.integers(1000)))
        for kind in generator.choice(CONTENTS, 2)
    )
    if generator.integers(2):
        y, x = shape[-2] // 2, shape[-1] // 3
        first[..., y:, x:] = second[..., y:, x:]
    return first


@pytest.mark.parametrize("mode", BOUNDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_200_random_chunks_are_equal_to_their_source_or_within_the_bound(
    dtype: str, mode: str
) -> None:
    generator = np.random.default_rng([12, *dtype.encode(), *mode.encode()])

    for number in range(COUNT):
        case = random_case(generator, dtype, mode, side=40)
        chunk = case.codec.encode(case.image)
        assert unpack_chunk(chunk).header.mode is Mode.EXACT
        assert case.misses(np.asarray(case.codec.decode(chunk))) <= case.max_error, number


@pytest.mark.parametrize("mode", BOUNDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_backend_decodes_random_chunks_alike(dtype: str, mode: str) -> None:
    pytest.importorskip("torch", reason="without torch there is no such backend")
    generator = np.random.default_rng([13, *dtype.encode(), *mode.encode()])
    # Few and small, since numpy takes a millisecond for each diagonal.
    for number in range(4):
        case = random_case(generator, dtype, mode, side=12)
        codec = case.codec
        chunk = codec.encode(case.image)
        expected = np.asarray(codec.decode(chunk))

        for backend in ("numpy", "torch"):
            with config.set(backend=backend, device="cpu" if backend == "torch" else "numpy"):
                np.testing.assert_array_equal(codec.decode(chunk), expected, err_msg=str(number))
        assert case.misses(expected) <= case.max_error


@pytest.mark.parametrize("max_error", [0, 3])
def test_numpy_encodes_what_numba_does(max_error: int) -> None:
    image = np.stack([content(kind, (14, 19), "uint16", 5) for kind in ("smooth", "outlier")])
    codec = NeuralImage(channel_axis=-3, max_error=max_error)

    with config.set(backend="numpy"):
        chunk = codec.encode(image)

    assert chunk == codec.encode(image)
