"""From a calibrated codec to the integer files that ship."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from numcodecs_neural.entropy import SymbolTables
from numcodecs_neural.networks.description import Layer, Source, layers_to_json
from numcodecs_neural.networks.models import DECODER_VERSION, QUALITIES
from numcodecs_neural.training.layers import ACTIVATION_MAX, IntegerConv
from numcodecs_neural.training.model import FRACTION, SCALES, Codec, blend_of
from numcodecs_neural.training.quantize import (
    HYPER_LIMIT,
    LATENT_EXPONENT,
    LATENT_LIMIT,
    LOG_EXPONENT,
    PIXEL_CENTRE,
    choose_all_weight_exponents,
)
from numcodecs_neural.weights.files import write_weights

INVERSE_SHIFT = 20
Arrays = dict[str, NDArray[Any]]


def export_decoder(codec: Codec, tables: SymbolTables, skip_below: int, path: Path) -> str:
    """Write the decoder file of a calibrated codec; return its SHA-256."""
    description, arrays = decoder_content(codec, tables, skip_below)
    return write_weights(path, description, arrays)


def export_encoder(
    codec: Codec, rounding: NDArray[np.uint8], decoder_sha256: str, path: Path
) -> str:
    """Write the encoder file that belongs to a decoder file; return its SHA-256."""
    description, arrays = encoder_content(codec, rounding)
    return write_weights(path, {**description, "decoder_sha256": decoder_sha256}, arrays)


@torch.no_grad()
def decoder_content(
    codec: Codec, tables: SymbolTables, skip_below: int
) -> tuple[dict[str, Any], Arrays]:
    """Description and arrays of the decoder file."""
    choose_all_weight_exponents(codec)
    shape, e, g_s = codec.shape, codec.entropy, codec.g_s
    writer = _Writer()
    writer.begin("features")
    writer.conv("f1", ["z"], e.f1)
    writer.conv("f2", ["f1"], e.f2)
    writer.move("f2s", "shuffle", "f2", 2)
    writer.conv("f3", ["f2s"], e.f3)
    writer.move("f", "shuffle", "f3", 2)
    writer.begin("pass1")
    writer.parameters(1, "f", e.p1, has_mean=True)
    writer.begin("pass2")
    writer.table("c1", Source("y1"), _signed_log())
    writer.conv("h2", ["c1", "f"], e.h2)
    writer.parameters(2, "h2", e.p2, has_mean=True)
    writer.begin("pass3")
    writer.table("c2", Source("y2"), _signed_log())
    writer.conv("h3", ["h2", "c2"], e.h3)
    writer.conv("k3", ["h3"], e.k3)
    writer.parameters(3, "k3", e.p3, has_mean=False)
    writer.begin("synthesis")
    latents: list[str | Source] = ["d1", "d2", "d3"]
    if shape.has_branches:
        seen = Source("d2", 0, shape.context - shape.groups[0])
        writer.conv("n1", ["d1", seen], g_s.n1)
        writer.conv("n2", ["n1"], g_s.n2)
        latents.append("n2")
    writer.pixels("p", latents, g_s.summed)
    writer.move("pixels", "shuffle", "p", shape.stride)
    blend = _every_quality()
    step, shift = _dequantization(codec, blend)
    z_mean = torch.floor(blend @ codec.z_mean + 0.5).clamp(-HYPER_LIMIT, HYPER_LIMIT)
    z_index = torch.floor(blend @ codec.z_index + 0.5).clamp(0, SCALES - 1)
    arrays = writer.arrays | {
        "step": step,
        "step_shift": shift,
        "hyper_mean": z_mean.numpy().astype(np.int16),
        "hyper_index": z_index.numpy().astype(np.uint8),
        "tables.offset": tables.offset,
        "tables.size": tables.size,
        "tables.frequency": tables.frequency,
    }
    description = {
        "kind": "decoder",
        "version": DECODER_VERSION,
        "channels": shape.channels,
        "stride": shape.stride,
        "hyper_stride": 4,
        "pixel_fraction": 0,
        "groups": list(shape.groups),
        "passes": [[1, "all"], [2, "all"], [3, "all"]],
        "has_mean": [True, True, False],
        "hyper_limit": HYPER_LIMIT,
        "skip_below": skip_below,
        "networks": writer.networks,
    }
    return description, arrays


@torch.no_grad()
def encoder_content(codec: Codec, rounding: NDArray[np.uint8]) -> tuple[dict[str, Any], Arrays]:
    """Description (without the decoder's digest) and arrays of the encoder file."""
    choose_all_weight_exponents(codec)
    g_a, h_a, first = codec.g_a, codec.h_a, codec.shape.groups[0]
    writer = _Writer()
    writer.begin("analysis")
    writer.move("x16", "unshuffle", "x", 16)
    seen = ["x16"]
    if codec.shape.has_branches:
        writer.move("x8", "unshuffle", "x", 8)
        writer.conv("e0", ["x8"], g_a.e0)
        writer.conv("e1", ["e0"], g_a.e1)
        writer.conv("e2", ["e1", "e0"], g_a.e2)
        writer.move("e2u", "unshuffle", "e2", 2)
        writer.conv("e3", ["e2u"], g_a.e3)
        writer.conv("e4", ["e3"], g_a.e4)
        seen += ["e4", "e3"]
    writer.sums("y", seen, g_a.summed, LATENT_EXPONENT, LATENT_LIMIT)
    writer.begin("hyper_analysis")
    writer.table("logs", Source("y"), np.abs(_signed_log()))
    writer.table("signs", Source("y", 0, first), _signed_log())
    writer.conv("a0", ["logs", "signs"], h_a.a0)
    writer.move("a0u", "unshuffle", "a0", 2)
    writer.conv("a1", ["a0u"], h_a.a1)
    writer.move("a1u", "unshuffle", "a1", 2)
    writer.conv("a2", ["a1u"], h_a.a2)
    writer.sums("z", ["a2"], [h_a.a3], 0, HYPER_LIMIT)
    step = torch.exp(_every_quality() @ codec.log_step).double()
    inverse = FRACTION / (step * 2**LATENT_EXPONENT) * 2**INVERSE_SHIFT
    arrays = writer.arrays | {
        "inverse_step": torch.floor(inverse + 0.5).numpy().astype(np.int32),
        "rounding": rounding,
    }
    description = {
        "kind": "encoder",
        "channels": codec.shape.channels,
        "pixel_fraction": 0,
        "inverse_shift": INVERSE_SHIFT,
        "networks": writer.networks,
    }
    return description, arrays


class _Writer:
    """Collects layers and integer arrays."""

    def __init__(self) -> None:
        self.networks: dict[str, list[dict[str, Any]]] = {}
        self.arrays: Arrays = {}
        self._current: list[dict[str, Any]] = []

    def begin(self, network: str) -> None:
        self._current = self.networks[network] = []

    def move(self, name: str, op: str, source: str, factor: int) -> None:
        self._add(Layer(name=name, op=op, inputs=(Source(source),), factor=factor))  # type: ignore[arg-type]

    def table(self, name: str, source: Source, values: NDArray[np.int16]) -> None:
        self._add(Layer(name=name, op="table", inputs=(source,)))
        self.arrays[f"{name}.table"] = values

    def conv(self, name: str, inputs: Sequence[str | Source], layer: IntegerConv) -> None:
        """A hidden layer, clamped to what may enter the next product."""
        low = 0 if layer.relu else -ACTIVATION_MAX
        self._conv(name, inputs, [layer], layer.output_exponent, low, ACTIVATION_MAX)

    def sums(
        self,
        name: str,
        inputs: Sequence[str | Source],
        layers: Sequence[IntegerConv],
        exponent: int,
        limit: int,
    ) -> None:
        """The sum of branches, in units of ``2**-exponent``."""
        exponents = torch.full_like(layers[0].weight_exponent, float(exponent))
        self._conv(name, inputs, layers, exponents, -limit, limit)

    def pixels(
        self, name: str, inputs: Sequence[str | Source], layers: Sequence[IntegerConv]
    ) -> None:
        """The sum of branches about the middle of the range, as pixels."""
        exponents = torch.zeros_like(layers[0].weight_exponent)
        self._conv(name, inputs, layers, exponents, 0, 255, offset=PIXEL_CENTRE)

    def parameters(self, number: int, source: str, layer: IntegerConv, *, has_mean: bool) -> None:
        """Mean (sixteenths of a step) and scale index of a group, as two layers."""
        count = len(layer.bias) // (2 if has_mean else 1)
        if has_mean:
            part = slice(0, count)
            exponents = torch.full((count,), float(LOG_EXPONENT))
            self._conv(
                f"mean{number}", [source], [layer], exponents, -LATENT_LIMIT, LATENT_LIMIT, part
            )
        part = slice(len(layer.bias) - count, None)
        self._conv(f"index{number}", [source], [layer], torch.zeros(count), 0, SCALES - 1, part)

    def _conv(
        self,
        name: str,
        inputs: Sequence[str | Source],
        layers: Sequence[IntegerConv],
        exponents: Tensor,
        low: int,
        high: int,
        outputs: slice = slice(None),
        offset: float = 0.0,
    ) -> None:
        shift = layers[0].weight_exponent[outputs] - exponents
        if bool((shift < 0).any()):
            raise ValueError(f"layer {name!r}: weights are coarser than the output's unit")
        weight = torch.cat([x.integer_weight()[outputs] for x in layers], 1)
        bias = reduce(torch.add, [_bias_by_quality(x)[:, outputs] for x in layers]) + offset
        bias = torch.floor(bias * torch.exp2(layers[0].weight_exponent[outputs]) + 0.5)
        bias = bias + torch.floor(torch.exp2(shift - 1))  # halves up; nothing where shift is 0
        sources = tuple(Source(s) if isinstance(s, str) else s for s in inputs)
        self._add(Layer(name=name, op="conv", inputs=sources, kernel=layers[0].kernel))
        o, i, k, _ = weight.shape
        rows = weight.permute(2, 3, 1, 0).reshape(k * k * i, o)
        self.arrays |= {
            f"{name}.weight": rows.numpy().astype(np.int16),
            f"{name}.bias": bias.numpy().astype(np.int32),
            f"{name}.shift": shift.numpy().astype(np.uint8),
            f"{name}.low": np.full(o, low, np.int32),
            f"{name}.high": np.full(o, high, np.int32),
        }

    def _add(self, layer: Layer) -> None:
        self._current.extend(layers_to_json([layer]))


def _bias_by_quality(layer: IntegerConv) -> Tensor:
    """(101 or 1, outputs) in float64."""
    blend = _every_quality() if layer.anchor_bias is not None else None
    return layer.bias_of(blend).double()


def _every_quality() -> Tensor:
    """Blends of all qualities: (101, anchors)."""
    return blend_of(torch.arange(QUALITIES) / (QUALITIES - 1))


def _dequantization(codec: Codec, blend: Tensor) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Integer steps (101, M) and shifts (M,) from sixteenths of a step to the synthesis' units."""
    factor = (
        torch.exp(blend @ codec.log_step).double() * torch.exp2(codec.latent_exponent) / FRACTION
    )
    shift = torch.floor(torch.log2((2**15 - 1) / factor.amax(0))).clamp(1, 24)
    step = torch.floor(factor * torch.exp2(shift) + 0.5).clamp(1, 2**15 - 1)
    return step.numpy().astype(np.int32), shift.numpy().astype(np.uint8)


def _signed_log() -> NDArray[np.int16]:
    """Table of ``16 sign(y) log2(1 + |y|)`` for y in sixteenths of a step."""
    y = np.arange(-LATENT_LIMIT, LATENT_LIMIT + 1) / FRACTION
    table: NDArray[np.int16] = np.floor(np.sign(y) * np.log2(1 + np.abs(y)) * 16 + 0.5).astype(
        np.int16
    )
    return table
