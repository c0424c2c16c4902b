"""Mode ``jpeg`` of the encoder: the JPEG tiles behind a chunk, where they are offered."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from numcodecs_neural.coding.dec_jpeg import (
    ADAPTIVE,
    HUFFMAN,
    NETWORK,
    decode_mosaic,
    pixels_of,
)
from numcodecs_neural.coding.enc_task import EncodeTask, Payload
from numcodecs_neural.coding.jpeg_section import pack_section
from numcodecs_neural.coefficients.enc_adaptive import encode_adaptive
from numcodecs_neural.coefficients.enc_huffman import encode_huffman
from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.coefficients.network.enc_network import encode_network
from numcodecs_neural.errors import BitstreamError, ConfigError, JpegError
from numcodecs_neural.format import NO_WEIGHTS, Chunk, ChunkHeader, Mode
from numcodecs_neural.jpeg import Coefficients
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.weights.catalogue import coefficient_weights

__all__ = ["JPEG_ENCODERS", "Coded", "encode_jpeg"]


class Coded(NamedTuple):
    """Coefficients as a coder's bytes, and the weights that it used."""

    coder: int
    data: bytes
    weights_id: bytes = NO_WEIGHTS


def _huffman(coefficients: Coefficients, layout: Layout) -> Coded:
    return Coded(HUFFMAN, encode_huffman(coefficients, layout))


def _adaptive(coefficients: Coefficients, layout: Layout) -> Coded:
    return Coded(ADAPTIVE, encode_adaptive(coefficients, layout))


def _network(coefficients: Coefficients, layout: Layout) -> Coded | None:
    weights_id = coefficient_weights().id
    try:
        data = encode_network(coefficients, layout, weights_id)
    except BitstreamError:
        return None
    return Coded(NETWORK, data, weights_id)


JPEG_ENCODERS: tuple[Callable[[Coefficients, Layout], Coded | None], ...] = (
    _huffman,
    _adaptive,
    _network,
)
"""All coders of coefficients, by number; the smallest result is taken.

None: the coder has no place for such components.
"""


def encode_jpeg(task: EncodeTask, _: Payload | None) -> Payload | None:
    """Return the coefficients that are offered for a chunk, or None.

    None as well where they cannot be stored, or do not come back: the chunk is then coded as any
    other. What is returned has been decoded again, to the same coefficients and to the pixels of
    the chunk.
    """
    if task.mosaic is None:
        return None
    try:
        payload = _payload(task.mosaic)
        decoded = decode_mosaic(_chunk(task, payload))
        pixels = pixels_of(decoded, task.planes.shape[-2:])
    except (BitstreamError, ConfigError, JpegError):
        return None
    coefficients = zip(decoded.coefficients, task.mosaic.coefficients, strict=True)
    comes_back = np.array_equal(pixels, task.planes) and all(
        np.array_equal(found, expected) for found, expected in coefficients
    )
    return payload if comes_back else None


def _payload(mosaic: Mosaic) -> Payload:
    layout = Layout.of(mosaic)
    tried = (encode(mosaic.coefficients, layout) for encode in JPEG_ENCODERS)
    coded = min(filter(None, tried), key=lambda coded: len(coded.data))
    return Payload(
        mode=Mode.JPEG,
        sections=(pack_section(coded.coder, mosaic, coded.data),),
        fields={"weights_id": coded.weights_id},
        is_final=True,
    )


def _chunk(task: EncodeTask, payload: Payload) -> Chunk:
    """Return the chunk as its reader sees it, up to the order of its axes."""
    _, channels, *box = task.planes.shape
    header = ChunkHeader(
        mode=payload.mode,
        dtype=task.planes.dtype,
        shape=(channels, *task.plane),
        box=(box[0], box[1]),
        channel_axis=-3,
        **payload.fields,
    )
    return Chunk(header, payload.sections)
