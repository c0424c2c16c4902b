"""Encoding of symbols: to plain bits, and notes that become words later (SPEC.md, 8.6)."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.kinds import (
    INT,
    NET,
    PLAIN,
    PROGRESS,
    ROOM,
    WORDS,
)
from numcodecs_neural.coefficients.network.prepared import Prepared
from numcodecs_neural.coefficients.network.room import (
    BLOCK_PLACES,
    LANE_NUMBERS,
    MIDDLE,
    MIRRORED,
    ROW,
    SHIFT,
    SYMBOL,
    Room,
)
from numcodecs_neural.coefficients.network.statuses import BIT, COUNT
from numcodecs_neural.coefficients.network.symbol_tables import (
    ENTRIES,
    ESCAPE,
    PRECISION_BITS,
    REACH,
)
from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.vectors import types

__all__ = ["note_flag", "note_symbols"]

_WHOLE = 1 << PRECISION_BITS


@inlined(types.void, INT, INT, PLAIN, PROGRESS)
def put_bits(
    value: Integer, count: Integer, plain: NDArray[np.uint32], progress: NDArray[np.int64]
) -> None:
    """Append up to 16 plain bits; what lies behind the end is cleared."""
    place = progress[BIT]
    word, shift = place >> 5, place & 31
    pair = (np.int64(plain[word]) & ((1 << shift) - 1)) | (value << shift)
    plain[word] = np.uint32(pair & 0xFFFFFFFF)
    plain[word + 1] = np.uint32(pair >> 32)
    progress[BIT] = place + count


@inlined(types.void, INT, PLAIN, PROGRESS)
def put_escape(cell: Integer, plain: NDArray[np.uint32], progress: NDArray[np.int64]) -> None:
    """Append the sign of a cell beyond the table, and how far beyond it is in Exp-Golomb code."""
    rest, zeros = abs(cell) - REACH, 0
    while rest >> (zeros + 1):
        zeros += 1
    put_bits(np.int64(cell < 0), 1, plain, progress)
    put_bits(0, zeros, plain, progress)
    put_bits(1, 1, plain, progress)
    put_bits(rest - (1 << zeros), zeros, plain, progress)


@inlined(types.void, INT, INT, WORDS, PROGRESS)
def _note(
    start: Integer, frequency: Integer, notes: NDArray[np.int32], progress: NDArray[np.int64]
) -> None:
    notes[progress[COUNT]] = (start << PRECISION_BITS) | frequency
    progress[COUNT] += 1


@inlined(types.void, INT, INT, WORDS, PROGRESS)
def note_flag(
    probability: Integer,
    is_set: Integer,
    notes: NDArray[np.int32],
    progress: NDArray[np.int64],
) -> None:
    """Note whether something is so, which has this probability in 2^-15."""
    if is_set:
        _note(0, probability, notes, progress)
    else:
        _note(probability, _WHOLE - probability, notes, progress)


@inlined(types.void, ROOM, NET, INT, INT, types.int16[::1], WORDS, PLAIN, PROGRESS)
def note_symbols(
    room: Room,
    net: Prepared,
    k: Integer,
    active: Integer,
    coefficients: NDArray[np.int16],
    notes: NDArray[np.int32],
    plain: NDArray[np.uint32],
    progress: NDArray[np.int64],
) -> None:
    """Note one coefficient of the blocks that are still coded, as ``lane`` says."""
    for i in range(active):
        lane = room.places[LANE_NUMBERS + i]
        symbol = np.int64(coefficients[room.places[BLOCK_PLACES + lane] + k])
        shift = np.int64(room.words[SHIFT + lane])
        mirror = np.int64(room.words[MIRRORED + lane])
        cell = (symbol >> shift) - np.int64(room.words[MIDDLE + lane])
        cell = (cell ^ mirror) - mirror
        entry: Integer = cell + REACH
        if entry < 0 or entry >= ESCAPE:
            entry = ESCAPE
            put_escape(cell, plain, progress)
        at = np.int64(room.words[ROW + lane]) * ENTRIES + entry
        start = np.int64(net.shorts[at])
        _note(
            start, ((np.int64(net.shorts[at + 1]) - start - 1) & (_WHOLE - 1)) + 1, notes, progress
        )
        if shift:
            put_bits(symbol & ((1 << shift) - 1), shift, plain, progress)
        room.words[SYMBOL + lane] = symbol
