"""Layers that train in floating point and finish as the integers that ship.

Every layer here has one meaning in two number systems. In the float phase it is an ordinary
convolution. Once calibrated (:mod:`.quantize`) it computes, with straight-through gradients, what
the integer networks of :mod:`numcodecs_neural.networks` compute: integer weights with a power of
two per output channel, integer activations with a power of two per channel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_Module = TypeVar("_Module", bound=nn.Module)

ACTIVATION_MAX = 2047  # exact as a TF32 input: 11 significant bits
WEIGHT_MAX = 2047
PEAK_MARGIN = 1.25  # over the largest activation seen
ACCUMULATOR_LIMIT = 0.97 * 2**24  # leaves room for the rounding bias, and for training to move


class _Round(torch.autograd.Function):
    """Round half up, with the gradient of the identity (straight-through)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.floor(x + 0.5)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class _Clamp(torch.autograd.Function):
    """Clamp whose gradient passes where it points back into the range."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, lo: float | Tensor, hi: float | Tensor) -> Tensor:
        ctx.save_for_backward(x)
        ctx.range = (lo, hi)
        return x.clamp(lo, hi)  # type: ignore[arg-type]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        lo, hi = ctx.range
        inside = ((x >= lo) | (grad < 0)) & ((x <= hi) | (grad > 0))
        return grad * inside, None, None


def round_ste(x: Tensor) -> Tensor:
    """Nearest integers of `x`, halves up; the gradient is that of the identity."""
    result: Tensor = _Round.apply(x)  # type: ignore[no-untyped-call]
    return result


def clamp_ste(x: Tensor, lo: float | Tensor, hi: float | Tensor) -> Tensor:
    """`x` limited to ``[lo, hi]``; the gradient passes where it leads back inside."""
    result: Tensor = _Clamp.apply(x, lo, hi)  # type: ignore[no-untyped-call]
    return result


def signed_log(y: Tensor) -> Tensor:
    """Compress latents in steps: ``sign(y) log2(1 + |y|)``, in sixteenths."""
    return round_ste(torch.sign(y) * torch.log2(1 + y.abs()) * 16) / 16


@dataclass(frozen=True, slots=True)
class Span:
    """Unit and range of a tensor's channels: value = integer * 2**-exponent; each (channels,)."""

    exponent: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, count: int, exponent: float, low: float, high: float) -> Span:
        """The same for `count` channels."""
        return cls(*(torch.full((count,), float(v)) for v in (exponent, low, high)))

    @classmethod
    def joined(cls, spans: Sequence[Span]) -> Span:
        """One after the other."""
        return cls(
            torch.cat([s.exponent for s in spans]),
            torch.cat([s.low for s in spans]),
            torch.cat([s.high for s in spans]),
        )

    def __len__(self) -> int:
        return len(self.exponent)

    def at(self, exponent: Tensor) -> Span:
        """The same integers in other units."""
        return Span(exponent, self.low, self.high)

    def part(self, start: int, stop: int | None) -> Span:
        """Some of the channels."""
        part = slice(start, stop)
        return Span(self.exponent[part], self.low[part], self.high[part])

    def repeated(self, times: int) -> Span:
        """Each channel `times` in a row, as an unshuffle makes them."""
        return Span(*(v.repeat_interleave(times) for v in (self.exponent, self.low, self.high)))

    def gathered(self, count: int) -> Span:
        """`count` channels in one, as a shuffle makes them; they must have one exponent."""
        low, high = self.low.reshape(-1, count).amin(1), self.high.reshape(-1, count).amax(1)
        return Span(self.exponent[::count], low, high)


class Layers(nn.ModuleList, Generic[_Module]):
    """A list of modules of one class."""

    def __iter__(self) -> Iterator[_Module]:
        return super().__iter__()  # type: ignore[return-value]

    def at(self, place: int) -> _Module:
        """Return the module at a place."""
        return self[place]  # type: ignore[return-value]


