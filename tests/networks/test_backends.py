"""Every backend computes the integers of the specification, bit for bit."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from numcodecs_neural.networks.backends.numba_kernels import CompiledKernels
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend, PlainKernels
from numcodecs_neural.networks.backends.selftest import is_exact
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.description import Network
from numcodecs_neural.networks.passes import Phase

torch = pytest.importorskip("torch", reason="the torch backend needs torch")

Tensors = dict[str, NDArray[Any]]
Cases = Callable[[int, int], dict[str, tuple[Network, Tensors]]]
NETWORKS = ["features", "passes", "synthesis", "analysis", "hyper_analysis"]
QUALITY = 37

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch finds no CUDA device on this machine"
)


def _backend(name: str) -> Any:
    if name == "numpy":
        return NumpyBackend(PlainKernels())
    if name == "numba":
        return NumpyBackend(CompiledKernels())
    if name == "float64":
        return NumpyBackend(PlainKernels(), np.float64)
    from numcodecs_neural.networks.backends.torch_backend import TorchBackend

    return TorchBackend("cuda" if name.startswith("cuda") else "cpu")


@pytest.fixture(
    params=[
        "numpy",
        "numba",
        "float64",
        "torch",
        pytest.param("cuda", marks=needs_cuda),
        pytest.param("cuda with TF32", marks=needs_cuda),
    ]
)
def backend(request: pytest.FixtureRequest) -> Iterator[Any]:
    tf32 = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = request.param == "cuda with TF32"
    yield _backend(request.param)
    torch.backends.cuda.matmul.allow_tf32 = tf32


def run(backend: Any, network: Network, inputs: Tensors, *wanted: str) -> Tensors:
    """Return what is wanted, or all results, as arrays of the host."""
    names = wanted or tuple(layer.name for layer in network.layers)
    results = backend.run(network, uploaded(backend, inputs), QUALITY, names)
    return {name: backend.to_host(x, np.float32) for name, x in results.items()}


def uploaded(backend: Any, inputs: Tensors) -> dict[str, Any]:
    return {k: backend.floats(backend.to_device(x.astype(np.int32))) for k, x in inputs.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_is_that_of_64_bit_integers(
    backend: Any, name: str, cases: Cases, reference: Callable[..., Tensors]
) -> None:
    network, inputs = cases(2, 1)[name]

    found = run(backend, network, inputs)

    expected = reference(network, inputs, QUALITY)
    for layer in network.layers:
        np.testing.assert_array_equal(found[layer.name], expected[layer.name], layer.name)


def test_pixels_are_the_last_layer(
    backend: Any, decoder: DecoderModel, cases: Cases, reference: Callable[..., Tensors]
) -> None:
    network, inputs = cases(2, 2)["synthesis"]

    pixels = backend.run_to_pixels(network, uploaded(backend, inputs), QUALITY)

    expected = reference(network, inputs, QUALITY)["pixels"].transpose(0, 3, 1, 2)
    assert pixels.dtype == (np.uint16 if decoder.pixel_fraction else np.uint8)
    np.testing.assert_array_equal(pixels, expected)


def test_only_what_is_wanted_comes_back(backend: Any, cases: Cases) -> None:
    network, inputs = cases(1, 7)["analysis"]
    last = network.layers[-1].name

    assert set(run(backend, network, inputs, last)) == {last}


@pytest.mark.parametrize("phase", ["all", "even", "odd"])
def test_what_is_taken_can_be_placed_again(backend: Any, phase: Phase) -> None:
    whole = np.arange(2 * 3 * 5 * 4, dtype=np.int32).reshape(2, 3, 5, 4)
    tensor = backend.to_device(whole)

    taken = backend.take(tensor, phase)

    board = (np.add(*np.indices((3, 5))) % 2 == (phase == "odd")) | (phase == "all")
    np.testing.assert_array_equal(backend.to_host(taken, np.int32), whole[:, board])
    placed = backend.to_host(backend.place(taken, phase, (3, 5), None), np.int32)
    np.testing.assert_array_equal(placed, whole * board[..., None])
    onto = backend.place(taken, phase, (3, 5), backend.to_device(np.full_like(whole, -1)))
    expected = np.where(board[..., None], whole, -1)
    np.testing.assert_array_equal(backend.to_host(onto, np.int32), expected)


def test_latents_are_dequantised_as_the_specification_says(
    backend: Any, decoder: DecoderModel
) -> None:
    rng = np.random.default_rng(8)
    channels = decoder.group_slices[0]
    limits = rng.choice([32767, 900, 20], (2, 3, 4, decoder.groups[0]))
    y = rng.integers(-limits, limits, endpoint=True).astype(np.int32)

    found = backend.dequantize(backend.to_device(y), decoder, channels, QUALITY)

    step = decoder.step[QUALITY, channels].astype(np.int64)
    shift = decoder.step_shift[channels].astype(np.int64)
    expected = np.clip((y * step + 2 ** (shift - 1)) >> shift, -2047, 2047)
    np.testing.assert_array_equal(backend.to_host(found, np.float32), expected)


@pytest.mark.parametrize("zeros", [0.5, 0.999, 1.0])
def test_sparse_latents_give_the_same_pixels(
    backend: Any, zeros: float, cases: Cases, reference: Callable[..., Tensors]
) -> None:
    network, inputs = cases(1, 3)["synthesis"]
    rng = np.random.default_rng(4)
    inputs = {name: x * (rng.random(x.shape) >= zeros) for name, x in inputs.items()}

    pixels = backend.run_to_pixels(network, uploaded(backend, inputs), QUALITY)

    expected = reference(network, inputs, QUALITY)["pixels"].transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_of_64_is_64_batches_of_one(backend: Any, name: str, cases: Cases) -> None:
    network, inputs = cases(64, 5)[name]
    last = network.layers[-1].name

    together = run(backend, network, inputs, last)[last]

    for i in range(0, 64, 21):
        one = {k: x[i : i + 1] for k, x in inputs.items()}
        alone = run(backend, network, one, last)[last]
        np.testing.assert_array_equal(together[i : i + 1], alone)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_number_of_threads_changes_nothing(backend: Any, name: str, cases: Cases) -> None:
    network, inputs = cases(8, 6)[name]
    last = network.layers[-1].name

    results = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            results.append(run(backend, network, inputs, last)[last])

    np.testing.assert_array_equal(results[0], results[1])


def test_the_self_test_passes(backend: Any, decoder: DecoderModel) -> None:
    assert is_exact(backend, decoder)


def test_the_self_test_notices_one_wrong_integer(decoder: DecoderModel) -> None:
    class Faulty(NumpyBackend):
        def run(self, *args: Any) -> Any:
            result = super().run(*args)
            result["p"][0, 0, 0, 0] += 1
            return result

    assert not is_exact(Faulty(), decoder)
