"""The trainable codec: transforms, hyperprior and channel groups, all rates in one model.

Strides are 16 for latents and 64 for hyper-latents. The transforms are linear, initialised with
principal components of 16 x 16 patches, beside which a shape may have non-linear branches. Latents
are coded in channel groups in order of energy (Minnen & Singh 2020, channel-wise conditioning, here
without latent residual prediction), each group in one pass or in two by a checkerboard (He et al.
2021). A pass takes its means from the latents decoded before it, its scales from the hyper-latents
too; per-channel steps are interpolated between quality anchors (Cui et al. 2021, gained variational
autoencoder).
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from numcodecs_neural.training.layers import IntegerConv, Layers, clamp_ste, round_ste, signed_log

ANCHORS = 6
SCALES = 64
SCALE_MIN, SCALE_MAX = 0.05, 64.0
LMBDA_MIN, LMBDA_MAX = 0.0015, 1.0
# Grey levels and latents are divided by this before non-linear layers, and what those add is
# multiplied by it: inputs of thousands kill rectified units within minutes of training.
CALM = 64.0
FRACTION_BITS = 4  # means and latents are kept in sixteenths of a step
FRACTION = 2**FRACTION_BITS


Phase = Literal["all", "even", "odd"]


@dataclass(frozen=True, slots=True)
class Pass:
    """One step of coding: which latents, and the network that predicts them.

    `group` counts from 1; `phase` names the half of a checkerboard, or all of it. The network has
    `width` channels and, after a mixing layer, `depth` layers of 3 x 3.
    """

    group: int
    phase: Phase = "all"
    width: int = 64
    depth: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Numbers of channels of one model.

    Pixels have `pixel_fraction` bits below a grey level: more than 0 serves images of 16 bits.
    `groups` are the latents' channel groups in order of energy, `passes` the order of coding;
    `analysis` and `synthesis` the widths at strides 8 and 16 of the non-linear branches beside the
    linear transforms, 0 for none. `context` is how many of the first latents the non-linear
    synthesis sees.
    """

    channels: int = 3
    pixel_fraction: int = 0
    stride: int = 16
    groups: tuple[int, ...] = (8, 56, 128, 320)
    passes: tuple[Pass, ...] = ()
    hyper: int = 32
    features: int = 64
    analysis: tuple[int, int] = (0, 0)
    synthesis: tuple[int, int] = (0, 0)
    blocks: int = 1
    context: int = 192

    @property
    def latents(self) -> int:
        """Number of latent channels in all."""
        return sum(self.groups)

    @property
    def has_mean(self) -> tuple[bool, ...]:
        """Whether each pass predicts means.

        The first has nothing to predict from; latents of the last group are mostly 0.
        """
        return tuple(n > 0 and p.group < len(self.groups) for n, p in enumerate(self.passes))


