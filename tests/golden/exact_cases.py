"""What is frozen of the exact mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.exact.dec_colours import jpeg_to_rgb, luma_to_rgb
from tests.golden.cases import crop, deep, framed

__all__ = ["ExactCase", "exact_cases"]

Image = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class ExactCase:
    """A chunk to freeze: its samples, where channels lie, and by how much they may differ."""

    image: Image
    channel_axis: int | None = None
    max_error: int = 0


def exact_cases() -> dict[str, ExactCase]:
    """Return all chunks by name."""
    grey, twelve = crop(60, 40, 40, 50)[1], deep(60, 40, 40, 50)
    tall = np.concatenate([deep(3, 0, 257, 3), deep(3, 100, 257, 3)])
    four = np.stack([*crop(200, 100, 24, 30), crop(200, 130, 24, 30)[0]], -1)
    return {
        "rgb": ExactCase(image=crop(100, 40, 36, 44), channel_axis=-3),
        "rgb-error-2": ExactCase(image=crop(100, 40, 36, 44), channel_axis=-3, max_error=2),
        "rgb-margin": ExactCase(image=framed(crop(9, 9, 27, 31), 40, 48, 255), channel_axis=-3),
        "rgb-luma": ExactCase(image=luma_to_rgb(luma(), 255).astype(np.uint8), channel_axis=-3),
        "rgb-luma-every-16th": ExactCase(
            image=(luma_to_rgb(luma(), 255) * 16 + 9).astype(np.uint16), channel_axis=-3
        ),
        "rgb-of-jpeg": ExactCase(image=of_jpeg(), channel_axis=-3),
        "rgb-apart": ExactCase(image=apart(), channel_axis=-3),
        "grey": ExactCase(image=grey),
        "grey-error-1": ExactCase(image=grey, max_error=1),
        "grey-error-20": ExactCase(image=grey, max_error=20),
        "four-channels-last": ExactCase(image=four, channel_axis=-1),
        "uint16": ExactCase(image=twelve),
        "uint16-error-9": ExactCase(image=twelve, max_error=9),
        "uint16-big-endian": ExactCase(image=twelve.astype(">u2")),
        "uint16-fortran-order": ExactCase(image=np.asfortranarray(twelve)),
        "uint16-every-16th": ExactCase(image=twelve // 16 * 16 + 5),
        "uint16-every-16th-error-40": ExactCase(image=twelve // 16 * 16 + 5, max_error=40),
        "uint16-listed": ExactCase(image=listed()[twelve >> 6]),
        "int16-below-0": ExactCase(image=twelve.astype(np.int16) - 1000),
        "batch-of-two": ExactCase(image=np.stack([grey[:20], grey[20:]])),
        "volume": ExactCase(image=volume()),
        "rgb-film": ExactCase(image=film(), channel_axis=-3),
        "two-blocks": ExactCase(image=tall),
        "one-row": ExactCase(image=deep(60, 0, 1, 500)),
        "one-column": ExactCase(image=deep(5, 60, 500, 1)),
        "one-outlier": ExactCase(image=outlier()),
        "noise": ExactCase(image=noise()),
        "gaps": ExactCase(image=gapped(11)),
        "gaps-and-none": ExactCase(
            image=np.stack([gapped(12), gapped(13, every=1)]), channel_axis=-3
        ),
    }


def luma() -> NDArray[np.uint16]:
    """Return two images that are bright and dark by chance, and of smooth colours."""
    y, x = np.indices((26, 31))
    noise = np.random.default_rng(9).normal(0, 30, (2, 26, 31))
    bright = np.clip(130 + noise, 0, 255)
    orange, green = 255 + 60 * np.sin(x / 9), 255 + 50 * np.cos((x + y) / 9)
    images = [np.stack([orange, one, green]) for one in bright]
    found: NDArray[np.uint16] = np.rint(images).astype(np.uint16)
    return found


def of_jpeg() -> NDArray[np.uint8]:
    """Return the same as JPEG decoders make it, with some samples at the limits of 8 bits."""
    orange, bright, green = luma().transpose(1, 0, 2, 3)
    return jpeg_to_rgb(np.stack([orange // 2, bright, green // 2], 1))


def apart() -> NDArray[np.uint8]:
    """Return three channels that tell nothing of each other: blue is by far the noisiest."""
    y, x = np.indices((40, 47))
    noise = np.random.default_rng(10).normal(0, 1, (3, 40, 47))
    smooth = np.stack([90 + x + noise[0], 190 - x - y + noise[1], 120 + y + 30 * noise[2]])
    channels: NDArray[np.uint8] = np.clip(np.rint(smooth), 0, 255).astype(np.uint8)
    return channels


def listed() -> NDArray[np.uint16]:
    """Return 64 samples that lie unevenly."""
    return np.cumsum(np.arange(64) % 7 * 90 + 13).astype(np.uint16)


def outlier() -> NDArray[np.int16]:
    """Return a smooth image with one sample far from all others."""
    y, x = np.indices((24, 70))
    image = (x * x // 9 + 3 * y + np.random.default_rng(4).integers(0, 2, y.shape)).astype(np.int16)
    image[11, 30] = -32768
    return image


def volume() -> NDArray[np.uint16]:
    """Return four slices of noise that changes little from each to the next."""
    generator = np.random.default_rng(6)
    steps = np.concatenate(
        [generator.normal(0, 300, (1, 22, 27)), generator.normal(0, 40, (3, 22, 27))]
    )
    slices: NDArray[np.uint16] = np.rint(2000 + steps.cumsum(0)).astype(np.uint16)
    return slices


def film() -> NDArray[np.uint8]:
    """Return two images in colour, of which the second is nearly the first."""
    first = crop(100, 140, 26, 31)
    change = np.random.default_rng(7).integers(-2, 3, first.shape)
    return np.stack([first, np.clip(first + change, 0, 255).astype(np.uint8)])


def noise() -> NDArray[np.uint16]:
    """Return noise of a wide range, in which no sample tells of another."""
    generator = np.random.default_rng(8)
    return np.clip(generator.normal(30000, 2500, (30, 40)), 0, 65535).astype(np.uint16)


def gapped(seed: int, every: int = 2) -> NDArray[np.uint8]:
    """Return an image of which every second level occurs: odd ones here, even ones there."""
    y, x = np.indices((66, 64))
    noise = np.random.default_rng(seed).normal(0, 6, y.shape)
    smooth = 90 + 28 * np.sin(x / 11) + 18 * np.cos(y / 7) + noise
    values = every * np.rint(smooth / every) + (x + y) // 12 % every
    levels: NDArray[np.uint8] = values.astype(np.uint8)
    return levels
