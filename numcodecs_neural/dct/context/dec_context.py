"""Decode the quantised coefficients of an image (SPEC.md, section 9.6)."""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Kernel
from numcodecs_neural.dct.context import limits
from numcodecs_neural.dct.context.model import ContextModel
from numcodecs_neural.dct.context.order import COEFFICIENTS, passes
from numcodecs_neural.dct.context.prepared import Room, numbers_for_steps, turn_between
from numcodecs_neural.dct.memory import Memory
from numcodecs_neural.errors import BitstreamError, TruncatedChunkError

__all__ = ["HEAD", "LOWEST_STATE", "decode", "decode_all"]

HEAD = struct.Struct("<I")
"""How many words of 16 bits follow the states; then come plain bits."""
LOWEST_STATE = 1 << 16
_STATES = np.dtype("<u4")
_DETAILS, _CONSTANTS = (
    Kernel("numcodecs_neural.dct.context.dec_kernels", name)
    for name in ("decode_details", "decode_constants")
)
_RESERVE = 64
"""Zeros behind words and bits, more than the symbols of a diagonal take."""


def decode(
    data: bytes,
    shape: tuple[int, int],
    steps: NDArray[np.int64],
    matrices: NDArray[np.integer] | None,
    model: ContextModel,
    memory: Memory,
) -> NDArray[np.int16]:
    """Return the coefficients (rows, columns, axes, 256) of an image of ``shape`` blocks.

    Parameters
    ----------
    data : bytes
    shape : (int, int)
    steps : (axes, 256) int64
        In eighths of a grey level.
    matrices : (2, 3, 3) or None
        The axes of colour; None for grey.
    model : ContextModel
    memory : Memory
        Where the coefficients are until something else is decoded in it.

    Raises
    ------
    BitstreamError
        If `data` are damaged.
    """
    (image,) = decode_all(data, 1, shape, steps, matrices, model, memory)
    return image


def decode_all(
    data: bytes,
    count: int,
    shape: tuple[int, int],
    steps: NDArray[np.int64],
    matrices: NDArray[np.integer] | None,
    model: ContextModel,
    memory: Memory,
) -> Iterator[NDArray[np.int16]]:
    """Yield what `decode` returns, for each of `count` images of a stream, in the same memory.

    Raises
    ------
    BitstreamError
        If `data` are damaged; if they end at the wrong place, behind the last image.
    """
    lanes, words, bits, plain = _streams_of(data, count, shape, model)
    at = np.array([0, 0, 0, limits.DONE, len(words) - _RESERVE, 8 * len(plain)], np.int64)
    packed, large = model.packed, numbers_for_steps(model, steps)
    tables = (packed.passes, packed.diagonals, packed.small, large, packed.tables)
    last = (steps.reshape(-1), turn_between(matrices), packed.means)
    for _ in range(count):
        room = Room.of(*shape, model, memory)
        common: tuple[Any, ...] = (room.shape, room.coefficients, *room.common(), *tables)
        common += (words, bits, lanes, at)
        _DETAILS.function()(*common)
        if at[limits.STATUS] == limits.DONE:
            _CONSTANTS.function()(*common, *last, room.edges, room.missed)
        _check_status(at)
        yield room.coefficients.reshape(*shape, model.axes, COEFFICIENTS)
    _check_end(at, lanes, plain)


class _Streams(NamedTuple):
    """What a stream holds: states of the lanes, words, and plain bits as numbers and as bytes."""

    lanes: NDArray[np.int64]
    words: NDArray[np.uint16]
    bits: NDArray[np.uint32]
    plain: bytes


def _streams_of(data: bytes, images: int, shape: tuple[int, int], model: ContextModel) -> _Streams:
    """Take a stream apart; zeros stand behind its words and bits."""
    start = HEAD.size + limits.LANES * _STATES.itemsize
    if len(data) < start:
        raise TruncatedChunkError(f"coefficients have {len(data)} bytes; expected {start} or more")
    (count,) = HEAD.unpack_from(data)
    if len(data) < start + 2 * count:
        raise TruncatedChunkError(
            f"coefficients have {len(data)} bytes; expected {start} and {count} words"
        )
    _check_size(count, images, shape, model)
    lanes = np.frombuffer(data, _STATES, limits.LANES, HEAD.size).astype(np.int64)
    if lanes.min() < LOWEST_STATE:
        raise BitstreamError(f"coefficients begin with the state {lanes.min()}")
    words = np.concatenate(
        [np.frombuffer(data, "<u2", count, start).astype(np.uint16), np.zeros(_RESERVE, np.uint16)]
    )
    plain = data[start + 2 * count :]
    bits = np.frombuffer(plain + bytes(4 * _RESERVE - len(plain) % 4), "<u4").astype(np.uint32)
    return _Streams(lanes, words, bits, plain)


def _check_size(words: int, images: int, shape: tuple[int, int], model: ContextModel) -> None:
    """Refuse more blocks than states and words can hold, before room is made for them.

    No frequency is above 16369 of 16384, so the logarithm of a state falls by more than 2**-10 with
    each symbol that is not a flag. It begins below 32 and ends above 16, and a word adds 16.
    """
    sure = sum(step.length for step in passes(model.axes) if not step.is_flagged)
    coded = sure * images * shape[0] * shape[1]
    most = (limits.LANES + words) << 14
    if coded > most:
        raise BitstreamError(
            f"coefficients of {shape[0]} x {shape[1]} blocks have {words} words, which cannot hold "
            f"{coded} symbols; expected {-(-coded >> 14) - limits.LANES} or more"
        )


def _check_status(at: NDArray[np.int64]) -> None:
    status = at[limits.STATUS]
    if status == limits.TRUNCATED:
        raise TruncatedChunkError("coefficients end early")
    if status == limits.BAD_ESCAPE:
        raise BitstreamError("a coefficient has more than 16 bits")


def _check_end(at: NDArray[np.int64], lanes: NDArray[np.int64], plain: bytes) -> None:
    rest = 8 * len(plain) - int(at[limits.BIT])
    is_used_up = at[limits.WORD] == at[limits.WORDS_LEFT] and 0 <= rest < 8
    if not is_used_up or (lanes != LOWEST_STATE).any() or (rest and plain[-1] >> (8 - rest)):
        raise BitstreamError("coefficients do not end where their words and bits do")
