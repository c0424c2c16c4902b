"""The trainable codec: transforms, hyperprior and channel groups, all rates in one model.

Strides are 16 for latents and 64 for hyper-latents. The transforms are linear, initialised with
principal components of 16 x 16 patches, beside which a shape may have non-linear branches. Latents
are coded in three channel groups in order of energy, each later group's mean and scale predicted
from the groups before it (Minnen & Singh 2020, channel-wise conditioning, here without latent
residual prediction); per-channel steps are interpolated between quality anchors (Cui et al. 2021,
gained variational autoencoder).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from numcodecs_neural.training.layers import IntegerConv, clamp_ste, round_ste, signed_log

ANCHORS = 6
SCALES = 64
SCALE_MIN, SCALE_MAX = 0.05, 64.0
LMBDA_MIN, LMBDA_MAX = 0.0015, 1.0
# Grey levels and latents are divided by this before non-linear layers, and what those add is
# multiplied by it: inputs of thousands kill rectified units within minutes of training.
CALM_BITS = 6
CALM = 2.0**CALM_BITS
FRACTION = 16  # means and latents are kept in sixteenths of a step


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Numbers of channels of one model.

    `groups` are the latents' channel groups in coding order. `has_branches` says whether there are
    non-linear branches beside the linear transforms (EXPERIMENTS.md says what they gave); `context`
    is how many of the first latents the non-linear synthesis sees.
    """

    channels: int = 3
    stride: int = 16
    groups: tuple[int, ...] = (64, 128, 320)
    hyper: int = 32
    features: int = 64
    has_branches: bool = False
    hidden8: int = 128
    hidden16: int = 192
    context: int = 96
    synthesis: int = 128

    @property
    def latents(self) -> int:
        """Number of latent channels in all."""
        return sum(self.groups)


def lmbda_of(t: Tensor) -> Tensor:
    """Weight of the mean squared error (255 scale) at quality ``100 t``; (N,) -> (N,)."""
    return LMBDA_MIN * (LMBDA_MAX / LMBDA_MIN) ** t


def blend_of(t: Tensor) -> Tensor:
    """Interpolation weights between the quality anchors: (N,) in 0..1 -> (N, ANCHORS)."""
    grid = torch.arange(ANCHORS, device=t.device)
    return (1 - (t[:, None] * (ANCHORS - 1) - grid).abs()).clamp(min=0)


def logistic_bits(residual: Tensor, index: Tensor) -> Tensor:
    """Bits of integer symbols under a logistic density with the scale that `index` names."""
    scale = SCALE_MIN * torch.exp(index * (math.log(SCALE_MAX / SCALE_MIN) / (SCALES - 1)))
    r = residual.abs()
    upper, lower = (0.5 - r) / scale, (-0.5 - r) / scale
    likelihood = torch.sigmoid(upper) - torch.sigmoid(lower)
    return -torch.log2(likelihood.clamp(min=1e-7))


class Analysis(nn.Module):
    """Pixels to latents in grey levels (orthonormal scale): (N, C, H, W) -> (N, M, H/16, W/16)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        c, s = shape.channels, shape.stride
        self.linear = IntegerConv(c * s * s, shape.latents, anchors=ANCHORS, raw=True)
        self.has_branches = shape.has_branches
        if not shape.has_branches:
            return
        self.e0 = IntegerConv(c * 64, shape.hidden8, relu=True, anchors=ANCHORS)
        self.e1 = IntegerConv(shape.hidden8, shape.hidden8, 3, relu=True)
        self.e2 = IntegerConv(2 * shape.hidden8, shape.hidden8, relu=True)
        self.e3 = IntegerConv(4 * shape.hidden8, shape.hidden16, relu=True, anchors=ANCHORS)
        self.e4 = IntegerConv(shape.hidden16, shape.hidden16, 3, relu=True)
        self.last = IntegerConv(2 * shape.hidden16, shape.latents, raw=True, gain=CALM)

    @property
    def summed(self) -> tuple[IntegerConv, ...]:
        """The layers whose sums are the latents."""
        return (self.linear, self.last) if self.has_branches else (self.linear,)

    def forward(self, x: Tensor, blend: Tensor) -> Tensor:
        """Transform pixels about 0; `blend` is (N, anchors)."""
        latents: Tensor = self.linear(F.pixel_unshuffle(x, 16), blend)
        if not self.has_branches:
            return latents
        e0 = self.e0(F.pixel_unshuffle(x, 8) / CALM, blend)  # (N, 64 C, H/8, W/8) -> (N, 128, ...)
        e2 = self.e2(torch.cat([self.e1(e0), e0], 1))
        e3 = self.e3(F.pixel_unshuffle(e2, 2), blend)  # -> (N, 192, H/16, W/16)
        branch: Tensor = self.last(torch.cat([self.e4(e3), e3], 1))
        return latents + branch


class HyperAnalysis(nn.Module):
    """Latents in steps to hyper-latents: (N, M, h, w) -> (N, hyper, h/4, w/4), h and w padded."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.first = shape.groups[0]
        self.a0 = IntegerConv(shape.latents + self.first, 64, relu=True, anchors=ANCHORS)
        self.a1 = IntegerConv(4 * 64, 96, relu=True)
        self.a2 = IntegerConv(4 * 96, 96, relu=True)
        self.a3 = IntegerConv(96, shape.hyper, raw=True)

    def forward(self, y: Tensor, blend: Tensor) -> Tensor:
        """Transform latents in steps; `blend` is (N, anchors)."""
        h, w = y.shape[-2:]
        y = F.pad(y, (0, -w % 4, 0, -h % 4), mode="replicate")
        logs = signed_log(y)
        a = self.a0(torch.cat([logs.abs(), logs[:, : self.first]], 1), blend)
        a1 = self.a1(F.pixel_unshuffle(a, 2))
        z: Tensor = self.a3(self.a2(F.pixel_unshuffle(a1, 2)))
        return z


