"""Mode ``lossy``: pixels through the networks to one symbol stream, and back (SPEC.md, section 6).

Images are coded in batches of equal size, since a device is busy only with many at once; each
stream is what it would be alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy import SKIP, SymbolDecoder, encode_symbols
from numcodecs_neural.networks.description import Network
from numcodecs_neural.networks.latents import (
    dequantize,
    in_steps,
    latents_of,
    look_decoded,
    symbols_of,
)
from numcodecs_neural.networks.models import DecoderModel, EncoderModel

__all__ = ["Backend", "decode_streams", "encode_streams", "symbols_and_indexes"]

PIXEL_CENTRE = 128
_Tensors = dict[str, NDArray[Any]]


class Backend(Protocol):
    """Where networks run; tensors are (N, h, w, channels)."""

    def run(
        self, network: Network, tensors: Mapping[str, NDArray[Any]], quality: int
    ) -> dict[str, NDArray[Any]]:
        """Return the tensors given, and every layer's result by name."""
        ...

    def run_to_pixels(
        self, network: Network, tensors: Mapping[str, NDArray[Any]], quality: int
    ) -> NDArray[np.uint8]:
        """Return (N, C, H, W) uint8."""
        ...


def encode_streams(
    images: NDArray[np.uint8],
    streams: int,
    quality: int,
    *,
    decoder: DecoderModel,
    encoder: EncoderModel,
    backend: Backend,
) -> list[bytes]:
    """Encode images of one size, an equal number of them in each stream.

    Parameters
    ----------
    images : ndarray of uint8, shape (streams * n, C, H, W)
    streams : int
    quality : int
    """
    parts = symbols_and_indexes(images, quality, decoder=decoder, encoder=encoder, backend=backend)
    split = [
        (np.array_split(symbols, streams), np.array_split(indexes, streams))
        for symbols, indexes in parts
    ]
    return [
        encode_symbols([(s[k].ravel(), i[k].ravel(), decoder.tables) for s, i in split])
        for k in range(streams)
    ]


def symbols_and_indexes(
    images: NDArray[np.uint8],
    quality: int,
    *,
    decoder: DecoderModel,
    encoder: EncoderModel,
    backend: Backend,
) -> list[tuple[NDArray[np.int32], NDArray[np.uint8]]]:
    """What is entropy-coded: hyper-latents, then each group; arrays (N, h, w, channels)."""
    x = _padded(images, decoder.stride).transpose(0, 2, 3, 1).astype(np.float32) - PIXEL_CENTRE
    latents = backend.run(encoder.networks["analysis"], {"x": x}, quality)["y"]
    y = in_steps(encoder, latents, quality)
    z = _hyper_latents(y, quality, decoder, encoder, backend)

    coder = _Groups(decoder, backend, quality, (y.shape[1], y.shape[2]))
    parts = [(z - decoder.hyper_mean[quality], coder.hyper_indexes(z.shape))]
    coder.begin(z)
    nearest = np.zeros((len(y), 1, 1, 1), bool)
    for number, channels in enumerate(decoder.group_slices, 1):
        mean, indexes = coder.parameters(number)
        if number == 1:
            nearest = look_decoded(y[..., channels], mean)
        symbols = symbols_of(encoder, y[..., channels], mean, indexes, nearest)
        coder.add(number, latents_of(symbols, mean))
        parts.append((symbols, indexes))
    return parts


