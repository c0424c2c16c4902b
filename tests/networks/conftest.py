"""Shipped networks, and the arithmetic of SPEC.md section 6.2 written out in 64-bit integers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.networks.dec_model import DEQUANTIZED_LIMIT, LATENT_LIMIT, DecoderModel
from numcodecs_neural.networks.description import Layer, Network
from numcodecs_neural.networks.enc_model import EncoderModel
from tests.models import network_names, shipped

Tensors = dict[str, NDArray[Any]]
Case = tuple[Network, Tensors]


@pytest.fixture(scope="session", params=network_names())
def weights(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def decoder(weights: str) -> DecoderModel:
    return shipped(weights)[0]


@pytest.fixture(scope="session")
def encoder(weights: str) -> EncoderModel:
    return shipped(weights)[1]


@pytest.fixture(scope="session")
def cases(decoder: DecoderModel, encoder: EncoderModel) -> Callable[[int, int], dict[str, Case]]:
    """Networks with random inputs over their whole range: ``cases(images, seed)``.

    "passes" are the networks of all passes as one, as if every latent were known from the start.
    """

    def make(images: int, seed: int) -> dict[str, Case]:
        rng = np.random.default_rng(seed)

        def draw(low: int, high: int, *shape: int) -> NDArray[np.float32]:
            return rng.integers(low, high, (images, *shape), endpoint=True).astype(np.float32)

        hyper, groups = decoder.hyper_index.shape[1], list(enumerate(decoder.groups, 1))
        top, colours = DEQUANTIZED_LIMIT, decoder.channels
        pixels = {"x": draw(-128, 127, 48, 32, colours)}
        if encoder.pixel_fraction:
            highest = 2**encoder.pixel_fraction - 1
            pixels["x_fraction"] = draw(0, highest, 48, 32, colours)
        passes = [decoder.networks[step.network] for step in decoder.passes]
        features = decoder.networks["features"]
        known = {f"y{i}": draw(-LATENT_LIMIT, LATENT_LIMIT, 8, 12, g) for i, g in groups}
        known["f"] = run_in_int64(features, {"z": draw(-127, 127, 2, 3, hyper)}, 37)["f"]
        return {
            "features": (features, {"z": draw(-127, 127, 2, 3, hyper)}),
            "passes": (_joined(passes), {k: x.astype(np.float32) for k, x in known.items()}),
            "synthesis": (
                decoder.networks["synthesis"],
                {f"d{i}": draw(-top, top, 5, 7, g) for i, g in groups},
            ),
            "analysis": (encoder.networks["analysis"], pixels),
            "hyper_analysis": (
                encoder.networks["hyper_analysis"],
                {"y": draw(-LATENT_LIMIT, LATENT_LIMIT, 4, 8, sum(decoder.groups))},
            ),
        }

    return make


def _joined(networks: Sequence[Network]) -> Network:
    return Network(
        tuple(layer for n in networks for layer in n.layers),
        {name: arrays for n in networks for name, arrays in n.convs.items()},
        {name: table for n in networks for name, table in n.tables.items()},
    )


def run_in_int64(network: Network, tensors: Mapping[str, NDArray[Any]], quality: int) -> Tensors:
    """Execute a network by the letter of the specification."""
    have = {name: x.astype(np.int64) for name, x in tensors.items()}
    for layer in network.layers:
        x = np.concatenate([have[s.name][..., s.start : s.stop] for s in layer.inputs], -1)
        have[layer.name] = _apply(layer, network, x, quality)
    return have


def _apply(layer: Layer, network: Network, x: NDArray[np.int64], quality: int) -> NDArray[Any]:
    n, h, w, channels = x.shape
    f = layer.factor
    if layer.op == "table":
        table = network.tables[layer.name].astype(np.int64)
        reach = len(table) // 2
        return table[np.clip(x, -reach, reach) + reach]
    if layer.op == "shuffle":
        blocks = x.reshape(n, h, w, channels // f**2, f, f)
        return blocks.transpose(0, 1, 4, 2, 5, 3).reshape(n, h * f, w * f, -1)
    if layer.op == "unshuffle":
        blocks = x.reshape(n, h // f, f, w // f, f, channels)
        return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(n, h // f, w // f, -1)
    arrays = network.convs[layer.name]
    weight = arrays.weight.astype(np.int64).reshape(layer.kernel, layer.kernel, channels, -1)
    reach = layer.kernel // 2
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    total = np.zeros((n, h, w, weight.shape[-1]), np.int64)
    for i in range(layer.kernel):
        for j in range(layer.kernel):
            total += padded[:, i : i + h, j : j + w] @ weight[i, j]
    shift = -np.log2(arrays.scale).astype(np.int64)
    total = (total + arrays.bias_at(quality).astype(np.int64)) >> shift
    return np.clip(total, arrays.low.astype(np.int64), arrays.high.astype(np.int64))


@pytest.fixture(scope="session")
def reference() -> Callable[..., Tensors]:
    return run_in_int64
