"""The symbols of a lossy chunk: as the encoder of networks has them, or as a chunk holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_dct import (
    BLOCK,
    HEAD,
    LENGTH,
    PREDICTED,
    Cursor,
    DctModel,
)
from numcodecs_neural.coding.dec_lossy import Levels
from numcodecs_neural.coding.enc_exactly import to_planes
from numcodecs_neural.coding.enc_levels import to_pixels
from numcodecs_neural.coding.enc_streams import symbols_and_rows
from numcodecs_neural.dct.context.dec_context import decode, decode_all
from numcodecs_neural.dct.context.model import KIND
from numcodecs_neural.dct.context.order import natural, passes
from numcodecs_neural.dct.memory import Memory
from numcodecs_neural.entropy import SKIP
from numcodecs_neural.format import ChunkHeader, unpack_chunk
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.enc_model import EncoderModel
from numcodecs_neural.weights import WeightsInfo, load_decoder, load_encoder, resolve

__all__ = ["ContextWeights", "Part", "Weights", "digest", "weights_of"]


class Part(NamedTuple):
    """Symbols, the tables that code them, and what they stand for.

    `values` are halves of a step, or of hyper-latents the symbols themselves.
    """

    symbols: NDArray[np.int32]
    rows: NDArray[np.uint8]
    values: NDArray[np.int32]


class Weights:
    """Weights of networks, for both directions."""

    def __init__(self, info: WeightsInfo) -> None:
        self.info = info
        self.decoder = DecoderModel.from_file(load_decoder(info))
        self.encoder = EncoderModel.from_file(load_encoder(info), info.sha256)

    def values(self, image: NDArray[Any], chunk: bytes) -> list[NDArray[np.int32]]:
        """Return what the symbols of the chunk that `image` became stand for, part by part."""
        header, _ = unpack_chunk(chunk)
        return [part.values for part in self.parts(image, header)]

    def parts(self, image: NDArray[Any], header: ChunkHeader) -> list[Part]:
        """Return all parts of the chunk that `image` became, flat."""
        planes = to_planes(image, header.channel_axis)[..., : header.box[0], : header.box[1]]
        levels = Levels(header.low, header.level_shift)
        coded = symbols_and_rows(
            to_pixels(np.ascontiguousarray(planes), levels, self.decoder.pixel_fraction),
            1,
            header.quality,
            decoder=self.decoder,
            encoder=self.encoder,
            backend=NumpyBackend(),
        )
        return [self._part(symbols.ravel(), rows.ravel()) for symbols, rows in coded.parts]

    def _part(self, symbols: NDArray[np.int32], rows: NDArray[np.uint8]) -> Part:
        classes = len(self.decoder.tables) // 3
        is_second = (rows >= 2 * classes) & (rows != SKIP)
        is_plain = (rows < classes).any()
        values = symbols if is_plain else 2 * symbols - is_second * np.sign(symbols)
        return Part(symbols, rows, values)


class ContextWeights:
    """Weights of a context model."""

    def __init__(self, info: WeightsInfo) -> None:
        self.info = info
        self.model = DctModel.from_file(load_decoder(info))

    def values(self, image: NDArray[Any], chunk: bytes) -> list[NDArray[np.int32]]:
        """Return the symbols of a chunk, pass by pass of each image, as they are coded.

        The encoder chooses them for bits, too, so that they are not known from the `image`.
        """
        del image
        header, (section,) = unpack_chunk(chunk)
        n, channels, height, width = header.planes_shape
        blocks = -(-height // BLOCK), -(-width // BLOCK)
        return [
            symbols[:, :, step.axis, natural()[step.start :][: step.length]].astype(np.int32)
            for symbols in self._symbols(Cursor(section), n, blocks)
            for step in passes(channels)
        ]

    def _symbols(
        self, cursor: Cursor, images: int, blocks: tuple[int, int]
    ) -> Iterator[NDArray[np.int16]]:
        """Yield the symbols of all images, in the order of coding."""
        axes, context = self.model.channels, self.model.context
        base, slope, chroma = HEAD.unpack(cursor.take(HEAD.size))
        if base == PREDICTED:
            head = cursor.slices((slope, chroma), images, self.model)
            data, memory = cursor.rest(), Memory()
            yield from decode_all(data, images, blocks, head.steps, head.matrices, context, memory)
            return
        steps = cursor.steps((base, slope, chroma), axes)
        for _ in range(images):
            matrices = cursor.matrices(axes)
            stream = cursor.take(*LENGTH.unpack(cursor.take(LENGTH.size)))
            yield decode(stream, blocks, steps, matrices, context, Memory())


def weights_of(name: str) -> Weights | ContextWeights:
    """Return the weights of a name."""
    info = resolve(name)
    is_context = load_decoder(info).description["kind"] == KIND
    return ContextWeights(info) if is_context else Weights(info)


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data`, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
