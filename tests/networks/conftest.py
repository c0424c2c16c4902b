"""Shipped networks, and the arithmetic of SPEC.md section 6.2 written out in 64-bit integers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.networks.description import Layer, Network
from numcodecs_neural.networks.models import DEQUANTIZED_LIMIT, DecoderModel, EncoderModel
from numcodecs_neural.weights import catalogue, load_decoder, load_encoder, resolve

Tensors = dict[str, NDArray[Any]]
Case = tuple[Network, Tensors]


@pytest.fixture(scope="session", params=catalogue())
def decoder(request: pytest.FixtureRequest) -> DecoderModel:
    return DecoderModel.from_file(load_decoder(resolve(request.param)))


@pytest.fixture(scope="session")
def encoder() -> EncoderModel:
    info = resolve("he-fast")
    return EncoderModel.from_file(load_encoder(info), info.sha256)


@pytest.fixture(scope="session")
def cases(decoder: DecoderModel, encoder: EncoderModel) -> Callable[[int, int], dict[str, Case]]:
    """Networks with random inputs over their whole range: ``cases(images, seed)``."""

    def make(images: int, seed: int) -> dict[str, Case]:
        rng = np.random.default_rng(seed)

        def draw(limit: int, *shape: int) -> NDArray[np.float32]:
            return rng.integers(-limit, limit, (images, *shape), endpoint=True).astype(np.float32)

        latents = {
            f"d{i}": draw(DEQUANTIZED_LIMIT, 5, 7, g) for i, g in enumerate(decoder.groups, 1)
        }
        hyper = decoder.hyper_index.shape[1]
        return {
            "features": (decoder.networks["features"], {"z": draw(127, 2, 3, hyper)}),
            "synthesis": (decoder.networks["synthesis"], latents),
            "analysis": (encoder.networks["analysis"], {"x": draw(128, 48, 32, 3)}),
            "hyper_analysis": (
                encoder.networks["hyper_analysis"],
                {"y": draw(2**15 - 1, 4, 8, encoder.inverse_step.shape[1])},
            ),
        }

    return make


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
