"""Decoding of CZI sub-blocks: the compressions that ZEN writes, and the order of colours."""

import contextlib
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import UnsupportedJpegError

from ..jpeg.parsed import parse_jpeg
from .blocks import Block

__all__ = ["LOSSY", "decode_block"]

_RAW, _JPEG, _LZW, _JPEGXR, _ZSTD, _ZSTD_WITH_HEADER = 0, 1, 2, 4, 5, 6
# JPEG XR can be lossless too, and its bytes do not say so in an easy way.
LOSSY = {_JPEG: "jpeg", _JPEGXR: "jpegxr"}
_HIGH_BYTES_APART = 1


def decode_block(block: Block, data: bytes) -> NDArray[Any]:
    """Return the pixels of a block, (height, width, samples); of colours, RGB without alpha.

    Raises
    ------
    ValueError
        If there are too few or too many bytes, or JPEG data are damaged.
    RuntimeError
        If the compression is not known, the block is of another size, or it does not decode.
    """
    if block.compression in LOSSY and len(data) != block.nbytes:
        pixels = _image(block, data)
    elif block.samples == 1:
        pixels = _samples(block, data)
    else:
        pixels = _samples(block, data)[..., 2::-1]
    return np.ascontiguousarray(pixels[..., :3])


def _image(block: Block, data: bytes) -> NDArray[Any]:
    """Return what an image codec decodes: its colours are RGB, whatever the pixel type says."""
    is_jpeg = block.compression == _JPEG
    if is_jpeg:
        # Which decoders pass over, where it is damaged.
        with contextlib.suppress(UnsupportedJpegError):
            parse_jpeg(data)
    pixels = (imagecodecs.jpeg_decode if is_jpeg else imagecodecs.jpegxr_decode)(data)
    return _shaped(block, pixels)


def _samples(block: Block, data: bytes) -> NDArray[Any]:
    """Return what codecs of bytes decode; colours are blue, green, red."""
    if len(data) == block.nbytes or block.compression == _RAW:
        raw: bytes | bytearray = data
    elif block.compression == _LZW:
        raw = imagecodecs.lzw_decode(data, out=block.nbytes)
    elif block.compression == _ZSTD:
        raw = imagecodecs.zstd_decode(data, out=block.nbytes)
    elif block.compression == _ZSTD_WITH_HEADER:
        raw = _zstd_with_header(block, data)
    else:
        raise NotImplementedError(
            f"its compression, number {block.compression} of CZI, is not known here"
        )
    dtype = block.dtype.newbyteorder("<")
    return _shaped(block, np.frombuffer(raw, dtype)).astype(block.dtype, copy=False)


def _zstd_with_header(block: Block, data: bytes) -> bytes | bytearray:
    """Return bytes in front of which a header says whether low and high ones are apart."""
    size = data[0]
    raw = imagecodecs.zstd_decode(data[size:], out=block.nbytes)
    # The header is its own size, and then at most one option: its number, and a byte of flags.
    if size < 3 or data[1] != 1 or not data[2] & _HIGH_BYTES_APART:
        return raw
    halves = np.frombuffer(raw, np.uint8).reshape(2, -1)
    return np.ascontiguousarray(halves.T).tobytes()


def _shaped(block: Block, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return pixels in the shape of the block.

    ZEN rounds the size of reduced blocks up in the directory, and at times down in the pixels.
    """
    height, width = block.stored
    if pixels.size != height * width * block.samples and pixels.ndim >= 2:
        height, width = pixels.shape[:2]
    if abs(height - block.stored[0]) > 1 or abs(width - block.stored[1]) > 1:
        raise RuntimeError(
            f"it is to be of {block.stored[1]} x {block.stored[0]} pixels and is of "
            f"{width} x {height}"
        )
    return pixels.reshape(height, width, block.samples)