class EntropyParameters(nn.Module):
    """Hyper-latents and decoded groups to mean (in steps) and scale index of the next group."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        n, (g1, g2, g3) = shape.features, shape.groups
        self.groups = shape.groups
        self.f1 = IntegerConv(shape.hyper, 128, 3, relu=True, anchors=ANCHORS)
        self.f2 = IntegerConv(128, 4 * n, relu=True)
        self.f3 = IntegerConv(n, 4 * n, 3, relu=True)
        self.p1 = IntegerConv(n, 2 * g1, raw=True)
        self.h2 = IntegerConv(g1 + n, n, 3, relu=True, anchors=ANCHORS)
        self.p2 = IntegerConv(n, 2 * g2, raw=True)
        self.h3 = IntegerConv(n + g2, 96, relu=True, anchors=ANCHORS)
        self.k3 = IntegerConv(96, n, 3, relu=True)
        self.p3 = IntegerConv(n, g3, raw=True)  # no mean: most of it stays 0

    def features(self, z: Tensor, blend: Tensor, size: tuple[int, int]) -> Tensor:
        """(N, hyper, h/4, w/4) -> (N, features, h, w), cropped to `size`."""
        f = F.pixel_shuffle(self.f2(self.f1(z, blend)), 2)
        f = F.pixel_shuffle(self.f3(f), 2)
        return f[..., : size[0], : size[1]]

    def forward(self, y: Tensor, z: Tensor, blend: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Decoded latents, their means and scale indexes (each (N, M, h, w)), group by group."""
        f = self.features(z, blend, (y.shape[-2], y.shape[-1]))
        y1, y2, y3 = torch.split(y, list(self.groups), 1)
        m1, i1 = self._split(self.p1(f))
        y1_hat = round_ste(y1 - m1) + m1
        h2 = self.h2(torch.cat([signed_log(y1_hat), f], 1), blend)
        m2, i2 = self._split(self.p2(h2))
        y2_hat = round_ste(y2 - m2) + m2
        k3 = self.k3(self.h3(torch.cat([h2, signed_log(y2_hat)], 1), blend))
        i3 = clamp_ste(self.p3(k3), 0, SCALES - 1)
        y_hat = torch.cat([y1_hat, y2_hat, round_ste(y3)], 1)
        mean = torch.cat([m1, m2, torch.zeros_like(y3)], 1)
        return y_hat, mean, torch.cat([i1, i2, i3], 1)

    @staticmethod
    def _split(p: Tensor) -> tuple[Tensor, Tensor]:
        mean, index = p.chunk(2, 1)
        mean = round_ste(mean * FRACTION) / FRACTION
        return mean, clamp_ste(index, 0, SCALES - 1)  # a fraction of an index trains better


