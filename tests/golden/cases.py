"""What is frozen for weights of three channels, and for those of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import DTypeLike, NDArray

from numcodecs_neural.format import Mode

__all__ = ["ArrayCase", "Case", "array_case", "chunk_cases", "crop"]

Image = NDArray[Any]

COLOUR = np.array([240, 230, 235], np.uint8)[:, None, None]
LUMINANCE = np.array([5, 9, 2])  # of red, green and blue, in sixteenths


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A chunk to freeze, and the mode that it stands for.

    What is encoded in generation 2 is the decoded image of generation 1.
    """

    image: Image
    mode: Mode = Mode.LOSSY
    quality: int = 60
    channel_axis: int | None = None
    value_range: tuple[int, int] | None = None
    generation: int = 1
    tune: str = "psnr"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayCase:
    """A Zarr array to freeze: of 100 x 120 pixels, of which one chunk of 64 x 64 is left out."""

    image: Image
    fill_value: int
    value_range: tuple[int, int] | None = None


def chunk_cases(channels: int, *, is_tuned: bool = False) -> dict[str, Case]:
    """Return all chunks by name; those of a tuning only for weights that can be tuned."""
    cases = _rgb_cases() if channels == 3 else _grey_cases()
    if is_tuned:
        region = crop(230, 300, 80, 80) if channels == 3 else crop(230, 300, 80, 80)[1]
        cases |= {f"slices-{name}": case for name, case in _slices(channels).items()}
        cases |= {tune: Case(image=region, tune=tune) for tune in ("ssim", "ms-ssim")}
    return cases


def array_case(channels: int) -> ArrayCase:
    """Return the array."""
    image = crop(110, 200, 100, 120) if channels == 3 else deep(110, 200, 100, 120)
    fill_value = 255 if channels == 3 else 0
    image[..., :64, 64:] = fill_value
    value_range = None if channels == 3 else (0, 4095)
    return ArrayCase(image=image, fill_value=fill_value, value_range=value_range)


def crop(y: int, x: int, height: int, width: int) -> Image:
    """Return a region of stained colon as (c, y, x)."""
    pixels: Image = skimage.data.immunohistochemistry()
    return np.ascontiguousarray(pixels[y : y + height, x : x + width].transpose(2, 0, 1))


def cell(y: int, x: int, height: int, width: int) -> Image:
    """Return a region of the phase image of a cell as (y, x)."""
    pixels: Image = skimage.data.cell()
    return np.ascontiguousarray(pixels[y : y + height, x : x + width])


def deep(y: int, x: int, height: int, width: int, dtype: DTypeLike = np.uint16) -> Image:
    """Return the luminance of a region of stained colon, which takes 12 bits, as (y, x)."""
    region: Image = np.tensordot(LUMINANCE, crop(y, x, height, width).astype(np.int64), 1)
    return region.astype(dtype)


def framed(image: Image, height: int, width: int, value: int) -> Image:
    """Return `image` with a margin at the right and the bottom."""
    frame = np.full((*image.shape[:-2], height, width), value, image.dtype)
    frame[..., : image.shape[-2], : image.shape[-1]] = image
    return frame


def _rgb_cases() -> dict[str, Case]:
    slopes = np.arange(1, 4, dtype=np.uint8)[:, None, None]
    ramp = slopes * np.indices((48, 80)).sum(0).astype(np.uint8)
    noise = np.random.default_rng(1).integers(0, 256, (3, 48, 64), dtype=np.uint8)
    square = np.broadcast_to(COLOUR, (3, 64, 64))
    last = np.ascontiguousarray
    return {
        "constant": Case(image=square, mode=Mode.CONSTANT),
        "constant-margin": Case(image=framed(square[:, :40, :30], 64, 64, 255), mode=Mode.CONSTANT),
        "stored": Case(image=ramp, mode=Mode.STORED),
        "stored-channel-last-margin": Case(
            image=last(framed(ramp, 64, 96, 7).transpose(1, 2, 0)),
            mode=Mode.STORED,
            channel_axis=-1,
        ),
        "quality-0": Case(image=crop(0, 0, 96, 96), quality=0),
        "quality-30": Case(image=crop(100, 40, 80, 80), quality=30),
        "quality-60": Case(image=crop(230, 300, 80, 80)),
        "quality-90": Case(image=crop(400, 120, 64, 80), quality=90),
        "quality-100": Case(image=crop(60, 380, 64, 64), quality=100),
        "second-generation": Case(image=crop(230, 300, 80, 80), quality=50, generation=2),
        "margin-white": Case(image=framed(crop(30, 30, 70, 67), 128, 128, 255)),
        "margin-black": Case(image=framed(crop(5, 9, 64, 77), 64, 160, 0)),
        "odd-size": Case(image=crop(301, 203, 77, 101), quality=45),
        "three-rows": Case(image=crop(250, 250, 3, 90), quality=20),
        "channel-last": Case(image=last(crop(330, 10, 80, 64).transpose(1, 2, 0)), channel_axis=-1),
        "fortran-order": Case(image=np.asfortranarray(crop(20, 420, 64, 80))),
        "batch-of-two": Case(image=np.stack([crop(440, 400, 64, 48), crop(150, 450, 64, 48)])),
        "depths-of-two": Case(
            image=np.stack([crop(440, 400, 64, 48), crop(150, 450, 64, 48)], 1), channel_axis=-4
        ),
        "noise": Case(image=noise, quality=75),
    }


