"""The symbols of a lossy chunk as the encoder has them before it codes them."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_lossy import Levels
from numcodecs_neural.coding.enc_chunk import to_planes
from numcodecs_neural.coding.enc_lossy import to_pixels
from numcodecs_neural.coding.enc_streams import symbols_and_rows
from numcodecs_neural.entropy import SKIP
from numcodecs_neural.format import ChunkHeader
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.enc_model import EncoderModel
from numcodecs_neural.weights import load_decoder, load_encoder, resolve

__all__ = ["Part", "Weights", "digest"]


class Part(NamedTuple):
    """Symbols, the tables that code them, and what they stand for.

    `values` are halves of a step, or of hyper-latents the symbols themselves.
    """

    symbols: NDArray[np.int32]
    rows: NDArray[np.uint8]
    values: NDArray[np.int32]


class Weights:
    """Weights by name, for both directions."""

    def __init__(self, name: str) -> None:
        self.info = resolve(name)
        self.decoder = DecoderModel.from_file(load_decoder(self.info))
        self.encoder = EncoderModel.from_file(load_encoder(self.info), self.info.sha256)

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


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data`, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