FAST = (Pass(1, "even"), Pass(1, "odd", 32), Pass(2), Pass(3), Pass(4, "all", 48))
PRESETS = {
    "he-fast": Shape(passes=FAST),
    "he-best": Shape(
        groups=(8, 56, 64, 128, 256),
        passes=(
            Pass(1, "even"),
            Pass(1, "odd", 128, 2),
            Pass(2, "even", 128, 2),
            Pass(2, "odd", 128, 2),
            Pass(3, "even", 128, 2),
            Pass(3, "odd", 128, 2),
            Pass(4, "all", 128, 2),
            Pass(5, "all", 128, 2),
        ),
        features=128,
        analysis=(128, 192),
        synthesis=(96, 192),
        blocks=3,
        context=256,
    ),
    "grey-fast": Shape(channels=1, pixel_fraction=4, groups=(4, 28, 64, 160), passes=FAST),
}


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
        c, s, (n8, n16) = shape.channels, shape.stride, shape.analysis
        self.linear = IntegerConv(c * s * s, shape.latents, anchors=ANCHORS, raw=True)
        self.has_branch = n8 > 0
        if not self.has_branch:
            return
        self.e0 = IntegerConv(c * 64, n8, relu=True, anchors=ANCHORS, calm=CALM)
        self.e1 = IntegerConv(n8, n8, 3, relu=True)
        self.e2 = IntegerConv(2 * n8, n8, relu=True)
        self.e3 = IntegerConv(4 * n8, n16, relu=True, anchors=ANCHORS)
        self.e4 = IntegerConv(n16, n16, 3, relu=True)
        self.last = IntegerConv(2 * n16, shape.latents, raw=True)

    @property
    def summed(self) -> tuple[IntegerConv, ...]:
        """The layers whose sums are the latents."""
        return (self.linear, self.last) if self.has_branch else (self.linear,)

    def forward(self, x: Tensor, blend: Tensor) -> Tensor:
        """Transform pixels about 0; `blend` is (N, anchors)."""
        latents: Tensor = self.linear(F.pixel_unshuffle(x, 16), blend)
        if not self.has_branch:
            return latents
        e0 = self.e0(F.pixel_unshuffle(x, 8), blend)  # (N, 64 C, H/8, W/8) -> (N, n8, ...)
        e2 = self.e2(torch.cat([self.e1(e0), e0], 1))
        e3 = self.e3(F.pixel_unshuffle(e2, 2), blend)  # -> (N, n16, H/16, W/16)
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


class PassNetwork(nn.Module):
    """What was decoded before a pass, to what predicts its means and its scales.

    Means are predicted from decoded latents alone. An image that was decoded before has the same
    latents, hence the same means, whatever the hyper-latents are: coding it again changes nothing.
    Scales see the hyper-latents too.
    """

    def __init__(self, seen: int, features: int, step: Pass) -> None:
        super().__init__()
        self.mix = IntegerConv(seen, step.width, relu=True, anchors=ANCHORS)
        self.around = Layers[IntegerConv](
            IntegerConv(step.width, step.width, 3, relu=True) for _ in range(step.depth)
        )
        self.join = IntegerConv(features + step.width, features, relu=True, anchors=ANCHORS)

    def forward(self, seen: Tensor, features: Tensor, blend: Tensor) -> tuple[Tensor, Tensor]:
        """(N, seen, h, w), (N, features, h, w) -> (N, width, h, w), (N, features, h, w)."""
        context = self.mix(seen, blend)
        for layer in self.around:
            context = layer(context)
        return context, self.join(torch.cat([features, context], 1), blend)


class EntropyParameters(nn.Module):
    """Hyper-latents and decoded latents to means (in steps) and scale indexes, pass by pass."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        n = shape.features
        self.groups, self.passes, self.has_mean = shape.groups, shape.passes, shape.has_mean
        self.f1 = IntegerConv(shape.hyper, 2 * n, 3, relu=True, anchors=ANCHORS)
        self.f2 = IntegerConv(2 * n, 4 * n, relu=True)
        self.f3 = IntegerConv(n, 4 * n, 3, relu=True)
        self.networks = Layers[PassNetwork]()
        self.mean, self.index = Layers[IntegerConv](), Layers[IntegerConv]()
        width = 0
        for number, step in enumerate(shape.passes):
            count = shape.groups[step.group - 1]
            if number:
                before = shape.groups[shape.passes[number - 1].group - 1]
                self.networks.append(PassNetwork(width + before, n, step))
                width = step.width
            if self.has_mean[number]:
                self.mean.append(IntegerConv(width, count, raw=True))
            self.index.append(IntegerConv(n, count, raw=True))

    def features(self, z: Tensor, blend: Tensor, size: tuple[int, int]) -> Tensor:
        """(N, hyper, h/4, w/4) -> (N, features, h, w), cropped to `size`."""
        f = F.pixel_shuffle(self.f2(self.f1(z, blend)), 2)
        f = F.pixel_shuffle(self.f3(f), 2)
        return f[..., : size[0], : size[1]]

    def forward(self, y: Tensor, z: Tensor, blend: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Decoded latents, their means and scale indexes (each (N, M, h, w)), pass by pass."""
        size = (y.shape[-2], y.shape[-1])
        groups = torch.split(y, list(self.groups), 1)
        decoded = [torch.zeros_like(g) for g in groups]
        means, indexes = list(decoded), list(decoded)
        features = self.features(z, blend, size)
        context = features[:, :0]
        heads = iter(self.mean)
        for number, step in enumerate(self.passes):
            if number:
                before = decoded[self.passes[number - 1].group - 1]
                seen = torch.cat([context, signed_log(before)], 1)
                context, features = self.networks.at(number - 1)(seen, features, blend)
            g = step.group - 1
            index = clamp_ste(
                self.index.at(number)(features), 0, SCALES - 1
            )  # fractions train better
            mean = torch.zeros_like(index)
            if self.has_mean[number]:
                mean = round_ste(next(heads)(context) * FRACTION) / FRACTION
            mine = round_ste(groups[g] - mean) + mean
            mask = phase_mask(size, step.phase, y.device)
            decoded[g] = torch.where(mask, mine, decoded[g])
            means[g] = torch.where(mask, mean, means[g])
            indexes[g] = torch.where(mask, index, indexes[g])
        return torch.cat(decoded, 1), torch.cat(means, 1), torch.cat(indexes, 1)