def _slices(channels: int) -> dict[str, Case]:
    """Return images that look alike, as the slices of a volume do: for context models alone."""
    if channels == 3:
        film = np.stack([crop(230 + y, 300, 48, 64) for y in range(3)])
        return {"film": Case(image=film)}
    depths = (0, 1, 2, 3, 4, 5, 40)  # the last one is unlike the others
    volume = np.stack([deep(100 + y, 40, 64, 48) for y in depths])
    return {
        "uint8": Case(image=(volume[:6] >> 4).astype(np.uint8), quality=70),
        "uint16-margin": Case(image=framed(volume[:, :50, :33], 64, 48, 0), quality=40),
        "second-generation": Case(
            image=(volume[1:6] >> 4).astype(np.uint8), quality=50, generation=2
        ),
        "two": Case(image=volume[2:4]),
    }


def _grey_cases() -> dict[str, Case]:
    y, x = np.indices((48, 80))
    ramp = (7 * x + 50 * (y // 16) - 300).astype(np.int16)
    noise = np.random.default_rng(1).integers(-(2**15), 2**15, (48, 64), dtype=np.int16)
    batch = np.stack([deep(440, 400, 64, 48), deep(150, 450, 64, 48) // 16])
    narrow = deep(230, 300, 80, 80) // 20 + 3000
    return {
        "constant": Case(image=np.full((64, 64), 40_000, np.uint16), mode=Mode.CONSTANT),
        "constant-margin": Case(
            image=framed(np.full((40, 30), -1000, np.int16), 64, 64, 0), mode=Mode.CONSTANT
        ),
        "stored": Case(image=ramp, mode=Mode.STORED, quality=100),
        "stored-big-endian-margin": Case(
            image=framed(ramp + 300, 64, 96, 7).astype(">u2"), mode=Mode.STORED, quality=100
        ),
        "uint8-quality-0": Case(image=cell(200, 180, 96, 96), quality=0),
        "uint8-quality-30": Case(image=cell(330, 300, 80, 80), quality=30),
        "uint8-quality-60": Case(image=crop(230, 300, 80, 80)[1]),
        "uint8-quality-90": Case(image=cell(250, 180, 64, 80), quality=90),
        "uint8-quality-100": Case(image=crop(60, 380, 64, 64)[0], quality=100),
        "uint8-second-generation": Case(image=crop(230, 300, 112, 112)[1], generation=2),
        "uint16-quality-20": Case(image=deep(400, 120, 80, 96), quality=20),
        "uint16-quality-60": Case(image=deep(0, 0, 80, 80)),
        "uint16-quality-100": Case(image=deep(100, 40, 64, 64), quality=100),
        "uint16-narrow": Case(image=narrow),
        "uint16-narrow-value-range": Case(image=narrow, value_range=(0, 4095)),
        "uint16-all-16-bits": Case(image=16 * deep(330, 10, 80, 64), quality=70),
        "uint16-big-endian": Case(image=deep(20, 420, 64, 80).astype(">u2")),
        "uint16-margin": Case(image=framed(deep(30, 30, 70, 67), 128, 128, 0)),
        "uint16-odd-size": Case(image=deep(301, 203, 77, 101), quality=45),
        "uint16-fortran-order": Case(image=np.asfortranarray(deep(20, 420, 64, 80))),
        "uint16-batch-of-two": Case(image=batch),
        "uint16-one-row": Case(image=deep(250, 250, 1, 90), quality=20),
        "int16-below-0": Case(image=deep(5, 9, 64, 77, np.int16) - 2000),
        "int16-value-range": Case(
            image=deep(150, 220, 64, 64, np.int16) // 4 - 1024, value_range=(-1024, 3071)
        ),
        "int16-noise": Case(image=noise, quality=75),
    }
