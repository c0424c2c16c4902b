"""From floating point to integers: ranges, exponents, and the switch to quantised training."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from numcodecs_neural.training.layers import (
    ACTIVATION_MAX,
    IntegerConv,
    choose_weight_exponents,
)
from numcodecs_neural.training.model import CALM_BITS, FRACTION, Codec, blend_of

LATENT_LIMIT = 2**15 - 1
LATENT_EXPONENT = 2  # the analysis gives latents in quarters of a grey level: black needs -5300
HYPER_LIMIT = 127
PIXEL_CENTRE = PIXEL_REACH = 128.0
LOG_EXPONENT = 4
LOG_MAX = round(16 * math.log2(1 + LATENT_LIMIT / FRACTION))
LATENT_MARGIN = 1.5  # over the largest latent seen: other slides hold sharper edges


@torch.no_grad()
def calibrate(codec: Codec, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Measure the ranges of activations and latents, and choose all exponents.

    Parameters
    ----------
    codec : Codec
        In floating point; afterwards its layers compute as integers will.
    batches : iterable of (x, t)
        Images (N, C, H, W) in 0..255, and their qualities (N,) in 0..1.
    """
    layers = [m for m in codec.modules() if isinstance(m, IntegerConv)]
    for layer in layers:
        layer.peak = 0.0
    latent_peak = torch.zeros(codec.shape.latents)
    was_training = codec.training
    codec.eval()
    for x, t in batches:
        codec(x, t)
        y = codec.g_a(x - 128, blend_of(t))
        latent_peak = torch.maximum(latent_peak, y.abs().amax((0, 2, 3)))
    for layer in layers:
        if not layer.raw:
            layer.output_exponent.fill_(math.floor(math.log2(ACTIVATION_MAX / _peak(layer))))
        layer.peak = None
    reach = (LATENT_MARGIN * latent_peak).clamp(min=1.0)
    codec.latent_exponent.copy_(torch.floor(torch.log2(ACTIVATION_MAX / reach)))
    _settle_exponents(codec)
    set_quantized(codec, quantized=True)
    codec.train(was_training)


def _settle_exponents(codec: Codec) -> None:
    """Choose exponents until no layer's sums are coarser than the unit of its output."""
    is_settled = False
    while not is_settled:
        _wire(codec)
        choose_all_weight_exponents(codec)
        is_settled = True
        for layer in codec.modules():
            if isinstance(layer, IntegerConv) and not layer.raw:
                finest = layer.weight_exponent.min()
                is_settled &= bool(layer.output_exponent[0] <= finest)
                layer.output_exponent.clamp_(max=float(finest))


def choose_all_weight_exponents(codec: Codec) -> None:
    """Choose the weights' exponents anew: weights move in training."""
    choose_weight_exponents(*codec.g_a.summed)
    choose_weight_exponents(*codec.g_s.summed, offset=PIXEL_CENTRE)
    for layer in codec.modules():
        summed = (*codec.g_a.summed, *codec.g_s.summed)
        if isinstance(layer, IntegerConv) and layer not in summed:
            choose_weight_exponents(layer)


def set_quantized(codec: Codec, *, quantized: bool) -> None:
    """Compute as integers will, or in floating point."""
    codec.quantized = quantized
    for layer in codec.modules():
        if isinstance(layer, IntegerConv):
            layer.quantized = quantized


def _peak(layer: IntegerConv) -> float:
    return max(layer.peak or 0.0, 1e-3)


def _wire(codec: Codec) -> None:
    """Tell each layer the exponents and ranges of its inputs, in the order of its channels."""
    g_a, h_a, e, g_s = codec.g_a, codec.h_a, codec.entropy, codec.g_s
    shape = codec.shape

    def log(count: int) -> tuple[Tensor, Tensor]:
        return torch.full((count,), float(LOG_EXPONENT)), torch.full((count,), float(LOG_MAX))

    _set_inputs(g_a.linear, _pixels(g_a.linear, exponent=0))
    latents = codec.latent_exponent, torch.full((shape.latents,), float(ACTIVATION_MAX))
    _set_inputs(g_s.linear, latents)
    if shape.has_branches:
        _wire_branches(codec)
    _set_inputs(h_a.a0, log(shape.latents + shape.groups[0]))
    for after, before in ((h_a.a1, h_a.a0), (h_a.a2, h_a.a1), (h_a.a3, h_a.a2)):
        _set_inputs(after, before)
    hyper = torch.zeros(shape.hyper), torch.full((shape.hyper,), float(HYPER_LIMIT))
    _set_inputs(e.f1, hyper)
    for after, before in ((e.f2, e.f1), (e.f3, e.f2), (e.p1, e.f3), (e.p2, e.h2)):
        _set_inputs(after, before)
    f = e.f3.output_exponent[: shape.features], torch.full((shape.features,), float(ACTIVATION_MAX))
    _set_inputs(e.h2, log(shape.groups[0]), f)
    _set_inputs(e.h3, e.h2, log(shape.groups[1]))
    _set_inputs(e.k3, e.h3)
    _set_inputs(e.p3, e.k3)


def _wire_branches(codec: Codec) -> None:
    """The same for the non-linear branches of the transforms."""
    g_a, g_s, context = codec.g_a, codec.g_s, codec.shape.context
    _set_inputs(g_a.e0, _pixels(g_a.e0, exponent=CALM_BITS))
    _set_inputs(g_a.e1, g_a.e0)
    _set_inputs(g_a.e2, g_a.e1, g_a.e0)
    _set_inputs(g_a.e3, g_a.e2)
    _set_inputs(g_a.e4, g_a.e3)
    _set_inputs(g_a.last, g_a.e4, g_a.e3)
    reach = torch.full((context,), float(ACTIVATION_MAX))
    _set_inputs(g_s.n1, (codec.latent_exponent[:context] + CALM_BITS, reach))
    _set_inputs(g_s.n2, g_s.n1)
    _set_inputs(g_s.last, g_s.n2)


def _pixels(layer: IntegerConv, *, exponent: int) -> tuple[Tensor, Tensor]:
    count = len(layer.input_exponent)
    return torch.full((count,), float(exponent)), torch.full((count,), PIXEL_REACH)


def _set_inputs(layer: IntegerConv, *sources: IntegerConv | tuple[Tensor, Tensor]) -> None:
    """Fill in exponent and range per input channel; a layer's output has one exponent for all.

    Where a shuffle lies between, the number of channels differs: one exponent serves any number.
    """
    exponents, reaches = [], []
    for source in sources:
        if isinstance(source, IntegerConv):
            count = len(layer.input_exponent) if len(sources) == 1 else len(source.output_exponent)
            exponents.append(source.output_exponent[:1].expand(count))
            reaches.append(torch.full((count,), float(ACTIVATION_MAX)))
        else:
            exponents.append(source[0])
            reaches.append(source[1])
    layer.input_exponent.copy_(torch.cat(exponents))
    layer.input_max.copy_(torch.cat(reaches))
