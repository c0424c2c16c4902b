"""Encode the coefficients of an image, choosing each for error and bits together."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Kernel
from numcodecs_neural.dct.context.dec_context import HEAD, LOWEST_STATE
from numcodecs_neural.dct.context.limits import ENTRIES, LANES, ROW
from numcodecs_neural.dct.context.model import ContextModel
from numcodecs_neural.dct.context.prepared import Room, numbers_for_steps, turn_between
from numcodecs_neural.dct.memory import Memory

__all__ = ["LARGEST_TARGET", "encode"]

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
    rows, columns, *_ = targets.shape
    packed, large = model.packed, numbers_for_steps(model, steps)
    room = Room.of(rows, columns, model, Memory())
    at = np.zeros(2, np.int64)
    notes = np.empty(targets.size + rows * columns * len(packed.passes), np.int32)
    plain = np.empty(targets.size * _MOST_BITS // 32 + 2, np.uint32)
    plain[0] = 0
    common: tuple[Any, ...] = (room.shape, room.coefficients, *room.common())
    common += (packed.passes, packed.diagonals, packed.small, large, packed.tables)
    common += (_costs_of(model), targets.reshape(-1), prices.reshape(-1), notes, plain, at)
    _DETAILS.function()(*common)
    _CONSTANTS.function()(
        *common,
        steps.reshape(-1),
        turn_between(matrices),
        packed.means,
        room.edges,
        room.missed,
    )
    count, bits = (int(n) for n in at)
    words = np.empty(count, np.uint16)
    lanes = np.full(LANES, LOWEST_STATE, np.int64)
    start = _WRITE.function()(notes, count, words, lanes)
    tail = plain[: bits // 32 + 1].astype("<u4").tobytes()[: (bits + 7) // 8]
    stream = HEAD.pack(count - start) + lanes.astype("<u4").tobytes()
    stream += words[start:].astype("<u2").tobytes() + tail
    return stream, room.coefficients.reshape(targets.shape)


@lru_cache(maxsize=8)
def _costs_of(model: ContextModel) -> NDArray[np.int32]:
    """Return the bits of each entry of each table, in 1/256, flat."""
    bounds = model.packed.tables.reshape(-1, ROW)[:, : ENTRIES + 1].astype(np.int64)
    frequency = np.maximum(np.diff(bounds), 1)
    return np.floor(256 * (14 - np.log2(frequency)) + 0.5).astype(np.int32).reshape(-1)
