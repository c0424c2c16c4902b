"""Files without loss: latents of an autoencoder, and a PNG of what its reconstruction misses."""

import struct
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
import torch
from papers_autoencoders import LEVELS, MIDDLE, TITLES, load_stages
from papers_prior import coded, decoded

from numcodecs_neural.measure import metrics

PNG_LEVEL = 9
LENGTH = struct.Struct("<H")  # bytes of a stream of latents, written before it
SIDES = struct.Struct("<HH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What one file is made of."""

    latents_bpp: float
    difference_bpp: float
    psnr: float


class Scheme:
    """An autoencoder, or two of which the second codes what the first one misses."""

    def __init__(self, name: str, work: Path) -> None:
        self.title = TITLES[name]
        trained = load_stages(name, work)
        self.steps = sum(steps for _, steps in trained)
        self.stages = [net for net, _ in trained]
        self.tables = [net.prior.tables() for net in self.stages]
        self.weights = sum(p.numel() for net in self.stages for p in net.parameters())

    def encode(self, image: np.ndarray) -> bytes:
        """Return the file of an image (H, W), uint8."""
        streams, reconstruction = self._lossy(image)
        framed = [LENGTH.pack(len(stream)) + stream for stream in streams]
        return b"".join([SIDES.pack(*image.shape), *framed, png(image - reconstruction)])

    def decode(self, stored: bytes) -> np.ndarray:
        """Return the image of a file."""
        sides = SIDES.unpack_from(stored)
        position, parts = SIDES.size, []
        for net, tables in zip(self.stages, self.tables, strict=True):
            (nbytes,) = LENGTH.unpack_from(stored, position)
            begin, position = position + LENGTH.size, position + LENGTH.size + nbytes
            latents = decoded(stored[begin:position], net.latents_shape(*sides), tables)
            parts.append(net.reconstruction(latents))
        return imagecodecs.png_decode(stored[position:]) + levels_of(parts)

    def parts(self, image: np.ndarray) -> Parts:
        """Return what the file of an image is made of."""
        streams, reconstruction = self._lossy(image)
        return Parts(
            latents_bpp=8 * sum(map(len, streams)) / image.size,
            difference_bpp=8 * len(png(image - reconstruction)) / image.size,
            psnr=metrics.psnr(image, reconstruction, 255),
        )

    def _lossy(self, image: np.ndarray) -> tuple[list[bytes], np.ndarray]:
        """Return a stream for each stage, and the rounded reconstruction."""
        left = (torch.from_numpy(image.astype(np.float32)) - MIDDLE)[None, None] / LEVELS
        streams, parts = [], []
        for net, tables in zip(self.stages, self.tables, strict=True):
            latents = net.latents(left).round()
            streams.append(coded(latents, tables))
            parts.append(net.reconstruction(latents))
            left = left - parts[-1]
        return streams, levels_of(parts)


def levels_of(parts: list[torch.Tensor]) -> np.ndarray:
    """Return the sum of what the stages made, as grey levels (H, W), uint8."""
    levels = (MIDDLE + LEVELS * sum(parts[1:], parts[0])).round().clamp(0, 255)
    return levels[0, 0].numpy().astype(np.uint8)


def png(image: np.ndarray) -> bytes:
    """Return the smallest PNG: with a filter for each row or none, and zlib for what is noisy."""
    rle, filters = imagecodecs.PNG.STRATEGY.RLE, imagecodecs.PNG.FILTER
    return min(
        (
            bytes(imagecodecs.png_encode(image, level=PNG_LEVEL, strategy=rle, filter=each))
            for each in (filters.NONE, filters.ALL)
        ),
        key=len,
    )
