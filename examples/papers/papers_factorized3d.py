"""bmshj2018-factorized in three dimensions, small, and the files that it makes of stacks."""

import struct
from pathlib import Path

import numpy as np
import torch
from papers_prior import FactorizedPrior, coded, decoded, rounded
from papers_stacks import range_of
from papers_training import load_weights
from torch.nn import Conv3d, ConvTranspose3d, Module, Parameter, Sequential
from torch.nn import functional as f

INNER = 32
LATENTS = 48
STRIDE = (2, 8, 8)  # voxels of a latent
GAIN = 8.0  # of voxels of 0 to 1, and of latents
LEAST = 1e-6
HEADER = struct.Struct("<HHHHHB")  # slices, height, width, lowest level, range, bytes a voxel


class Gdn(Module):
    """Divides by a root of weighted squares of all channels, or multiplies by it."""

    def __init__(self, channels: int, *, is_inverse: bool = False) -> None:
        super().__init__()
        self.is_inverse = is_inverse
        self.beta = Parameter(torch.ones(channels))
        self.gamma = Parameter(0.3 * torch.eye(channels) + 0.01)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Squares keep both positive.
        weights = (self.gamma**2)[..., None, None, None]
        norm = f.conv3d(x**2, weights, self.beta**2 + LEAST)
        return x * (norm.sqrt() if self.is_inverse else norm.rsqrt())


class Factorized3d(Module):
    """Two convolutions down and two up: half as many slices, an eighth of the other sides."""

    def __init__(self, inner: int = INNER, latents: int = LATENTS) -> None:
        super().__init__()
        wide = {"kernel_size": (3, 8, 8), "stride": (1, 4, 4), "padding": (1, 2, 2)}
        deep = {"kernel_size": 4, "stride": 2, "padding": 1}
        self.analysis = Sequential(
            Conv3d(1, inner, **wide),
            Gdn(inner),
            Conv3d(inner, latents, **deep),
        )
        self.synthesis = Sequential(
            ConvTranspose3d(latents, inner, **deep),
            Gdn(inner, is_inverse=True),
            ConvTranspose3d(inner, 1, **wide),
        )
        self.prior = FactorizedPrior(latents)

    def latents(self, x: torch.Tensor) -> torch.Tensor:
        """Return latents of voxels (N, 1, n, H, W) of 0 to 1, sides multiples of `STRIDE`."""
        return GAIN * self.analysis(GAIN * x - 1)

    def reconstruction(self, latents: torch.Tensor) -> torch.Tensor:
        return (self.synthesis(latents / GAIN) + 1) / GAIN

    def loss(self, x: torch.Tensor, lmbda: float) -> torch.Tensor:
        """Return lambda times the squared error, in grey levels of 8 bits, and bits a voxel."""
        latents = self.latents(x)
        error = f.mse_loss(self.reconstruction(rounded(latents)), x)
        return lmbda * 255**2 * error + self.prior.bits(latents) / x.numel()


def weights_path(work: Path, lmbda: float) -> Path:
    return work / f"factorized-3d-{lmbda:g}.pt"


class StackCoder:
    """Codes whole stacks by the trained network of one lambda."""

    def __init__(self, work: Path, lmbda: float) -> None:
        self.net = Factorized3d()
        self.steps = load_weights(self.net, weights_path(work, lmbda))
        self.tables = self.net.prior.tables()

    @torch.no_grad()
    def encode(self, voxels: np.ndarray) -> bytes:
        """Return the file of a stack (n, H, W): what it is, and the stream of its latents."""
        low, high = range_of(voxels)
        scaled = (voxels.astype(np.float32) - low) / max(1, high - low)
        below = [-side % stride for side, stride in zip(voxels.shape, STRIDE, strict=True)]
        padded = np.pad(scaled, [(0, count) for count in below], mode="edge")
        latents = self.net.latents(torch.from_numpy(padded)[None, None]).round()
        header = HEADER.pack(*voxels.shape, low, high - low, voxels.itemsize)
        return header + coded(latents, self.tables)

    @torch.no_grad()
    def decode(self, stored: bytes) -> np.ndarray:
        """Return the stack of a file."""
        *shape, low, span, itemsize = HEADER.unpack_from(stored)
        inner = [-(-side // stride) for side, stride in zip(shape, STRIDE, strict=True)]
        latents = decoded(stored[HEADER.size :], (1, LATENTS, *inner), self.tables)
        scaled = self.net.reconstruction(latents)[0, 0].clamp(0, 1).numpy()
        levels = (low + span * scaled.astype(np.float64)).round()
        return levels[tuple(map(slice, shape))].astype(f"u{itemsize}")
