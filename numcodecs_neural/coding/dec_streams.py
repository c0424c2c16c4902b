"""Payloads of the lossy mode through the networks to pixels (SPEC.md, section 6).

Images are decoded in batches of equal size, since a device is busy only with many at once.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.walk import Walk
from numcodecs_neural.entropy import SymbolDecoder
from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.networks.backends.protocol import Backend
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.description import Pixels

__all__ = ["decode_streams", "latents_of_streams"]


def decode_streams(
    streams: Sequence[bytes],
    shape: tuple[int, int, int],
    quality: int,
    *,
    decoder: DecoderModel,
    backend: Backend,
) -> Pixels:
    """Decode streams of one shape; the inverse of `enc_streams` as far as there is one.

    Parameters
    ----------
    streams : sequence of bytes
        Each begins with the byte that says whether all its symbols are coded.
    shape : (n, H, W)
        Images per stream, and their size in pixels.
    quality : int

    Returns
    -------
    ndarray of uint8 or uint16, shape (len(streams) * n, C, H, W)

    Raises
    ------
    BitstreamError
        If a stream is damaged.
    """
    _, height, width = shape
    walk = _walked(streams, shape, quality, decoder, backend)
    return walk.pixels()[:, :, :height, :width]


def latents_of_streams(
    streams: Sequence[bytes],
    shape: tuple[int, int, int],
    quality: int,
    *,
    decoder: DecoderModel,
    backend: Backend,
) -> NDArray[np.float32]:
    """Return the dequantised latents of streams, of which `decode_streams` makes pixels.

    Returns
    -------
    ndarray of float32, shape (len(streams) * n, latents, h, w)

    Raises
    ------
    BitstreamError
        If a stream is damaged.
    """
    return _walked(streams, shape, quality, decoder, backend).latents()


def _walked(
    streams: Sequence[bytes],
    shape: tuple[int, int, int],
    quality: int,
    decoder: DecoderModel,
    backend: Backend,
) -> Walk:
    """Return a walk that has taken all symbols of the streams."""
    images, height, width = shape
    h, w = -(-height // decoder.stride), -(-width // decoder.stride)
    codes_all = np.repeat([_codes_all(stream) for stream in streams], images)
    readers = [SymbolDecoder(stream[1:]) for stream in streams]
    walk = Walk(decoder, backend, quality, (h, w), codes_all)
    n = images * len(streams)
    around = decoder.hyper_stride
    indexes = walk.hyper_indexes((n, -(-h // around), -(-w // around)))
    z = _read(readers, indexes, decoder) + decoder.hyper_mean[quality]
    walk.begin(backend.to_device(np.clip(z, -decoder.hyper_limit, decoder.hyper_limit)))
    for step in decoder.passes:
        indexes = walk.indexes(step)
        walk.add(step, _read(readers, indexes, decoder, is_trellis=True))
    for reader in readers:
        reader.finish()
    return walk


def _codes_all(stream: bytes) -> bool:
    if stream[:1] not in (b"\0", b"\1"):
        raise BitstreamError(f"lossy section begins with {stream[:1]!r}; expected a byte of 0 or 1")
    return stream[0] == 1


def _read(
    readers: Sequence[SymbolDecoder],
    indexes: NDArray[np.uint8],
    decoder: DecoderModel,
    *,
    is_trellis: bool = False,
) -> NDArray[np.int32]:
    """The next part of every stream: int32 of the shape of `indexes`."""
    shares = np.array_split(indexes, len(readers))
    parts = [
        reader.decode(share.ravel(), decoder.tables, is_trellis=is_trellis)
        for reader, share in zip(readers, shares, strict=True)
    ]
    symbols = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return symbols.reshape(indexes.shape)
