"""A check at first use that a backend computes the integers that the networks stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend
from numcodecs_neural.networks.dec_model import DEQUANTIZED_LIMIT, DecoderModel
from numcodecs_neural.networks.description import Network

__all__ = ["is_exact"]

_SIDE = 6  # latent steps


class _Runs(Protocol):
    def run(
        self, network: Network, tensors: Mapping[str, NDArray[Any]], quality: int
    ) -> dict[str, NDArray[Any]]: ...


def is_exact(backend: _Runs, decoder: DecoderModel) -> bool:
    """Whether `backend` gives what float64 gives, on inputs that fill the whole range.

    float64 holds every integer up to 2**53, and so is exact whatever the order of its sums.
    """
    generator = np.random.default_rng(20)
    network = decoder.networks["synthesis"]
    inputs = {}
    for number, count in enumerate(decoder.groups, 1):
        shape = (1, _SIDE, _SIDE, count)
        draw = generator.integers(-DEQUANTIZED_LIMIT, DEQUANTIZED_LIMIT, shape, endpoint=True)
        inputs[f"d{number}"] = draw.astype(np.float32)
    expected = NumpyBackend(dtype=np.float64).run(network, inputs, 50)
    found = backend.run(network, inputs, 50)
    return all(np.array_equal(found[x.name], expected[x.name]) for x in network.layers)
