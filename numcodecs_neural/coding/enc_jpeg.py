"""Mode ``jpeg`` of the encoder: the JPEG tiles behind a chunk, where they are offered."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
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


_Tried = Mapping[int, Coded]
_Encode = Callable[[Coefficients, Layout, _Tried], Coded | None]


def _huffman(coefficients: Coefficients, layout: Layout, _: _Tried) -> Coded:
    return Coded(HUFFMAN, encode_huffman(coefficients, layout))


def _network(coefficients: Coefficients, layout: Layout, _: _Tried) -> Coded | None:
    weights_id = coefficient_weights().id
    try:
        data = encode_network(coefficients, layout, weights_id)
    except BitstreamError:  # components or grids that it has no networks for
        return None
    return Coded(NETWORK, data, weights_id)


def _adaptive(coefficients: Coefficients, layout: Layout, tried: _Tried) -> Coded | None:
    """Code what the network does not know: quantised twice, nearly lossless, noisy."""
    network, huffman = tried.get(NETWORK), tried.get(HUFFMAN)
    if network is not None and huffman is not None:
        most = max(_KNOWN_SHARE * len(huffman.data), _LITTLE)
        if _LITTLE < len(network.data) <= most:
            return None
    return Coded(ADAPTIVE, encode_adaptive(coefficients, layout))


_KNOWN_SHARE = 0.75
"""Of Huffman's bytes, the network takes at most so many where the adaptive coder takes more."""
_LITTLE = 2000
"""So few bytes are coded by both: it takes no time, and there the adaptive coder may win."""

JPEG_ENCODERS: Mapping[int, _Encode] = MappingProxyType(
    {HUFFMAN: _huffman, NETWORK: _network, ADAPTIVE: _adaptive}
)
"""Coders of coefficients by number, in the order in which they are tried; the smallest is taken.

Each gets the results so far, by number, and returns None where it has none or would lose.
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
    tried: dict[int, Coded] = {}
    for encode in JPEG_ENCODERS.values():
        result = encode(mosaic.coefficients, layout, tried)
        if result is not None:
            tried[result.coder] = result
    coded = min(tried.values(), key=lambda coded: len(coded.data))
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
