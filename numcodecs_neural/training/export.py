"""From a calibrated codec to the integer files that ship."""

from collections.abc import Iterable
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from numcodecs_neural.entropy import SymbolTables
from numcodecs_neural.networks.dec_model import DECODER_VERSION, QUALITIES
from numcodecs_neural.networks.description import Layer, layers_to_json
from numcodecs_neural.training.graph import Node, decoder_networks, encoder_networks
from numcodecs_neural.training.layers import IntegerConv
from numcodecs_neural.training.model import FRACTION, SCALES, Codec, blend_of
from numcodecs_neural.training.quantize import (
    HYPER_LIMIT,
    LATENT_EXPONENT,
    LATENT_LIMIT,
    LOG_EXPONENT,
    PIXEL_CENTRE,
    Wired,
    wire,
)
from numcodecs_neural.weights.files import write_weights

INVERSE_SHIFT = 20
SHRUNK_UP_TO, RESTORED_FROM = 30, 70
"""Qualities. The analysis shrinks latents as suits coarse steps; for fine ones that is undone."""
Arrays = dict[str, NDArray[Any]]


def export_decoder(codec: Codec, tables: SymbolTables, skip_below: int, path: Path) -> str:
    """Write the decoder file of a calibrated codec; return its SHA-256."""
    description, arrays = decoder_content(codec, tables, skip_below)
    return write_weights(path, description, arrays)


def export_encoder(codec: Codec, price: int, decoder_sha256: str, path: Path) -> str:
    """Write the encoder file that belongs to a decoder file; return its SHA-256."""
    description, arrays = encoder_content(codec, price)
    return write_weights(path, {**description, "decoder_sha256": decoder_sha256}, arrays)


@torch.no_grad()
def decoder_content(
    codec: Codec, tables: SymbolTables, skip_below: int
) -> tuple[dict[str, Any], Arrays]:
    """Description and arrays of the decoder file."""
    shape, blend = codec.shape, _every_quality()
    step, shift = _dequantization(codec, blend)
    z_mean = torch.floor(blend @ codec.z_mean + 0.5).clamp(-HYPER_LIMIT, HYPER_LIMIT)
    z_index = torch.floor(blend @ codec.z_index + 0.5).clamp(0, SCALES - 1)
    layers, arrays = _written(codec, decoder_networks(codec))
    arrays |= {
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
        "pixel_fraction": shape.pixel_fraction,
        "stride": shape.stride,
        "hyper_stride": 4,
        "groups": list(shape.groups),
        "passes": [[p.group, p.phase] for p in shape.passes],
        "has_mean": list(shape.has_mean),
        "hyper_limit": HYPER_LIMIT,
        "skip_below": skip_below,
        "networks": layers,
    }
    return description, arrays


@torch.no_grad()
def encoder_content(codec: Codec, price: int) -> tuple[dict[str, Any], Arrays]:
    """Description (without the decoder's digest) and arrays of the encoder file."""
    step = torch.exp(_every_quality() @ codec.log_step).double()
    unshrunk = FRACTION / (step * 2**LATENT_EXPONENT) * 2**INVERSE_SHIFT
    layers, arrays = _written(codec, encoder_networks(codec))
    restoring = unshrunk / codec.analysis_gain.double()
    inverse = unshrunk * (restoring / unshrunk) ** _restored()
    arrays |= {
        "inverse_step": torch.floor(inverse + 0.5).numpy().astype(np.int32),
        "restoring_step": torch.floor(restoring + 0.5).numpy().astype(np.int32),
    }
    description = {
        "kind": "encoder",
        "channels": codec.shape.channels,
        "pixel_fraction": codec.shape.pixel_fraction,
        "inverse_shift": INVERSE_SHIFT,
        "price": price,
        "networks": layers,
    }
    return description, arrays


def _written(
    codec: Codec, networks: Iterable[str]
) -> tuple[dict[str, list[dict[str, Any]]], Arrays]:
    """Layers and integer arrays of some of a codec's networks."""
    wired = wire(codec)
    layers = {name: layers_to_json([_layer(w.node) for w in wired[name]]) for name in networks}
    arrays: Arrays = {}
    for name in layers:
        for each in wired[name]:
            if each.node.op == "conv":
                arrays |= _conv_arrays(each)
            elif each.node.op == "table":
                arrays |= {
                    f"{each.node.name}.table": _log_table(is_signed=bool(each.gives.low[0] < 0))
                }
    return layers, arrays


def _layer(node: Node) -> Layer:
    kernel = node.terms[0].layer.kernel if node.terms else 1
    return Layer(name=node.name, op=node.op, inputs=node.inputs, kernel=kernel, factor=node.factor)


def _conv_arrays(wired: Wired) -> Arrays:
    node, gives = wired.node, wired.gives
    exponent = node.terms[0].layer.weight_exponent
    shift = exponent - gives.exponent
    if bool((shift < 0).any()):
        raise ValueError(f"layer {node.name!r}: weights are coarser than the output's unit")
    weights, biases = [], []
    for term, span in zip(node.terms, wired.reads, strict=True):
        weights.append(term.layer.integer_weight(span.exponent, exponent))
        if term.is_biased:
            biases.append(_bias_by_quality(term.layer))
    offset = PIXEL_CENTRE if node.unit == "pixel" else 0.0
    bias = reduce(torch.add, biases) + offset
    bias = torch.floor(bias * torch.exp2(exponent) + 0.5)
    bias = bias + torch.floor(torch.exp2(shift - 1))  # halves up; nothing where shift is 0
    weight = torch.cat(weights, 1)
    outputs, inputs, kernel, _ = weight.shape
    rows = weight.permute(2, 3, 1, 0).reshape(kernel * kernel * inputs, outputs)
    return {
        f"{node.name}.weight": rows.numpy().astype(np.int16),
        f"{node.name}.bias": bias.numpy().astype(np.int32),
        f"{node.name}.shift": shift.numpy().astype(np.uint8),
        f"{node.name}.low": gives.low.numpy().astype(np.int32),
        f"{node.name}.high": gives.high.numpy().astype(np.int32),
    }


def _bias_by_quality(layer: IntegerConv) -> Tensor:
    """(101 or 1, outputs) in float64."""
    blend = _every_quality() if layer.anchor_bias is not None else None
    return layer.bias_of(blend).double()


def _restored() -> Tensor:
    """To what power the gain of the analysis is undone, by quality: (101, 1)."""
    rising = (torch.arange(QUALITIES).double() - SHRUNK_UP_TO) / (RESTORED_FROM - SHRUNK_UP_TO)
    return rising.clamp(0, 1)[:, None]


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


def _log_table(*, is_signed: bool) -> NDArray[np.int16]:
    """``16 log2(1 + |y|)``, with the sign of y if so asked, for y in sixteenths of a step."""
    y = np.arange(-LATENT_LIMIT, LATENT_LIMIT + 1) / FRACTION
    logs = np.floor(2**LOG_EXPONENT * np.log2(1 + np.abs(y)) + 0.5)
    table: NDArray[np.int16] = (np.sign(y) * logs if is_signed else logs).astype(np.int16)
    return table
