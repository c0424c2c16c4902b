"""Encode the coefficients of an image, choosing each for error and bits together."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Kernel
from numcodecs_neural.dct.context.dec_context import HEAD, LOWEST_STATE
from numcodecs_neural.dct.context.limits import ENTRIES, LANES, ROW
from numcodecs_neural.dct.context.model import ContextModel
from numcodecs_neural.dct.context.prepared import Room, numbers_for_steps, turn_between
from numcodecs_neural.dct.memory import Memory

__all__ = ["LARGEST_TARGET", "StreamWriter", "encode"]

_DETAILS, _CONSTANTS, _WRITE = (
    Kernel("numcodecs_neural.dct.context.enc_kernels", name)
    for name in ("encode_details", "encode_constants", "write_words")
)
LARGEST_TARGET = 16 * 32767
_MOST_BITS = 48
"""More plain bits than a coefficient takes."""


def encode(
    targets: NDArray[np.int32],
    steps: NDArray[np.int64],
    matrices: NDArray[np.integer] | None,
    model: ContextModel,
    prices: NDArray[np.int32],
) -> tuple[bytes, NDArray[np.int16]]:
    """Return the stream of an image, and the coefficients (rows, columns, axes, 256) it holds.

    Parameters
    ----------
    targets : (rows, columns, axes, 256) int32
        The coefficients of the image in sixteenths of their steps, up to `LARGEST_TARGET`.
    steps : (axes, 256) int64
        In eighths of a grey level.
    matrices : (2, 3, 3) or None
        The axes of colour; None for grey.
    model : ContextModel
    prices : (rows, columns) int32
        What a bit is worth in each block, in 256ths of a squared step; 0 to round to the nearest.
    """
    writer = StreamWriter(steps, matrices, model)
    symbols = writer.add(targets, prices)
    return writer.stream(), symbols


class _Noted(NamedTuple):
    """What an image gave to a stream: symbols for the words, and whole words of plain bits."""

    symbols: NDArray[np.int32]
    plain: NDArray[np.uint32]


class StreamWriter:
    """A stream of images, one after the other.

    Parameters
    ----------
    steps, matrices, model
        As `encode` takes them.
    """

    def __init__(
        self,
        steps: NDArray[np.int64],
        matrices: NDArray[np.integer] | None,
        model: ContextModel,
    ) -> None:
        packed, large = model.packed, numbers_for_steps(model, steps)
        self._model = model
        self._tables = (packed.passes, packed.diagonals, packed.small, large, packed.tables)
        self._last = (steps.reshape(-1), turn_between(matrices), packed.means)
        self._noted: list[_Noted] = []
        self._rest = np.zeros(1, np.uint32)
        self._rest_bits = 0

    def add(self, targets: NDArray[np.int32], prices: NDArray[np.int32]) -> NDArray[np.int16]:
        """Note an image, and return its coefficients (rows, columns, axes, 256).

        Parameters
        ----------
        targets : (rows, columns, axes, 256) int32
        prices : (rows, columns) int32
        """
        rows, columns, *_ = targets.shape
        room = Room.of(rows, columns, self._model, Memory())
        at = np.array([0, self._rest_bits], np.int64)
        blocks = rows * columns * len(self._model.packed.passes)
        notes = np.empty(targets.size + blocks, np.int32)
        plain = np.empty(targets.size * _MOST_BITS // 32 + 3, np.uint32)
        plain[:1] = self._rest
        common: tuple[Any, ...] = (room.shape, room.coefficients, *room.common(), *self._tables)
        common += (
            _costs_of(self._model),
            targets.reshape(-1),
            prices.reshape(-1),
            notes,
            plain,
            at,
        )
        _DETAILS.function()(*common)
        _CONSTANTS.function()(*common, *self._last, room.edges, room.missed)
        count, bits = (int(n) for n in at)
        whole = bits // 32
        self._noted.append(_Noted(notes[:count].copy(), plain[:whole].copy()))
        self._rest, self._rest_bits = plain[whole : whole + 1].copy(), bits % 32
        return room.coefficients.reshape(targets.shape)

    def stream(self) -> bytes:
        """Return the stream of all images so far."""
        notes = np.concatenate([noted.symbols for noted in self._noted])
        words = np.empty(len(notes), np.uint16)
        lanes = np.full(LANES, LOWEST_STATE, np.int64)
        start = _WRITE.function()(notes, len(notes), words, lanes)
        plain = np.concatenate([*(noted.plain for noted in self._noted), self._rest])
        size = 4 * (len(plain) - 1) + (self._rest_bits + 7) // 8
        stream = HEAD.pack(len(notes) - start) + lanes.astype("<u4").tobytes()
        return stream + words[start:].astype("<u2").tobytes() + plain.astype("<u4").tobytes()[:size]


@lru_cache(maxsize=8)
def _costs_of(model: ContextModel) -> NDArray[np.int32]:
    """Return the bits of each entry of each table, in 1/256, flat."""
    bounds = model.packed.tables.reshape(-1, ROW)[:, : ENTRIES + 1].astype(np.int64)
    frequency = np.maximum(np.diff(bounds), 1)
    return np.floor(256 * (14 - np.log2(frequency)) + 0.5).astype(np.int32).reshape(-1)