class Synthesis(nn.Module):
    """Dequantised latents (grey levels) to pixels around 0: (N, M, h, w) -> (N, C, 16h, 16w)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        pixels = shape.channels * shape.stride**2
        self.linear = IntegerConv(shape.latents, pixels, raw=True)
        self.context, self.has_branches = shape.context, shape.has_branches
        if not shape.has_branches:
            return
        self.n1 = IntegerConv(shape.context, shape.synthesis, 3, relu=True, anchors=ANCHORS)
        self.n2 = IntegerConv(shape.synthesis, shape.synthesis, relu=True)
        self.last = IntegerConv(shape.synthesis, pixels, raw=True, gain=CALM)

    @property
    def summed(self) -> tuple[IntegerConv, ...]:
        """The layers whose sums are the pixels."""
        return (self.linear, self.last) if self.has_branches else (self.linear,)

    def forward(self, d: Tensor, blend: Tensor) -> Tensor:
        """Transform latents to pixels about 0; `blend` is (N, anchors)."""
        pixels: Tensor = self.linear(d)
        if not self.has_branches:
            return F.pixel_shuffle(pixels, 16)
        n2 = self.n2(self.n1(d[:, : self.context] / CALM, blend))
        return F.pixel_shuffle(pixels + self.last(n2), 16)


class Codec(nn.Module):
    """The whole trainable codec; `forward` gives what the loss needs."""

    latent_exponent: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.g_a, self.g_s = Analysis(shape), Synthesis(shape)
        self.h_a, self.entropy = HyperAnalysis(shape), EntropyParameters(shape)
        grid = torch.linspace(0, 1, ANCHORS)
        step = torch.sqrt(26.0 / lmbda_of(grid))  # high-rate theory: D = step^2 / 12
        self.log_step = nn.Parameter(torch.log(step)[:, None].repeat(1, shape.latents))
        self.z_mean = nn.Parameter(torch.zeros(ANCHORS, shape.hyper))
        self.z_index = nn.Parameter(torch.full((ANCHORS, shape.hyper), 30.0))
        self.register_buffer("latent_exponent", torch.zeros(shape.latents))
        self.quantized = False

    def forward(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Code `x` (N, C, H, W), 0..255, at qualities `t` (N,), 0..1.

        Returns
        -------
        x_hat : Tensor
            (N, C, H, W), neither rounded nor clipped.
        y_bits, z_bits : Tensor
            (N,) estimated bits.
        """
        blend = blend_of(t)
        step = torch.exp(blend @ self.log_step)[..., None, None]
        y = self.g_a(x - 128, blend) / step
        z = self.h_a(y, blend)
        z_mean = (blend @ self.z_mean)[..., None, None]
        z_index = clamp_ste(blend @ self.z_index, 0, SCALES - 1)[..., None, None]
        z_hat = round_ste(z)
        y_hat, mean, index = self.entropy(y, z_hat, blend)
        y_bits = self._bits(y, y_hat, mean, index)
        z_bits = self._bits(z, z_hat, z_mean, z_index)
        x_hat = self.g_s(self.dequantize(y_hat * step), blend) + 128
        return x_hat, y_bits.sum((1, 2, 3)), z_bits.sum((1, 2, 3))

    def _bits(self, y: Tensor, y_hat: Tensor, mean: Tensor, index: Tensor) -> Tensor:
        """Bits of each latent: of its symbol, or, in training, of `y` under uniform noise."""
        if self.training:
            y_hat = y + torch.rand_like(y) - 0.5
        return logistic_bits(y_hat - mean, index)

    def dequantize(self, d: Tensor) -> Tensor:
        """Latents in grey levels, on the integer grid of each channel once calibrated."""
        if not self.quantized:
            return d
        unit = torch.exp2(self.latent_exponent)[:, None, None]
        return clamp_ste(round_ste(d * unit), -2047, 2047) / unit

    @torch.no_grad()
    def start_from_principal_components(self, components: Tensor, mean: Tensor) -> None:
        """Make the linear branches a transform to `components` (M, C * 256) and back."""
        basis = components[..., None, None]
        self.g_a.linear.weight.copy_(basis)
        self.g_a.linear.bias.copy_(-components @ mean)
        self.g_s.linear.weight.copy_(basis.transpose(0, 1))
        self.g_s.linear.bias.copy_(mean)
        if self.shape.has_branches:
            for last in (self.g_a.last, self.g_s.last):
                last.weight.mul_(0.02)
        for p in (self.entropy.p1, self.entropy.p2, self.entropy.p3):
            p.weight.mul_(0.1)
            p.bias.fill_(20.0)
        for p in (self.entropy.p1, self.entropy.p2):
            p.bias[: len(p.bias) // 2].zero_()
