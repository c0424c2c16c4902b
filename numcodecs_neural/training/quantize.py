"""Conversion to integers: ranges, exponents, and the switch to quantisation-aware training."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from numcodecs_neural.training.graph import (
    Networks,
    Node,
    Term,
    decoder_networks,
    encoder_networks,
)
from numcodecs_neural.training.layers import ACTIVATION_MAX, IntegerConv, Span, finest_exponents
from numcodecs_neural.training.model import FRACTION_BITS, SCALES, Codec, blend_of

LATENT_LIMIT = 2**15 - 1
LATENT_EXPONENT = 2  # the analysis gives latents in quarters of a grey level: black needs -5300
HYPER_LIMIT = 127
PIXEL_CENTRE = 128.0
LOG_EXPONENT = 4
LOG_MAX = round(2**LOG_EXPONENT * math.log2(1 + LATENT_LIMIT / 2**FRACTION_BITS))
LATENT_MARGIN = 1.5  # over the largest latent seen: other slides hold sharper edges


@dataclass(frozen=True, slots=True)
class Wired:
    """A node, what each of its terms reads, and what it gives."""

    node: Node
    reads: tuple[Span, ...]
    gives: Span


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
        layer.begin_calibration()
    latent_peak = torch.zeros(codec.shape.latents)
    gain = _Gain(codec)
    was_training = codec.training
    codec.eval()
    for x, t in batches:
        codec(x, t)
        y = codec.g_a(x - PIXEL_CENTRE, blend_of(t))
        latent_peak = torch.maximum(latent_peak, y.abs().amax((0, 2, 3)))
        gain.add(x, t)
    for layer in layers:
        layer.finish_calibration()
    codec.analysis_gain.copy_(gain.result())
    reach = (LATENT_MARGIN * latent_peak).clamp(min=1.0)
    codec.latent_exponent.copy_(torch.floor(torch.log2(ACTIVATION_MAX / reach)))
    wire(codec)
    set_quantized(codec, quantized=True)
    codec.train(was_training)


class _Gain:
    """By how much the analysis shrinks the latents of what the synthesis gave, per channel."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._products = torch.zeros(codec.shape.latents)
        self._squares = torch.full((codec.shape.latents,), 1e-6)

    def add(self, x: Tensor, t: Tensor) -> None:
        """Take a batch of images into account."""
        codec, blend = self._codec, blend_of(t)
        y = codec.g_a(x - PIXEL_CENTRE, blend)
        step = torch.exp(blend @ codec.log_step)[..., None, None]
        y = torch.round(y / step) * step
        again = codec.g_a(codec.g_s(y, blend), blend)
        self._products += (again * y).sum((0, 2, 3))
        self._squares += y.square().sum((0, 2, 3))

    def result(self) -> Tensor:
        """(M,); 1 where nothing was seen."""
        return (self._products / self._squares).clamp(0.5, 2.0).where(self._squares > 1, 1.0)


def set_quantized(codec: Codec, *, quantized: bool) -> None:
    """Compute as integers will, or in floating point."""
    codec.quantized = quantized
    for layer in codec.modules():
        if isinstance(layer, IntegerConv):
            layer.quantized = quantized


@torch.no_grad()
def wire(codec: Codec) -> dict[str, tuple[Wired, ...]]:
    """Tell every layer what it reads, and choose its exponents: anew when weights have moved.

    Returns
    -------
    dict of str to tuple of Wired
        All networks of decoder and encoder, in order of execution.
    """
    shape = codec.shape
    spans = {
        "z": Span.of(shape.hyper, 0, -HYPER_LIMIT, HYPER_LIMIT),
        "y": Span.of(shape.latents, FRACTION_BITS, -LATENT_LIMIT, LATENT_LIMIT),
        "x": Span.of(shape.channels, 0, -128, 127),
        "x_fraction": Span.of(shape.channels, shape.pixel_fraction, 0, 2**shape.pixel_fraction - 1),
    }
    units = torch.split(codec.latent_exponent, list(shape.groups))
    for number, unit in enumerate(units, 1):
        count = len(unit)
        spans[f"y{number}"] = Span.of(count, FRACTION_BITS, -LATENT_LIMIT, LATENT_LIMIT)
        spans[f"d{number}"] = Span.of(count, 0, -ACTIVATION_MAX, ACTIVATION_MAX).at(unit)
    networks: Networks = {**encoder_networks(codec), **decoder_networks(codec)}
    wired = {}
    for name in ("analysis", "hyper_analysis", *decoder_networks(codec)):
        if name == "hyper_analysis":  # reads latents in steps, not what the analysis gives
            spans["y"] = Span.of(shape.latents, FRACTION_BITS, -LATENT_LIMIT, LATENT_LIMIT)
        wired[name] = tuple(_wire(node, spans, codec) for node in networks[name])
    return wired


def _wire(node: Node, spans: dict[str, Span], codec: Codec) -> Wired:
    if node.op == "conv":
        reads = tuple(_read(term, spans) for term in node.terms)
        gives = _choose(node, reads, codec)
    else:
        assert node.source is not None
        source = node.source
        reads = (spans[source.name].part(source.start, source.stop),)
        gives = _moved(node, reads[0])
    spans[node.name] = gives
    return Wired(node, reads, gives)


def _read(term: Term, spans: dict[str, Span]) -> Span:
    return Span.joined([spans[s.name].part(s.start, s.stop) for s in term.sources])


def _moved(node: Node, span: Span) -> Span:
    if node.op == "table":
        low = 0 if node.name == "sizes" else -LOG_MAX
        return Span.of(len(span), LOG_EXPONENT, low, LOG_MAX)
    area = node.factor**2
    return span.gathered(area) if node.op == "shuffle" else span.repeated(area)


def _choose(node: Node, reads: tuple[Span, ...], codec: Codec) -> Span:
    """Choose the exponents of a sum; return what it gives."""
    for term, span in zip(node.terms, reads, strict=True):
        if term.is_biased:
            term.layer.read(span)
    offset = PIXEL_CENTRE if node.unit == "pixel" else 0.0
    exponents = finest_exponents(
        [(term.layer, span, term.is_biased) for term, span in zip(node.terms, reads, strict=True)],
        offset,
    )
    for term in node.terms:
        term.layer.weight_exponent.copy_(exponents)
    layer, count = node.terms[0].layer, len(exponents)
    if node.unit == "hidden":
        layer.output_exponent.clamp_(max=float(exponents.min()))
        return layer.gives()
    fraction = codec.shape.pixel_fraction
    exponent, low, high = {
        "latent": (LATENT_EXPONENT, -LATENT_LIMIT, LATENT_LIMIT),
        "hyper": (0, -HYPER_LIMIT, HYPER_LIMIT),
        "pixel": (fraction, 0, (256 << fraction) - 1),
        "mean": (FRACTION_BITS, -LATENT_LIMIT, LATENT_LIMIT),
        "index": (0, 0, SCALES - 1),
    }[node.unit]
    return Span.of(count, exponent, low, high)
