"""The symbols of a lossy chunk: as the encoder of networks has them, or as a chunk holds them."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_dct import ANGLES, BLOCK, HEAD, LENGTH, DctModel
from numcodecs_neural.coding.dec_lossy import Levels
from numcodecs_neural.coding.enc_exactly import to_planes
from numcodecs_neural.coding.enc_lossy import to_pixels
from numcodecs_neural.coding.enc_streams import symbols_and_rows
from numcodecs_neural.dct.colour import matrices_of
from numcodecs_neural.dct.context.dec_context import decode
from numcodecs_neural.dct.context.model import KIND
from numcodecs_neural.dct.context.order import natural, passes
from numcodecs_neural.dct.memory import Memory
from numcodecs_neural.dct.steps import Quantisation, steps_of
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
        """Return the symbols of a chunk, pass by pass of each image.

        The encoder chooses them for bits, too, so that they are not known from the `image`.
        """
        del image
        header, (section,) = unpack_chunk(chunk)
        n, channels, height, width = header.planes_shape
        steps = steps_of(Quantisation(*HEAD.unpack_from(section)), channels)
        at, parts = HEAD.size, list[NDArray[np.int32]]()
        for _ in range(n):
            matrices = None
            if channels == 3:
                angles = np.frombuffer(section, ANGLES, 6, at).astype(np.int64)
                matrices = matrices_of(angles.reshape(2, 3)).astype(np.int64)
                at += angles.size * ANGLES.itemsize
            (length,) = LENGTH.unpack_from(section, at)
            at += LENGTH.size
            blocks = -(-height // BLOCK), -(-width // BLOCK)
            data, model = section[at : at + length], self.model.context
            symbols = decode(data, blocks, steps, matrices, model, Memory())
            at += length
            parts += [
                symbols[:, :, step.axis, natural()[step.start :][: step.length]].astype(np.int32)
                for step in passes(channels)
            ]
        return parts


def weights_of(name: str) -> Weights | ContextWeights:
    """Return the weights of a name."""
    info = resolve(name)
    is_context = load_decoder(info).description["kind"] == KIND
    return ContextWeights(info) if is_context else Weights(info)


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data`, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
