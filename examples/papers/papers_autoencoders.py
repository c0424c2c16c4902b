"""Lossy autoencoders of X-rays: dense, CNN 1.0, CNN 2.0 and two-stage, by our reading of the words.

All take levels around zero, (N, 1, H, W) in units of `LEVELS`, sides multiples of 16; their
latents are rounded to integers, whose bits a factorised prior estimates.
"""

import math
from pathlib import Path

import torch
from papers_prior import FactorizedPrior, rounded
from papers_training import load_weights
from torch.nn import Conv2d, ConvTranspose2d, Linear, Module, ReLU, Sequential
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, relu

TITLES = {"dense": "dense", "cnn-1": "CNN 1.0", "cnn-2": "CNN 2.0", "two-stage": "two-stage"}
NAMES = tuple(TITLES)
BLOCK = 16
MIDDLE = 128.0  # the grey level that is zero
LEVELS = 32.0  # grey levels of one unit
LATENT_GAIN = 4.0  # so that untrained latents are a few steps large
LEAST_ERROR = 0.25  # in levels: the mean error that counts as none


class Autoencoder(Module):
    """An analysis, a synthesis, and the prior of the latents between them."""

    def __init__(
        self, analysis: Module, synthesis: Module, channels: int, *, stride: int = 8
    ) -> None:
        super().__init__()
        self.analysis, self.synthesis = analysis, synthesis
        self.prior = FactorizedPrior(channels)
        self.channels, self.stride = channels, stride

    def latents_shape(self, height: int, width: int) -> tuple[int, int, int, int]:
        return 1, self.channels, height // self.stride, width // self.stride

    def latents(self, x: torch.Tensor) -> torch.Tensor:
        return LATENT_GAIN * self.analysis(x)

    def reconstruction(self, latents: torch.Tensor) -> torch.Tensor:
        return self.synthesis(latents / LATENT_GAIN)

    def bits(self, x: torch.Tensor) -> torch.Tensor:
        """Return bits a pixel: of the latents, and of the difference if it were Laplacian."""
        latents = self.latents(x)
        error = LEVELS * (x - self.reconstruction(rounded(latents))).abs().mean(dim=(1, 2, 3))
        difference = torch.log2(2 * math.e * (error + LEAST_ERROR)).mean()
        return self.prior.bits(latents) / x.numel() + difference


class Dense(Module):
    """Fully connected layers on each block of 16 x 16 pixels by itself."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.layers = Sequential(Linear(inputs, hidden), ReLU(), Linear(hidden, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x.movedim(1, -1)).movedim(-1, 1)


class ToBlocks(Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return pixel_unshuffle(x, BLOCK)


class FromBlocks(Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return pixel_shuffle(x, BLOCK)


class Residual(Module):
    """Two convolutions whose result is added to what they were given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Conv2d(channels, channels, 3, padding=1)
        self.second = Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(relu(self.first(x)))


def dense() -> Autoencoder:
    pixels, hidden, latents = BLOCK**2, 512, 64
    analysis = Sequential(ToBlocks(), Dense(pixels, hidden, latents))
    synthesis = Sequential(Dense(latents, hidden, pixels), FromBlocks())
    return Autoencoder(analysis, synthesis, latents, stride=BLOCK)


def cnn_1(inner: int = 32, latents: int = 24) -> Autoencoder:
    """Return two strided convolutions, and two transposed ones."""
    analysis = Sequential(
        Conv2d(1, inner, 8, stride=4, padding=2),
        ReLU(),
        Conv2d(inner, latents, 4, stride=2, padding=1),
    )
    synthesis = Sequential(
        ConvTranspose2d(latents, inner, 4, stride=2, padding=1),
        ReLU(),
        ConvTranspose2d(inner, 1, 8, stride=4, padding=2),
    )
    return Autoencoder(analysis, synthesis, latents)


def cnn_2(inner: int = 32, latents: int = 24) -> Autoencoder:
    """Return a deeper and wider one, with residual blocks between the strides."""
    outer = 2 * inner
    analysis = Sequential(
        Conv2d(1, inner, 8, stride=4, padding=2),
        Residual(inner),
        Conv2d(inner, outer, 4, stride=2, padding=1),
        Residual(outer),
        Conv2d(outer, latents, 1),
    )
    synthesis = Sequential(
        Conv2d(latents, outer, 1),
        Residual(outer),
        ConvTranspose2d(outer, inner, 4, stride=2, padding=1),
        Residual(inner),
        ConvTranspose2d(inner, 1, 8, stride=4, padding=2),
    )
    return Autoencoder(analysis, synthesis, latents)


BUILD = {"dense": dense, "cnn-1": cnn_1, "cnn-2": cnn_2, "two-stage": cnn_1}


def build(name: str, seed: int = 0) -> Autoencoder:
    """Return a network with random weights; of two stages, the second one."""
    torch.manual_seed(seed)
    return BUILD[name]()


def load_stages(name: str, work: Path) -> list[tuple[Autoencoder, int]]:
    """Return the trained networks of a scheme, each with the number of its steps."""
    stages = []
    for part in ("cnn-1", "two-stage") if name == "two-stage" else (name,):
        net = build(part)
        steps = load_weights(net, work / f"{part}.pt")
        stages.append((net.eval().requires_grad_(requires_grad=False), steps))
    return stages