class IntegerConv(nn.Module):
    """Convolution (1 x 1 or 3 x 3, edges replicated) that can be exported as integers.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel : int
        1 or 3.
    relu : bool
        Clamp the output to non-negative numbers (to the full signed range otherwise).
    anchors : int
        Number of quality anchors between which an additional bias is interpolated; 0 for none.
    raw : bool
        Leave the sums as they are: the caller adds further branches, or rounds in its own way.
    calm : float
        Power of two by which inputs are divided.
    """

    input_exponent: Tensor
    output_exponent: Tensor
    output_peak: Tensor
    weight_exponent: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        *,
        relu: bool = False,
        anchors: int = 0,
        raw: bool = False,
        calm: float = 1.0,
    ) -> None:
        super().__init__()
        self.kernel, self.relu, self.raw = kernel, relu, raw
        self.calm = calm
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.anchor_bias = nn.Parameter(torch.zeros(anchors, outputs)) if anchors else None
        self.quantized = self._is_calibrating = False
        self.register_buffer("input_exponent", torch.zeros(inputs))
        self.register_buffer("output_exponent", torch.zeros(outputs))
        self.register_buffer("output_peak", torch.zeros(outputs))
        self.register_buffer("weight_exponent", torch.zeros(outputs))

    def forward(self, x: Tensor, blend: Tensor | None = None) -> Tensor:
        """Apply the layer: (N, inputs, h, w) -> (N, outputs, h, w); `blend` is (N, anchors)."""
        weight = self.fake_weight() if self.quantized else self.weight / self.calm
        if self.kernel == 3:
            x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        y = F.conv2d(x, weight) + self.bias_of(blend)[..., None, None]
        if self._is_calibrating:
            self.output_peak.copy_(torch.maximum(self.output_peak, y.detach().amax((0, 2, 3))))
        if self.raw:
            return y
        if self.quantized:
            return self._fake_output(y)
        return F.relu(y) if self.relu else y

    def bias_of(self, blend: Tensor | None) -> Tensor:
        """Bias per sample: (N, outputs), or (1, outputs) where quality plays no part."""
        if self.anchor_bias is None or blend is None:
            return self.bias[None]
        return self.bias + blend @ self.anchor_bias

    def largest_bias(self) -> Tensor:
        """Largest magnitude of each output's bias over all qualities: (outputs,)."""
        if self.anchor_bias is None:
            return self.bias.abs()
        return (self.bias + self.anchor_bias).abs().amax(0)

    def begin_calibration(self) -> None:
        """From now on watch the largest output of each channel."""
        self._is_calibrating = True
        self.output_peak.zero_()

    def finish_calibration(self) -> None:
        """Give all outputs the finest unit that holds the largest."""
        self._is_calibrating = False
        top = PEAK_MARGIN * max(float(self.output_peak.max()), 1e-3)
        self.output_exponent.fill_(math.floor(math.log2(ACTIVATION_MAX / top)))

    def read(self, span: Span) -> None:
        """Take the units of the inputs."""
        self.input_exponent.copy_(span.exponent)

    def gives(self) -> Span:
        """Unit and range of the outputs (of a layer that is not raw)."""
        high = torch.ceil(PEAK_MARGIN * self.output_peak * torch.exp2(self.output_exponent))
        high = high.clamp(1, ACTIVATION_MAX)
        low = torch.zeros_like(high) if self.relu else torch.full_like(high, -ACTIVATION_MAX)
        return Span(self.output_exponent, low, high)

    def fake_weight(self) -> Tensor:
        """Weights as the integers will have them, in real units."""
        scale = torch.exp2(self.weight_exponent[:, None] - self.input_exponent[None, :])
        scale = scale[..., None, None]
        integers = round_ste(self.weight * (scale / self.calm))
        return clamp_ste(integers, -WEIGHT_MAX, WEIGHT_MAX) / scale

    def _fake_output(self, y: Tensor) -> Tensor:
        unit = torch.exp2(self.output_exponent)[:, None, None]
        span = self.gives()
        y = round_ste(y * unit)
        if self.relu:  # whose gradient below zero is zero, unlike that of a clamp
            y = F.relu(y)
        return clamp_ste(y, span.low[:, None, None], span.high[:, None, None]) / unit

    def integer_weight(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Weights as integers for given exponents: (outputs, inputs, kernel, kernel)."""
        scale = torch.exp2(outputs[:, None] - inputs[None, :])
        return torch.floor(self.weight * (scale / self.calm)[..., None, None] + 0.5)


@torch.no_grad()
def finest_exponents(
    terms: Sequence[tuple[IntegerConv, Span, bool]], offset: float = 0.0
) -> Tensor:
    """Take the finest power of two per output channel that the proof of bounds allows.

    Parameters
    ----------
    terms : sequence of (layer, what it reads, whether its bias is added)
        They add up in one accumulator, and share exponents.
    offset : float
        What the export adds to the bias.

    Returns
    -------
    Tensor
        (outputs,)
    """
    exponent = torch.full_like(terms[0][0].weight_exponent, 24.0)
    while True:
        positive = offset * torch.exp2(exponent.double())
        for layer, _, is_biased in terms:
            if is_biased:
                positive += layer.largest_bias() * torch.exp2(exponent)
        negative = positive.clone()
        largest = torch.zeros_like(exponent)
        for layer, span, _ in terms:
            weight = layer.integer_weight(span.exponent, exponent).double()
            at_low = weight * span.low.double()[:, None, None]
            at_high = weight * span.high.double()[:, None, None]
            positive += torch.maximum(at_low, at_high).clamp(min=0).sum((1, 2, 3))
            negative -= torch.minimum(at_low, at_high).clamp(max=0).sum((1, 2, 3))
            largest = torch.maximum(largest, weight.abs().amax((1, 2, 3)).float())
        is_bad = (largest > WEIGHT_MAX) | (torch.maximum(positive, negative) >= ACCUMULATOR_LIMIT)
        if not is_bad.any():
            return exponent
        exponent = exponent - is_bad.float()
