"""The lossy mode in passes: encoder and decoder walk alike, on every backend."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_streams import decode_streams
from numcodecs_neural.coding.enc_streams import encode_streams, symbols_and_rows
from numcodecs_neural.coding.walk import Walk
from numcodecs_neural.entropy import SKIP
from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.backends.numba_kernels import CompiledKernels
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend, PlainKernels
from numcodecs_neural.networks.enc_latents import in_steps
from tests.models import CHECKERBOARD, INTERLEAVED, MIXED, WHOLE, Passes, Small

Image = NDArray[Any]
ORDERS = [
    pytest.param(WHOLE, id="whole"),
    pytest.param(CHECKERBOARD, id="checkerboard"),
    pytest.param(INTERLEAVED, id="interleaved"),
    pytest.param(MIXED, id="mixed"),
]
KINDS = [
    pytest.param((1, 4), id="grey"),
    pytest.param((3, 0), id="RGB"),
    pytest.param((2, 8), id="two channels of 16 bits"),
]


def backends() -> dict[str, Any]:
    every: dict[str, Any] = {
        "numpy": NumpyBackend(PlainKernels()),
        "float64": NumpyBackend(PlainKernels(), np.float64),
        "numba": NumpyBackend(CompiledKernels()),
    }
    try:
        from numcodecs_neural.networks.backends.torch_backend import TorchBackend
    except ImportError:
        return every
    return every | {"torch": TorchBackend("cpu")}


def noisy(model: Small, *shape: int) -> Image:
    """Smooth pixels of the model with noise on them, (n, C, H, W)."""
    rng = np.random.default_rng(3)
    top = 256 << model.pixel_fraction
    smooth = np.add(*np.indices(shape)[-2:]) / sum(shape[-2:]) * top
    pixels = smooth + rng.normal(0, top / 20, shape)
    limited: Image = pixels.clip(0, top - 1)
    return limited.astype(np.uint16 if model.pixel_fraction else np.uint8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("passes", ORDERS)
@pytest.mark.parametrize("size", [(1, 1), (8, 40), (37, 53)], ids=str)
def test_all_backends_give_one_stream_and_one_image(
    size: tuple[int, int], passes: Passes, kind: tuple[int, int]
) -> None:
    model = Small(channels=kind[0], pixel_fraction=kind[1], passes=passes)
    decoder, encoder = model.load()
    pixels = noisy(model, 2, model.channels, *size)
    results = {}
    for name, backend in backends().items():
        streams = encode_streams(pixels, 2, 60, decoder=decoder, encoder=encoder, backend=backend)
        decoded = decode_streams(streams, (1, *size), 60, decoder=decoder, backend=backend)
        results[name] = (streams, decoded)

    streams, decoded = results.pop("numpy")
    assert (decoded.shape, decoded.dtype) == (pixels.shape, pixels.dtype)
    error = (decoded.astype(int) - pixels) / 2**model.pixel_fraction
    assert np.sqrt((error**2).mean()) < 2
    for name, (other_streams, other) in results.items():
        assert other_streams == streams, name
        np.testing.assert_array_equal(other, decoded, name, strict=True)


@pytest.mark.parametrize("passes", ORDERS)
def test_the_decoder_sees_what_the_encoder_coded(
    passes: Passes, decoded_parts: list[NDArray[np.int32]]
) -> None:
    model = Small(passes=passes)
    decoder, encoder = model.load()
    pixels, backend = noisy(model, 1, 1, 72, 56), NumpyBackend()
    coders: dict[str, Any] = {"decoder": decoder, "encoder": encoder, "backend": backend}
    parts = symbols_and_rows(pixels, 1, 50, **coders).parts
    (stream,) = encode_streams(pixels, 1, 50, **coders)

    decode_streams([stream], (1, 72, 56), 50, decoder=decoder, backend=backend)

    classes, coded = len(decoder.tables) // 3, [rows[rows != SKIP] for _, rows in parts]
    for number, ((symbols, rows), found) in enumerate(zip(parts, decoded_parts, strict=True)):
        assert not symbols[rows == SKIP].any()
        has_odd_halves = (rows >= 2 * classes) & (rows != SKIP)
        values = 2 * symbols - has_odd_halves * np.sign(symbols) if number else symbols
        np.testing.assert_array_equal(values.ravel(), found)
    shapes = [symbols.shape for symbols, _ in parts[1:]]
    positions = {"all": 63, "even": 32, "odd": 31}
    assert shapes == [(1, 1, positions[phase], model.groups[group - 1]) for group, phase in passes]
    assert coded[0].max() < classes  # the hyper-latents' tables are the first third
    for rows in coded[1:]:
        assert rows.min() >= classes
        assert set(np.unique(rows // classes)) == {1, 2}  # both quantisers were at work
        assert len(np.unique(rows % classes)) > 1


def test_odd_positions_are_predicted_from_even_ones_alone() -> None:
    decoder, _ = Small().load()
    seen: list[NDArray[Any]] = []

    class Spy(NumpyBackend):
        def run(self, network: Any, tensors: Any, *args: Any) -> Any:
            seen.extend(tensors[name] for name in ("y1",) if name in tensors)
            return super().run(network, tensors, *args)

    even, odd = decoder.passes[:2]
    predictions = []
    for halves in (0, 20):
        walk = Walk(decoder, Spy(), 90, (3, 5), np.zeros(1, bool))
        walk.begin(np.zeros((1, 2, 3, 4), np.int32))
        first = walk.indexes(even)
        walk.add(even, np.full((1, 8, 16), halves, np.int32))
        predictions.append((first, walk.indexes(odd), walk.mean()))

    (plain_even, plain_odd, plain_mean), (full_even, full_odd, full_mean) = predictions
    np.testing.assert_array_equal(plain_even, full_even)
    assert plain_odd.shape == (1, 7, 16)
    assert (plain_odd != full_odd).any()
    assert (np.asarray(plain_mean) != full_mean).any()
    board = np.add(*np.indices((3, 5))) % 2 == 0
    np.testing.assert_array_equal(seen[-1], np.where(board, 160, 0)[None, ..., None].repeat(16, -1))


def test_latents_that_are_in_steps_are_limited() -> None:
    _, encoder = Small().load()

    y = in_steps(encoder, np.array([[-1e7, 1e7]], np.float32).repeat(32, 1), 0)

    assert np.abs(y).max() == 2**15 - 1


def test_weights_of_different_fractions_are_not_mixed() -> None:
    decoder, _ = Small(pixel_fraction=4).load()
    _, encoder = Small(pixel_fraction=3).load()

    with pytest.raises(WeightsError, match="differ in their pixels' fractions"):
        symbols_and_rows(
            np.zeros((1, 1, 8, 8), np.uint16),
            1,
            50,
            decoder=decoder,
            encoder=encoder,
            backend=NumpyBackend(),
        )
