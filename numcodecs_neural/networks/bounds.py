"""Proof that every sum of a network is exact in float32.

A float32 matrix product over integers is exact in any order of summation, fused or not, if no
partial sum can leave +-2**24. Every input lies in an interval. Any partial sum of an output
channel lies between minus the sum of all its largest negative contributions and the sum of all its
largest positive ones, and the bias may be added at any moment (`worst_sums`). Both ends must stay
within the limit. Inputs and weights of products keep to 11 bits, so that TF32 tensor cores take
them exactly too.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.description import Layer, Network

__all__ = ["ACCUMULATOR_LIMIT", "FACTOR_LIMIT", "Interval", "interval", "prove", "worst_sums"]

ACCUMULATOR_LIMIT = 2**24
FACTOR_LIMIT = 2**11  # magnitude of anything that enters a matrix product

Interval = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Lowest and highest value per channel of a tensor."""


def interval(low: float, high: float, channels: int) -> Interval:
    """Return the same interval for a number of channels."""
    return np.full(channels, float(low)), np.full(channels, float(high))


def worst_sums(
    weight: NDArray[Any], low: NDArray[Any], high: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far partial sums can reach, in any order of summation and without the bias.

    Parameters
    ----------
    weight : (rows, outputs)
        Integers.
    low, high : (rows,)
        The interval of the input that meets each row.

    Returns
    -------
    positive, negative : (outputs,) float64
        Any sum over some of the rows lies between ``-negative`` and ``positive``; both are at
        least 0.

    Examples
    --------
    >>> positive, negative = worst_sums(np.array([[3], [-2]]), np.array([0, -1]), np.array([5, 4]))
    >>> positive.tolist(), negative.tolist()
    ([17.0], [8.0])
    """
    w = weight.astype(np.float64)
    above, below = np.maximum(w, 0), np.maximum(-w, 0)
    # A weight contributes at most where its input is at the end of the interval that suits it.
    up, down = np.maximum(high, 0).astype(np.float64), np.maximum(-low, 0).astype(np.float64)
    return up @ above + down @ below, down @ above + up @ below


def prove(network: Network, inputs: Mapping[str, Interval]) -> dict[str, Interval]:
    """Check every layer; return the interval per channel of every tensor.

    Parameters
    ----------
    network : Network
    inputs : mapping of str to Interval
        What the caller guarantees.

    Raises
    ------
    WeightsError
        If a bound does not hold, naming layer and channel.
    """
    have = dict(inputs)
    for layer in network.layers:
        try:
            parts = [have[s.name] for s in layer.inputs]
        except KeyError as exc:
            raise WeightsError(f"layer {layer.name!r} reads {exc}, which does not exist") from exc
        pairs = [
            (low[s.start : s.stop], high[s.start : s.stop])
            for s, (low, high) in zip(layer.inputs, parts, strict=True)
        ]
        taken = np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
        have[layer.name] = _after(layer, network, taken)
    return have


def _after(layer: Layer, network: Network, taken: Interval) -> Interval:
    low, high = taken
    area = layer.factor**2
    if layer.op == "shuffle":
        if len(low) % area:
            raise WeightsError(f"layer {layer.name!r} cannot shuffle {len(low)} channels")
        return low.reshape(-1, area).min(1), high.reshape(-1, area).max(1)
    if layer.op == "unshuffle":
        return np.repeat(low, area), np.repeat(high, area)
    if layer.op == "table":
        table = network.tables[layer.name]
        return interval(float(table.min()), float(table.max()), len(low))
    return _prove_conv(layer, network, taken)


def _prove_conv(layer: Layer, network: Network, taken: Interval) -> Interval:
    arrays, (low, high) = network.convs[layer.name], taken
    taps = layer.kernel**2
    if arrays.weight.shape[0] != taps * len(low):
        raise WeightsError(
            f"layer {layer.name!r} has weights for {arrays.weight.shape[0] // taps} inputs and "
            f"gets {len(low)}"
        )
    largest = max(-low.min(initial=0), high.max(initial=0), np.abs(arrays.weight).max(initial=0))
    if largest >= FACTOR_LIMIT:
        raise WeightsError(f"layer {layer.name!r} has factors beyond {FACTOR_LIMIT}")
    positive, negative = worst_sums(arrays.weight, np.tile(low, taps), np.tile(high, taps))
    bias = arrays.bias.astype(np.float64)
    worst = np.maximum(positive + bias.max(0).clip(0), negative - bias.min(0).clip(None, 0))
    if worst.max(initial=0) >= ACCUMULATOR_LIMIT:
        channel = int(worst.argmax())
        raise WeightsError(
            f"layer {layer.name!r}, channel {channel}: sums may reach {worst[channel]:.0f}, "
            f"which float32 does not hold exactly"
        )
    if (arrays.low > arrays.high).any():
        raise WeightsError(f"the low limit of layer {layer.name!r} lies above its high one")
    return arrays.low.astype(np.float64), arrays.high.astype(np.float64)