def decode_streams(
    streams: Sequence[bytes],
    shape: tuple[int, int, int],
    quality: int,
    *,
    decoder: DecoderModel,
    backend: Backend,
) -> NDArray[np.uint8]:
    """Decode streams of one shape; the inverse of `encode_streams` as far as there is one.

    Parameters
    ----------
    streams : sequence of bytes
    shape : (n, H, W)
        Images per stream, and their size in pixels.
    quality : int

    Returns
    -------
    ndarray of uint8, shape (len(streams) * n, C, H, W)

    Raises
    ------
    BitstreamError
        If a stream is damaged.
    """
    images, height, width = shape
    h, w = -(-height // decoder.stride), -(-width // decoder.stride)
    readers = [SymbolDecoder(stream) for stream in streams]
    coder = _Groups(decoder, backend, quality, (h, w))
    n = images * len(streams)
    around = decoder.hyper_stride
    indexes = coder.hyper_indexes((n, -(-h // around), -(-w // around)))
    z = _read(readers, indexes, decoder) + decoder.hyper_mean[quality]
    coder.begin(np.clip(z, -decoder.hyper_limit, decoder.hyper_limit))
    for number in range(1, len(decoder.groups) + 1):
        mean, indexes = coder.parameters(number)
        coder.add(number, latents_of(_read(readers, indexes, decoder), mean))
    for reader in readers:
        reader.finish()
    pixels = backend.run_to_pixels(decoder.networks["synthesis"], coder.dequantized, quality)
    return pixels[:, :, :height, :width]


class _Groups:
    """The walk over hyper-latents and channel groups that encoder and decoder share.

    The sequence is ``begin``, then for each group ``parameters`` and ``add``.
    """

    def __init__(
        self, decoder: DecoderModel, backend: Backend, quality: int, size: tuple[int, int]
    ) -> None:
        self._decoder, self._backend, self._quality, self._size = decoder, backend, quality, size
        self._tensors: _Tensors = {}
        self.dequantized: _Tensors = {}

    def hyper_indexes(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Table indexes of the hyper-latents: (N, hz, wz, hyper) for a shape that begins so."""
        row = self._decoder.hyper_index[self._quality]
        return np.ascontiguousarray(np.broadcast_to(row, (*shape[:3], len(row))))

    def begin(self, z: NDArray[np.int32]) -> None:
        """Take the hyper-latents (N, hz, wz, hyper)."""
        tensors = {"z": z.astype(np.float32)}
        out = self._backend.run(self._decoder.networks["features"], tensors, self._quality)
        h, w = self._size
        self._tensors = {"f": np.ascontiguousarray(out["f"][:, :h, :w])}

    def parameters(self, number: int) -> tuple[NDArray[np.int32] | int, NDArray[np.uint8]]:
        """Means in sixteenths of a step, and table indexes, of group `number`: (N, h, w, g)."""
        network = self._decoder.networks[f"group{number}"]
        self._tensors = self._backend.run(network, self._tensors, self._quality)
        indexes = self._tensors[f"index{number}"].astype(np.uint8)
        indexes[indexes < self._decoder.skip_below] = SKIP
        if not self._decoder.has_mean[number - 1]:
            return 0, indexes
        return self._tensors[f"mean{number}"].astype(np.int32), indexes

    def add(self, number: int, y: NDArray[np.int32]) -> None:
        """Take the decoded latents of group `number`: (N, h, w, g) in sixteenths of a step."""
        channels = self._decoder.group_slices[number - 1]
        self._tensors[f"y{number}"] = y.astype(np.float32)
        self.dequantized[f"d{number}"] = dequantize(self._decoder, y, channels, self._quality)


def _hyper_latents(
    y: NDArray[np.int32],
    quality: int,
    decoder: DecoderModel,
    encoder: EncoderModel,
    backend: Backend,
) -> NDArray[np.int32]:
    h, w = y.shape[1:3]
    around = decoder.hyper_stride
    padded = np.pad(y, ((0, 0), (0, -h % around), (0, -w % around), (0, 0)), mode="edge")
    network = encoder.networks["hyper_analysis"]
    return backend.run(network, {"y": padded.astype(np.float32)}, quality)["z"].astype(np.int32)


def _read(
    readers: Sequence[SymbolDecoder], indexes: NDArray[np.uint8], decoder: DecoderModel
) -> NDArray[np.int32]:
    """The next part of every stream: int32 of the shape of `indexes`."""
    shares = np.array_split(indexes, len(readers))
    parts = [
        reader.decode(share.ravel(), decoder.tables)
        for reader, share in zip(readers, shares, strict=True)
    ]
    symbols = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return symbols.reshape(indexes.shape)


def _padded(images: NDArray[np.uint8], stride: int) -> NDArray[np.uint8]:
    """Images extended to multiples of the stride by repeating their last row and column."""
    height, width = images.shape[2:]
    if height % stride == 0 and width % stride == 0:
        return images
    return np.pad(
        images, ((0, 0), (0, 0), (0, -height % stride), (0, -width % stride)), mode="edge"
    )
