"""Layers that train in floating point and finish as the integers that ship.

Every layer here has one meaning in two number systems. In the float phase it is an ordinary
convolution. Once calibrated (:mod:`.quantize`) it computes, with straight-through gradients, what
the integer networks of :mod:`numcodecs_neural.networks` compute: integer weights with a power of
two per output channel, integer activations with a power of two per channel.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATION_MAX = 2047  # exact as a TF32 input: 11 significant bits
WEIGHT_MAX = 2047
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
    def forward(ctx: Any, x: Tensor, lo: float, hi: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.range = (lo, hi)
        return x.clamp(lo, hi)

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


def clamp_ste(x: Tensor, lo: float, hi: float) -> Tensor:
    """`x` limited to ``[lo, hi]``; the gradient passes where it leads back inside."""
    result: Tensor = _Clamp.apply(x, lo, hi)  # type: ignore[no-untyped-call]
    return result


def signed_log(y: Tensor) -> Tensor:
    """Compress latents in steps: ``sign(y) log2(1 + |y|)``, in sixteenths."""
    return round_ste(torch.sign(y) * torch.log2(1 + y.abs()) * 16) / 16


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
    gain : float
        Power of two by which weights and bias count: it sets how fast they learn, and no more.
    """

    input_exponent: Tensor
    input_max: Tensor
    output_exponent: Tensor
    output_max: Tensor
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
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.kernel, self.relu, self.raw, self.gain = kernel, relu, raw, gain
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.anchor_bias = nn.Parameter(torch.zeros(anchors, outputs)) if anchors else None
        self.quantized = False
        self.peak: float | None = None  # largest output seen while calibrating
        self.register_buffer("input_exponent", torch.zeros(inputs))
        self.register_buffer("input_max", torch.full((inputs,), float(ACTIVATION_MAX)))
        self.register_buffer("output_exponent", torch.zeros(outputs))
        self.register_buffer("output_max", torch.tensor(float(ACTIVATION_MAX)))
        self.register_buffer("weight_exponent", torch.zeros(outputs))

    def forward(self, x: Tensor, blend: Tensor | None = None) -> Tensor:
        """Apply the layer: (N, inputs, h, w) -> (N, outputs, h, w); `blend` is (N, anchors)."""
        weight = self.fake_weight() if self.quantized else self.gain * self.weight
        if self.kernel == 3:
            x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        y = F.conv2d(x, weight) + self.bias_of(blend)[..., None, None]
        if self.peak is not None:
            self.peak = max(self.peak, float(y.detach().abs().max()))
        if self.raw:
            return y
        if self.quantized:
            return self._fake_output(y)
        return F.relu(y) if self.relu else y

    def bias_of(self, blend: Tensor | None) -> Tensor:
        """Bias per sample: (N, outputs), or (1, outputs) where quality plays no part."""
        if self.anchor_bias is None or blend is None:
            return self.gain * self.bias[None]
        return self.gain * (self.bias + blend @ self.anchor_bias)

    def largest_bias(self) -> Tensor:
        """Largest magnitude of each output's bias over all qualities: (outputs,)."""
        if self.anchor_bias is None:
            return self.gain * self.bias.abs()
        return self.gain * (self.bias + self.anchor_bias).abs().amax(0)

    def fake_weight(self) -> Tensor:
        """Weights as the integers will have them, in real units."""
        scale = torch.exp2(self.weight_exponent[:, None] - self.input_exponent[None, :])
        scale = scale[..., None, None]
        integers = round_ste(self.gain * self.weight * scale)
        return clamp_ste(integers, -WEIGHT_MAX, WEIGHT_MAX) / scale

    def _fake_output(self, y: Tensor) -> Tensor:
        unit = torch.exp2(self.output_exponent)[:, None, None]
        top = float(self.output_max)
        y = round_ste(y * unit)
        if self.relu:  # whose gradient below zero is zero, unlike that of a clamp
            y = F.relu(y)
        return clamp_ste(y, -top, top) / unit

    def integer_weight(self) -> Tensor:
        """Weights as integers: (outputs, inputs, kernel, kernel)."""
        scale = torch.exp2(self.weight_exponent[:, None] - self.input_exponent[None, :])
        return torch.floor(self.gain * self.weight * scale[..., None, None] + 0.5)


@torch.no_grad()
def choose_weight_exponents(*branches: IntegerConv, offset: float = 0.0) -> None:
    """Take the finest power of two per output channel that the proof of bounds allows.

    `branches` add up in one accumulator, to which the export adds `offset`: they share exponents.
    """
    exponent = torch.full_like(branches[0].weight_exponent, 24.0)
    while True:
        total = offset * torch.exp2(exponent.double())
        largest = torch.zeros_like(exponent)
        for branch in branches:
            branch.weight_exponent.copy_(exponent)
            magnitude = branch.integer_weight().abs()
            total += (magnitude.double() * branch.input_max[:, None, None]).sum((1, 2, 3))
            total += branch.largest_bias() * torch.exp2(exponent)
            largest = torch.maximum(largest, magnitude.amax((1, 2, 3)))
        is_bad = (largest > WEIGHT_MAX) | (total >= ACCUMULATOR_LIMIT)
        if not is_bad.any():
            return
        exponent = exponent - is_bad.float()
