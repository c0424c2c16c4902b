"""What a network is: a list of layers over named tensors, and integer arrays.

Tensors have shape ``(N, h, w, channels)`` and hold integers. The operations are few, so that
another runtime can follow (SPEC.md, section 6):

``conv``
    1 x 1 or 3 x 3 convolution with edges replicated, then
    ``clamp(floor((sum + bias) * 2**-shift), low, high)`` per output channel.
``shuffle``, ``unshuffle``
    Pixel shuffle and its inverse; channel ``c * factor**2 + i * factor + j`` is row offset ``i``
    and column offset ``j`` of channel ``c``.
``table``
    ``table[clamp(x, -n, n) + n]`` for a table of ``2 n + 1`` integers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import WeightsError

Op = Literal["conv", "shuffle", "unshuffle", "table"]
Pixels = NDArray[np.unsignedinteger[Any]]
"""uint8, or uint16 where a model has fractions of grey levels."""


@dataclass(frozen=True, slots=True)
class Source:
    """Channels ``start:stop`` of tensor `name`; all of them where `stop` is None."""

    name: str
    start: int = 0
    stop: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the tensor is taken as it is."""
        return self.start == 0 and self.stop is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One operation; its result is the tensor `name`."""

    name: str
    op: Op
    inputs: tuple[Source, ...]
    kernel: int = 1
    factor: int = 1


@dataclass(frozen=True, slots=True)
class ConvArrays:
    """Integers of one ``conv`` layer, as float32 where they enter matrix products.

    Attributes
    ----------
    weight : (kernel**2 * inputs, outputs) float32
        Rows in the order tap row, tap column, input channel.
    bias : (101 or 1, outputs) float32
        By quality, or one for all.
    scale : (outputs,) float32
        ``2**-shift``.
    low, high : (outputs,) float32
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    scale: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]

    def bias_at(self, quality: int) -> NDArray[np.float32]:
        """(outputs,) bias at `quality`."""
        row: NDArray[np.float32] = self.bias[quality if len(self.bias) > 1 else 0]
        return row

    @property
    def pixel_dtype(self) -> type[np.uint8] | type[np.uint16]:
        """The smallest dtype that holds the layer's results, where these are pixels."""
        return np.uint8 if self.high.max(initial=0) <= np.iinfo(np.uint8).max else np.uint16


@dataclass(frozen=True, slots=True)
class Network:
    """Layers in order of execution, with their arrays by layer name."""

    layers: tuple[Layer, ...]
    convs: Mapping[str, ConvArrays] = field(repr=False)
    tables: Mapping[str, NDArray[np.float32]] = field(repr=False)

    @property
    def reads(self) -> frozenset[str]:
        """Names of the tensors that must be given."""
        own = {layer.name for layer in self.layers}
        return frozenset({s.name for layer in self.layers for s in layer.inputs} - own)


def layers_from_json(entries: Sequence[Mapping[str, Any]]) -> tuple[Layer, ...]:
    """Layers as written in a weights file.

    Raises
    ------
    WeightsError
        If an entry is not of the form that :func:`layers_to_json` writes.
    """
    try:
        return tuple(
            Layer(
                name=entry["name"],
                op=entry["op"],
                inputs=tuple(Source(*source) for source in entry["inputs"]),
                kernel=entry.get("kernel", 1),
                factor=entry.get("factor", 1),
            )
            for entry in entries
        )
    except (KeyError, TypeError) as exc:
        raise WeightsError(f"weights file describes a layer that cannot be read: {exc}") from exc


def layers_to_json(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """The inverse of :func:`layers_from_json`."""
    return [
        {
            "name": layer.name,
            "op": layer.op,
            "inputs": [[s.name, s.start, s.stop] for s in layer.inputs],
            "kernel": layer.kernel,
            "factor": layer.factor,
        }
        for layer in layers
    ]


def network_from_arrays(
    entries: Sequence[Mapping[str, Any]], arrays: Mapping[str, NDArray[Any]]
) -> Network:
    """Join layer descriptions with the integer arrays of a weights file.

    Raises
    ------
    WeightsError
        If an array is missing or has the wrong shape.
    """
    layers = layers_from_json(entries)
    try:
        convs = {x.name: _conv_arrays(x, arrays) for x in layers if x.op == "conv"}
        tables = {
            x.name: arrays[f"{x.name}.table"].astype(np.float32) for x in layers if x.op == "table"
        }
    except KeyError as exc:
        raise WeightsError(f"weights file lacks the array {exc}") from exc
    return Network(layers, convs, tables)


def _conv_arrays(layer: Layer, arrays: Mapping[str, NDArray[Any]]) -> ConvArrays:
    weight, bias, shift, low, high = (
        arrays[f"{layer.name}.{part}"] for part in ("weight", "bias", "shift", "low", "high")
    )
    outputs = weight.shape[-1]
    if weight.ndim != 2 or any(a.shape != (outputs,) for a in (shift, low, high)):
        raise WeightsError(f"arrays of layer {layer.name!r} do not fit together")
    if bias.ndim != 2 or bias.shape[1] != outputs or bias.shape[0] not in (1, 101):
        raise WeightsError(f"bias of layer {layer.name!r} has shape {bias.shape}")
    return ConvArrays(
        weight=np.ascontiguousarray(weight, dtype=np.float32),
        bias=bias.astype(np.float32),
        scale=np.exp2(-shift.astype(np.float32)),
        low=low.astype(np.float32),
        high=high.astype(np.float32),
    )