def phase_mask(size: tuple[int, int], phase: Phase, device: torch.device) -> Tensor:
    """Which of (h, w) positions a phase holds: bool (h, w)."""
    rows, columns = (torch.arange(n, device=device) for n in size)
    odd = (rows[:, None] + columns[None, :]) % 2 == 1
    return {"all": torch.ones_like(odd), "even": ~odd, "odd": odd}[phase]


class Synthesis(nn.Module):
    """Dequantised latents (grey levels) to pixels around 0: (N, M, h, w) -> (N, C, 16h, 16w)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        pixels, (n8, n16) = shape.channels * shape.stride**2, shape.synthesis
        self.linear = IntegerConv(shape.latents, pixels, raw=True)
        self.context, self.has_branch = shape.context, n8 > 0
        if not self.has_branch:
            return
        self.n1 = IntegerConv(shape.context, n16, 3, relu=True, anchors=ANCHORS, calm=CALM)
        self.n2 = IntegerConv(n16, 4 * n8, relu=True)
        self.around = Layers[IntegerConv](
            IntegerConv(n8, n8, 3, relu=True) for _ in range(shape.blocks)
        )
        self.gather = IntegerConv((1 + shape.blocks) * n8, n8, relu=True)
        self.last = IntegerConv(4 * n8, pixels, raw=True)

    @property
    def summed(self) -> tuple[IntegerConv, ...]:
        """The layers whose sums are the pixels."""
        return (self.linear, self.last) if self.has_branch else (self.linear,)

    def forward(self, d: Tensor, blend: Tensor) -> Tensor:
        """Transform latents to pixels about 0; `blend` is (N, anchors)."""
        pixels: Tensor = self.linear(d)
        if not self.has_branch:
            return F.pixel_shuffle(pixels, 16)
        n2 = self.n2(self.n1(d[:, : self.context], blend))
        stages = [F.pixel_shuffle(n2, 2)]
        for layer in self.around:
            stages.append(layer(stages[-1]))
        gathered = F.pixel_unshuffle(self.gather(torch.cat(stages, 1)), 2)
        return F.pixel_shuffle(pixels + self.last(gathered), 16)


class Codec(nn.Module):
    """The whole trainable codec; `forward` gives what the loss needs."""

    latent_exponent: Tensor
    analysis_gain: Tensor

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
        self.register_buffer("analysis_gain", torch.ones(shape.latents))
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
        for transform in (self.g_a, self.g_s):
            for branch in transform.summed[1:]:
                branch.weight.mul_(0.02)
        for head in self.entropy.mean:
            head.weight.mul_(0.1)
        for head in self.entropy.index:
            head.weight.mul_(0.1)
            head.bias.fill_(20.0)
