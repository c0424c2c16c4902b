"""Proof that every sum of a network is exact in float32.

A float32 matrix product over integers is exact in any order of summation, fused or not, if no
partial sum can leave +-2**24. For each output channel that holds when
``sum(|w| * reach) + |bias| < 2**24``, where ``reach`` is the largest magnitude of each input.
Inputs and weights of products keep to 11 bits, so that TF32 tensor cores take them exactly too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.description import Layer, Network

ACCUMULATOR_LIMIT = 2**24
FACTOR_LIMIT = 2**11  # magnitude of anything that enters a matrix product

Reach = NDArray[np.float64]


def prove(network: Network, inputs: Mapping[str, Reach]) -> dict[str, Reach]:
    """Check every layer; return the largest magnitude per channel of every tensor.

    Parameters
    ----------
    network : Network
    inputs : mapping of str to (channels,) float64
        Largest magnitudes that the caller guarantees.

    Raises
    ------
    WeightsError
        If a bound does not hold, naming layer and channel.
    """
    reach = dict(inputs)
    for layer in network.layers:
        try:
            parts = [reach[s.name][s.start : s.stop] for s in layer.inputs]
        except KeyError as exc:
            raise WeightsError(f"layer {layer.name!r} reads {exc}, which does not exist") from exc
        reach[layer.name] = _reach_after(layer, network, np.concatenate(parts))
    return reach


def _reach_after(layer: Layer, network: Network, reach: Reach) -> Reach:
    area = layer.factor**2
    if layer.op == "shuffle":
        if len(reach) % area:
            raise WeightsError(f"layer {layer.name!r} cannot shuffle {len(reach)} channels")
        shuffled: Reach = reach.reshape(-1, area).max(1)
        return shuffled
    if layer.op == "unshuffle":
        return np.repeat(reach, area)
    if layer.op == "table":
        top = float(np.abs(network.tables[layer.name]).max())
        return np.full(len(reach), top)
    return _prove_conv(layer, network, reach)


def _prove_conv(layer: Layer, network: Network, reach: Reach) -> Reach:
    arrays = network.convs[layer.name]
    taps = layer.kernel**2
    if arrays.weight.shape[0] != taps * len(reach):
        raise WeightsError(
            f"layer {layer.name!r} has weights for {arrays.weight.shape[0] // taps} inputs and "
            f"gets {len(reach)}"
        )
    magnitude = np.abs(arrays.weight.astype(np.float64))
    if magnitude.max(initial=0) >= FACTOR_LIMIT or reach.max(initial=0) >= FACTOR_LIMIT:
        raise WeightsError(f"layer {layer.name!r} has factors beyond {FACTOR_LIMIT}")
    worst = np.tile(reach, taps) @ magnitude + np.abs(arrays.bias.astype(np.float64)).max(0)
    if worst.max(initial=0) >= ACCUMULATOR_LIMIT:
        channel = int(worst.argmax())
        raise WeightsError(
            f"layer {layer.name!r}, channel {channel}: sums may reach {worst[channel]:.0f}, "
            f"which float32 does not hold exactly"
        )
    return np.maximum(np.abs(arrays.low), np.abs(arrays.high)).astype(np.float64)
