"""Decoding of symbols from words and plain bits, by four rANS states in turn (SPEC.md, 8.6)."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.kinds import (
    BITS,
    CODES,
    INT,
    NET,
    PROGRESS,
    ROOM,
    STATES,
)
from numcodecs_neural.coefficients.network.limits import STATES_IN_TURN
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
from numcodecs_neural.coefficients.network.statuses import (
    BAD_ESCAPE,
    BIT,
    BITS_LEFT,
    COUNT,
    LOWEST_STATE,
    OUT_OF_RANGE,
    STATUS,
    TRUNCATED,
    WORD,
    WORDS_LEFT,
)
from numcodecs_neural.coefficients.network.symbol_tables import (
    ENTRIES,
    ESCAPE,
    PRECISION_BITS,
    REACH,
)
from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.vectors import not_above, types

__all__ = ["decode_flag", "decode_symbols", "is_over"]

_MAX_ZEROS = 11
"""Bits below the highest one of an escape: 3072 cells lie between a coefficient and its mean."""
_SLOTS = (1 << PRECISION_BITS) - 1


@inlined(INT, INT, BITS, PROGRESS)
def next_bits(count: Integer, bits: NDArray[np.uint32], progress: NDArray[np.int64]) -> Integer:
    """Take up to 16 plain bits, the lowest first."""
    place = progress[BIT]
    word = place >> 5
    pair = np.int64(bits[word]) | (np.int64(bits[word + 1]) << 32)
    progress[BIT] = place + count
    return (pair >> (place & 31)) & ((1 << count) - 1)


@inlined(INT, BITS, PROGRESS)
def next_escape(bits: NDArray[np.uint32], progress: NDArray[np.int64]) -> Integer:
    """Take a sign and a number in Exp-Golomb code; return the cell, counted from the mean's."""
    is_below, zeros = next_bits(1, bits, progress), 0
    while next_bits(1, bits, progress) == 0:
        zeros += 1
        if zeros > _MAX_ZEROS:
            progress[STATUS] = BAD_ESCAPE
            return 0
    size = REACH + (1 << zeros) + next_bits(zeros, bits, progress)
    return -size if is_below else size


@inlined(INT, INT, CODES, STATES, PROGRESS)
def decode_flag(
    probability: Integer,
    words: NDArray[np.uint16],
    states: NDArray[np.int64],
    progress: NDArray[np.int64],
) -> Integer:
    """Decode whether something is so (1 or 0), which has this probability in 2^-15."""
    turn = progress[COUNT] & (STATES_IN_TURN - 1)
    state = states[turn]
    slot = state & _SLOTS
    is_set = np.int64(slot < probability)
    start = 0 if is_set else probability
    frequency = probability if is_set else _SLOTS + 1 - probability
    state = frequency * (state >> PRECISION_BITS) + slot - start
    if state < LOWEST_STATE:
        state = (state << 16) | np.int64(words[progress[WORD]])
        progress[WORD] += 1
    states[turn] = state
    progress[COUNT] += 1
    return is_set


@inlined(types.void, ROOM, NET, INT, INT, INT, types.int16[::1], CODES, BITS, STATES, PROGRESS)
def decode_symbols(
    room: Room,
    net: Prepared,
    k: Integer,
    active: Integer,
    least: Integer,
    coefficients: NDArray[np.int16],
    words: NDArray[np.uint16],
    bits: NDArray[np.uint32],
    states: NDArray[np.int64],
    progress: NDArray[np.int64],
) -> None:
    """Decode one coefficient of the blocks that are still decoded, as ``lane`` says.

    There are no branches where chance rules: much of the time is spent in this loop.

    Parameters
    ----------
    k, active : int
        The coefficient; how many blocks there are.
    least : int
        The least value that it may have; the greatest is 1023.
    """
    count, word = progress[COUNT], progress[WORD]
    for i in range(active):
        lane = room.places[LANE_NUMBERS + i]
        row = np.int64(room.words[ROW + lane]) * ENTRIES
        turn = (count + i) & (STATES_IN_TURN - 1)
        state = states[turn]
        slot = state & _SLOTS
        entry = not_above(net.shorts, row, slot) - 1
        start = np.int64(net.shorts[row + entry])
        frequency = ((np.int64(net.shorts[row + entry + 1]) - start - 1) & _SLOTS) + 1
        state = frequency * (state >> PRECISION_BITS) + slot - start
        is_low = np.int64(state < LOWEST_STATE)
        state = (state << (16 * is_low)) | (np.int64(words[word]) & -is_low)
        word += is_low
        states[turn] = state
        cell = entry - REACH
        if entry == ESCAPE:
            cell = next_escape(bits, progress)
        mirror = np.int64(room.words[MIRRORED + lane])
        cell = (cell ^ mirror) - mirror
        shift = np.int64(room.words[SHIFT + lane])
        symbol = (np.int64(room.words[MIDDLE + lane]) + cell) << shift
        if shift:
            symbol += next_bits(shift, bits, progress)
        if symbol < least or symbol > 1023:
            progress[STATUS] = OUT_OF_RANGE
            symbol = 0
        room.words[SYMBOL + lane] = symbol
        coefficients[room.places[BLOCK_PLACES + lane] + k] = symbol
    progress[COUNT], progress[WORD] = count + active, word


@inlined(types.boolean, PROGRESS)
def is_over(progress: NDArray[np.int64]) -> Integer:
    """Whether more was taken than there is; both arrays have a reserve behind it."""
    if progress[WORD] > progress[WORDS_LEFT] or progress[BIT] > progress[BITS_LEFT]:
        progress[STATUS] = TRUNCATED
    return progress[STATUS] != 0
