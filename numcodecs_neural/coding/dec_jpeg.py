"""Mode ``jpeg``: a chunk's payload to JPEG coefficients and these to pixels (SPEC.md, section 8).

The pixels are those of libjpeg-turbo, tile by tile.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.jpeg_section import unpack_section
from numcodecs_neural.coefficients.dec_adaptive import decode_adaptive
from numcodecs_neural.coefficients.dec_huffman import decode_huffman
from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.coefficients.network import dec_network
from numcodecs_neural.errors import BitstreamError, JpegError, UnsupportedVersionError
from numcodecs_neural.format import NO_WEIGHTS, Chunk
from numcodecs_neural.jpeg import Coefficients
from numcodecs_neural.jpeg.description import MAX_COEFFICIENT
from numcodecs_neural.jpeg.mosaic import Mosaic

__all__ = [
    "ADAPTIVE",
    "FREE_BLOCKS",
    "HUFFMAN",
    "JPEG_DECODERS",
    "NETWORK",
    "PIXELS_PER_BLOCK",
    "decode_jpeg",
    "decode_mosaic",
    "pixels_of",
]

_Decode = Callable[[bytes, Layout], Coefficients]

HUFFMAN = 0
"""Number of the coder that JPEG itself uses."""

ADAPTIVE = 1
"""Number of the coder whose tables begin alike in each chunk, and learn from it."""

NETWORK = 2
"""Number of the learned context model."""

FREE_BLOCKS, PIXELS_PER_BLOCK = 1 << 16, 8
"""A chunk has no more blocks than so many, and one for each so many pixels of the plane."""


def _without_weights(decode: _Decode) -> Callable[[bytes], _Decode]:
    """Return what gives `decode` where the header names no weights, and refuses others."""

    def decoder_of(weights_id: bytes) -> _Decode:
        if weights_id != NO_WEIGHTS:
            raise BitstreamError(f"chunk has weights {weights_id.hex()}; its coder has none")
        return decode

    return decoder_of


JPEG_DECODERS: Mapping[int, Callable[[bytes], _Decode]] = MappingProxyType(
    {
        HUFFMAN: _without_weights(decode_huffman),
        ADAPTIVE: _without_weights(decode_adaptive),
        NETWORK: dec_network.decoder_of,
    }
)
"""What decodes coefficients, by the number of the coder, given the weights id of the header."""


def decode_jpeg(chunk: Chunk, _: object) -> NDArray[Any]:
    """Return planes (1, C, H, W) of uint8.

    Raises
    ------
    BitstreamError
        If the chunk is damaged, is larger than one may be, or does not fit its header.
    WeightsError
        If its coder needs weights that are not installed.
    """
    try:
        return pixels_of(decode_mosaic(chunk), chunk.header.box)
    except JpegError as exc:
        raise BitstreamError(f"chunk has no pixels: {exc}") from exc


def pixels_of(mosaic: Mosaic, box: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the pixels of a mosaic's window, (1, C, H, W), or raise as `Mosaic.pixels` does."""
    (y, x), (height, width) = mosaic.offset, box
    return np.moveaxis(mosaic.pixels()[None, y : y + height, x : x + width], -1, 1)


def decode_mosaic(chunk: Chunk) -> Mosaic:
    """Return the mosaic that a chunk holds; raises what `decode_jpeg` does."""
    coder, blank, data = unpack_section(chunk.sections[0])
    _check_place(chunk, blank)
    _check_blocks(chunk, blank)
    if coder not in JPEG_DECODERS:
        raise UnsupportedVersionError(
            f"JPEG chunk has coder {coder}, which this release does not know; it knows "
            f"{', '.join(map(str, JPEG_DECODERS))}"
        )
    decode = JPEG_DECODERS[coder](chunk.header.weights_id)
    coefficients = decode(data, Layout.of(blank))
    _check_range(coefficients)
    return dataclasses.replace(blank, coefficients=coefficients)


def _check_place(chunk: Chunk, mosaic: Mosaic) -> None:
    """Raise unless the mosaic covers the header's box, and no row of tiles is outside the plane."""
    header = chunk.header
    images, channels, *box = header.planes_shape
    if (images, channels) != (1, len(mosaic.fill)) or header.dtype != np.uint8:
        raise BitstreamError(
            f"chunk has {images} images of {channels} channels of {header.dtype}; its JPEG tiles "
            f"are one image of {len(mosaic.fill)} channels of uint8"
        )
    tile = mosaic.frame.height, mosaic.frame.width
    for at, inside, plane, length, whole in zip(
        mosaic.offset, box, header.plane, tile, mosaic.shape, strict=True
    ):
        first_is_outside, last_is_outside = at >= length, whole - length >= at + plane
        if at + inside > whole or first_is_outside or last_is_outside:
            raise BitstreamError(
                f"chunk has a box of {header.box} in a plane of {header.plane}; its JPEG tiles of "
                f"{tile} cover {mosaic.shape} from {mosaic.offset} on"
            )


def _check_blocks(chunk: Chunk, mosaic: Mosaic) -> None:
    """Raise where blocks are many more than the plane can show.

    A tile may reach far beyond the plane, and a reader knows how large that is, and not the tile.
    """
    blocks = sum(math.prod(blocks.shape[:2]) for blocks in mosaic.coefficients)
    allowed = FREE_BLOCKS + math.prod(chunk.header.plane) // PIXELS_PER_BLOCK
    if blocks > allowed:
        raise BitstreamError(
            f"JPEG chunk has {blocks} blocks in a plane of {chunk.header.plane}; allowed are "
            f"{allowed}"
        )


def _check_range(coefficients: Coefficients) -> None:
    for blocks in coefficients:
        dc, ac = blocks[..., 0], blocks[..., 1:]
        if min(dc.min() + 1, ac.min()) < -MAX_COEFFICIENT or blocks.max() > MAX_COEFFICIENT:
            raise BitstreamError("JPEG chunk has a coefficient of more than 11 bits")
