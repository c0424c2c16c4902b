"""What is frozen of the JPEG mode, whatever codes its coefficients."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.jpeg import Colour
from numcodecs_neural.jpeg.mosaic import Mosaic
from tests.golden.cases import crop, framed

__all__ = ["JpegCase", "jpeg_cases"]

Image = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class JpegCase:
    """A chunk to freeze: what it is decoded from, and how it lies in an array."""

    mosaic: Mosaic
    chunk: Image
    channel_axis: int | None


def jpeg_cases() -> dict[str, JpegCase]:
    """Return all chunks by name."""
    two_by_two = tiles(crop(100, 40, 64, 96), 32, 48, quality=75, subsampling="420")
    odd = tiles(crop(301, 203, 37, 82), 37, 41, quality=60, subsampling="422")
    tall = tiles(crop(30, 30, 45, 40), 45, 40, quality=90, subsampling="440")
    wide = tiles(crop(5, 9, 24, 80), 24, 80, quality=85, subsampling="411")
    red = tiles(crop(230, 300, 40, 80), 40, 40, quality=30, subsampling="444", colorspace="RGB")
    grey = tiles(crop(230, 300, 50, 70)[1:2], 50, 70, quality=80)
    absent = some_absent(tiles(crop(400, 120, 48, 48), 16, 16, quality=50, subsampling="420"))
    return {
        "420-tiles": case(two_by_two),
        "422-odd-margin": case(odd, height=48, width=96),
        "440": case(tall),
        "411-channel-last": case(wide, channel_axis=-1),
        "444-rgb": case(dataclasses.replace(red, colour=Colour.RGB)),
        "grey": case(grey, channel_axis=None),
        "absent-tiles": case(absent),
        "offset": case(dataclasses.replace(two_by_two, offset=(16, 8))),
        "tables": case(with_tables(tall)),
        "one-colour": case(tiles(np.full((3, 16, 16), 243, np.uint8), 16, 16, quality=75)),
        "one-pixel": case(tiles(crop(5, 5, 1, 1), 1, 1, quality=100)),
        "noise": case(noise()),
    }


def case(
    mosaic: Mosaic, *, height: int = 0, width: int = 0, channel_axis: int | None = -3
) -> JpegCase:
    """Return the pixels of a mosaic from its offset on, with a white margin if it is smaller."""
    y, x = mosaic.offset
    pixels = np.ascontiguousarray(mosaic.pixels()[y:, x:].transpose(2, 0, 1))
    if height:
        pixels = framed(pixels, height, width, 255)
    if channel_axis is None:
        pixels = pixels[0]
    elif channel_axis == -1:
        pixels = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    return JpegCase(mosaic=mosaic, chunk=pixels, channel_axis=channel_axis)


def tiles(image: Image, height: int, width: int, *, quality: int, **options: Any) -> Mosaic:
    """Return the mosaic of an image, (c, y, x), cut into JPEG tiles."""
    pixels = image.transpose(1, 2, 0) if len(image) == 3 else image[0]
    rows, columns = range(0, pixels.shape[0], height), range(0, pixels.shape[1], width)
    return Mosaic.from_tiles(
        [
            [
                bytes(
                    imagecodecs.jpeg8_encode(
                        np.ascontiguousarray(pixels[y : y + height, x : x + width]),
                        quality,
                        **options,
                    )
                )
                for x in columns
            ]
            for y in rows
        ]
    )


def some_absent(mosaic: Mosaic) -> Mosaic:
    """Return a mosaic of three by three tiles with six of them, on a coloured ground."""
    present = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]], np.bool_)
    changed = dataclasses.replace(mosaic, present=present, fill=(240, 230, 235))
    for row, column in np.argwhere(~present):
        for blocks in changed.tile(row, column):
            blocks[:] = 0
    return changed


def with_tables(mosaic: Mosaic) -> Mosaic:
    """Return a mosaic with a table of bytes, one of words, and one that is repeated."""
    luma = tuple(range(2, 66))
    chroma = (3, *range(194, 257))
    # Their own steps are 1 to 20: what remains fits these.
    smaller = tuple((blocks / 16).astype(np.int16) for blocks in mosaic.coefficients)
    return dataclasses.replace(mosaic, steps=(luma, chroma, chroma), coefficients=smaller)


def noise() -> Mosaic:
    """Return a mosaic of coefficients that no image has."""
    mosaic = tiles(np.zeros((3, 40, 56), np.uint8), 40, 56, quality=100, subsampling="420")
    rng = np.random.default_rng(5)
    for blocks in mosaic.coefficients:
        blocks[:] = rng.integers(-40, 40, blocks.shape) * (rng.random(blocks.shape) < 0.2)
    return mosaic
