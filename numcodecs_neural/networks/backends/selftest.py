"""A check at first use that a backend computes the integers that the networks stand for."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend
from numcodecs_neural.networks.backends.protocol import Backend
from numcodecs_neural.networks.dec_model import DEQUANTIZED_LIMIT, DecoderModel
from numcodecs_neural.networks.description import Network

__all__ = ["is_exact"]

_SIDE = 6  # latent steps


def is_exact(backend: Backend, decoder: DecoderModel) -> bool:
    """Whether `backend` gives what float64 gives, on inputs that fill the whole range.

    float64 holds every integer up to 2**53, and so is exact whatever the order of its sums.
    """
    generator = np.random.default_rng(20)
    network = decoder.networks["synthesis"]
    inputs = {}
    for number, count in enumerate(decoder.groups, 1):
        shape = (1, _SIDE, _SIDE, count)
        draw = generator.integers(-DEQUANTIZED_LIMIT, DEQUANTIZED_LIMIT, shape, endpoint=True)
        inputs[f"d{number}"] = draw.astype(np.int32)
    expected, found = (
        _results(x, network, inputs) for x in (NumpyBackend(dtype=np.float64), backend)
    )
    return all(np.array_equal(found[name], expected[name]) for name in expected)


def _results(
    backend: Backend, network: Network, inputs: Mapping[str, NDArray[np.int32]]
) -> dict[str, NDArray[np.float32]]:
    tensors = {name: backend.floats(backend.to_device(x)) for name, x in inputs.items()}
    results = backend.run(network, tensors, 50, [layer.name for layer in network.layers])
    return {name: backend.to_host(x, np.float32) for name, x in results.items()}
