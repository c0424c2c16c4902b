"""The coder of `rans`, compiled by numba: the same streams and symbols, over 100 times as fast.

Import it only when symbols are coded, since it imports numba. `rans` explains the algorithm; what
differs here is for speed, and says so. numba does not check bounds: every position that a stream or
a caller can choose is compared before it is used.
"""

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import compiled, readable
from numcodecs_neural.entropy.dec_rans import LOWEST_STATE, MAX_ZEROS, WORD_BITS, Reader, Writer
from numcodecs_neural.entropy.tables import (
    COST_REACH,
    LOOKUP_SHIFT,
    MAX_SYMBOL,
    PRECISION_BITS,
    SKIP,
    SLOTS,
    SymbolTables,
)
from numcodecs_neural.errors import (
    BitstreamError,
    ConfigError,
    NeuralCodecError,
    TruncatedChunkError,
)

__all__ = ["choose_part", "decode_part", "encode_part"]

# Kernels return one of these: an exception raised in compiled code loses its class.
_DONE, _BAD_INDEX, _NOT_ZERO, _TOO_LARGE, _NO_WORDS, _BAD_ESCAPE, _NO_ESCAPES = range(7)
_ERRORS: dict[int, tuple[type[NeuralCodecError], str]] = {
    _BAD_INDEX: (ConfigError, "a symbol has an index that names no table"),
    _NOT_ZERO: (ConfigError, "a skipped symbol is not 0; only 0 can be skipped"),
    _TOO_LARGE: (ConfigError, f"a symbol is larger than {MAX_SYMBOL} in magnitude"),
    _NO_WORDS: (TruncatedChunkError, "symbol stream ends after its last word"),
    _BAD_ESCAPE: (BitstreamError, "symbol stream holds an escape beyond the largest symbol"),
    _NO_ESCAPES: (TruncatedChunkError, "symbol stream ends after its last escape byte"),
}


def encode_part(
    symbols: NDArray[np.int32], indexes: NDArray[np.uint8], tables: SymbolTables, writer: Writer
) -> None:
    """Do what `rans.encode_part` does."""
    begins = np.array([writer.words_begin, writer.escapes_begin], np.int64)
    status = _encode(
        symbols,
        indexes,
        tables.offset,
        tables.size,
        tables.packed,
        writer.states,
        writer.words,
        writer.escapes,
        begins,
    )
    writer.words_begin, writer.escapes_begin = begins.tolist()
    _raise_unless_done(status)


def decode_part(
    indexes: NDArray[np.uint8], tables: SymbolTables, reader: Reader, classes: int = 0
) -> NDArray[np.int32]:
    """Do what `rans.decode_part` does."""
    symbols = np.empty(len(indexes), np.int32)
    positions = np.array([reader.word_position, reader.bit_position], np.int64)
    status = _decode(
        symbols,
        indexes,
        tables.offset,
        tables.size,
        tables.packed,
        tables.lookup,
        reader.states,
        reader.words,
        reader.escapes,
        positions,
        classes,
    )
    reader.word_position, reader.bit_position = positions.tolist()
    _raise_unless_done(status)
    return symbols


def choose_part(
    rest: NDArray[np.int32],
    indexes: NDArray[np.uint8],
    costs: NDArray[np.int32],
    price: int,
    lanes: int,
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Do what `trellis.choose_part` does."""
    symbols, states = np.zeros(len(rest), np.int32), np.zeros(len(rest), np.uint8)
    _choose(rest, indexes, costs, price, lanes, symbols, states)
    return symbols, states


def _raise_unless_done(status: int) -> None:
    if status != _DONE:
        error, text = _ERRORS[status]
        raise error(text)


@compiled(types.int64, readable(types.uint8), types.int64[::1])
def _read_exp_golomb(escapes: NDArray[np.uint8], positions: NDArray[np.int64]) -> int:
    """Return the next escape value, or minus a status."""
    end = 8 * escapes.size
    position = positions[1]
    zeros = 0
    while position < end and (escapes[position >> 3] >> (7 - (position & 7))) & 1 == 0:
        zeros += 1
        position += 1
        if zeros > MAX_ZEROS:
            return -_BAD_ESCAPE
    if position + zeros >= end:
        return -_NO_ESCAPES
    value = 0
    for _ in range(zeros + 1):
        value = 2 * value + ((escapes[position >> 3] >> (7 - (position & 7))) & 1)
        position += 1
    positions[1] = position
    return value - 1


@compiled(
    types.int64,
    readable(types.int32),
    readable(types.uint8),
    readable(types.int32),
    readable(types.int32),
    readable(types.uint32, 2),
    types.uint32[::1],
    types.uint16[::1],
    types.uint32[::1],
    types.int64[::1],
)
def _encode(
    symbols: NDArray[np.int32],
    indexes: NDArray[np.uint8],
    offset: NDArray[np.int32],
    size: NDArray[np.int32],
    packed: NDArray[np.uint32],
    states: NDArray[np.uint32],
    words: NDArray[np.uint16],
    escapes: NDArray[np.uint32],
    begins: NDArray[np.int64],
) -> int:
    words_begin = begins[0]
    lane = (symbols.size - 1) % states.size
    for i in range(symbols.size - 1, -1, -1):
        table = np.int64(indexes[i])
        symbol = np.int64(symbols[i])
        if table < size.size:
            entry = symbol - offset[table]
            escape = np.int64(size[table]) - 1
            if entry < 0 or entry >= escape:
                if abs(symbol) > MAX_SYMBOL:
                    return _TOO_LARGE
                begins[1] -= 1
                escapes[begins[1]] = 2 * (entry - escape) if entry >= 0 else -2 * entry - 1
                entry = escape
            # Unsigned all through: a signed division takes longer.
            start = packed[table, entry] & np.uint32(0xFFFF)
            frequency = packed[table, entry] >> np.uint32(16)
            state = states[lane]
            if state >> np.uint32(2 * WORD_BITS - PRECISION_BITS) >= frequency:
                words_begin -= 1
                words[words_begin] = state & np.uint32(LOWEST_STATE - 1)
                state = state >> np.uint32(WORD_BITS)
            quotient = state // frequency
            remainder = state - quotient * frequency
            states[lane] = (quotient << np.uint32(PRECISION_BITS)) + start + remainder
        elif table != SKIP:
            return _BAD_INDEX
        elif symbol != 0:
            return _NOT_ZERO
        lane = lane - 1 if lane > 0 else states.size - 1
    begins[0] = words_begin
    return _DONE


@compiled(
    types.int64,
    types.int32[::1],
    readable(types.uint8),
    readable(types.int32),
    readable(types.int32),
    readable(types.uint32, 2),
    readable(types.uint16, 2),
    types.uint32[::1],
    readable(types.uint16),
    readable(types.uint8),
    types.int64[::1],
    types.int64,
)
def _decode(
    symbols: NDArray[np.int32],
    indexes: NDArray[np.uint8],
    offset: NDArray[np.int32],
    size: NDArray[np.int32],
    packed: NDArray[np.uint32],
    lookup: NDArray[np.uint16],
    states: NDArray[np.uint32],
    words: NDArray[np.uint16],
    escapes: NDArray[np.uint8],
    positions: NDArray[np.int64],
    classes: int,
) -> int:
    word_count = words.size - 1
    largest = MAX_SYMBOL >> 1 if classes > 0 else MAX_SYMBOL
    end = classes if classes > 0 else size.size  # the caller has seen that all tables are there
    paths = np.zeros(states.size, np.int64)
    word_position = int(positions[0])
    lane = 0
    for i in range(indexes.size):
        index = np.int64(indexes[i])
        if index < end:
            path = paths[lane]
            table = index + classes * (1 + (path >> 1))
            state = np.int64(states[lane])
            slot = state & (SLOTS - 1)
            entry = np.int64(lookup[table, slot >> LOOKUP_SHIFT])
            start = np.int64(packed[table, entry] & 0xFFFF)
            frequency = np.int64(packed[table, entry] >> 16)
            # Ends within the table: its frequencies sum to the number of slots.
            while slot >= start + frequency:
                entry += 1
                start = np.int64(packed[table, entry] & 0xFFFF)
                frequency = np.int64(packed[table, entry] >> 16)
            state = frequency * (state >> PRECISION_BITS) + slot - start

            # Without a branch on whether a word is needed, which nothing could predict: the word is
            # loaded in any case, behind the last one a zero.
            needs_word = np.int64(state < LOWEST_STATE)
            if word_position == word_count and needs_word:
                return _NO_WORDS
            refilled = (state << WORD_BITS) | np.int64(words[word_position])
            states[lane] = refilled if needs_word else state
            word_position += int(needs_word)

            symbol = np.int64(offset[table]) + entry
            if entry == size[table] - 1:
                value = _read_exp_golomb(escapes, positions)
                if value < 0:
                    return -value
                if value & 1:
                    symbol = np.int64(offset[table]) - ((value + 1) >> 1)
                else:
                    symbol += value >> 1
                if abs(symbol) > largest:
                    return _BAD_ESCAPE
            if classes > 0:
                paths[lane] = (path >> 1) | (((symbol ^ path) & 1) << 1)
                sign = np.int64(symbol > 0) - np.int64(symbol < 0)
                symbol = 2 * symbol - (path >> 1) * sign
            symbols[i] = symbol
        elif index == SKIP:
            symbols[i] = 0
            if classes > 0:
                path = paths[lane]
                paths[lane] = (path >> 1) | ((path & 1) << 1)
        else:
            return _BAD_INDEX
        lane = lane + 1 if lane + 1 < states.size else 0
    positions[0] = word_position
    return _DONE


@compiled(types.int64, readable(types.int32, 2), types.int64, types.int64)
def _bits(costs: NDArray[np.int32], row: Any, symbol: Any) -> Any:
    limited = min(max(symbol, -COST_REACH), COST_REACH)
    bits = np.int64(costs[row, limited + COST_REACH])
    if limited != symbol:
        slope = np.int64(costs[row, 2 * COST_REACH]) - np.int64(costs[row, 2 * COST_REACH - 1])
        bits += abs(symbol - limited) * slope
    return bits


@compiled(
    types.void,
    readable(types.int32),
    readable(types.uint8),
    readable(types.int32, 2),
    types.int64,
    types.int64,
    types.int32[::1],
    types.uint8[::1],
)
def _choose(
    rest: NDArray[np.int32],
    indexes: NDArray[np.uint8],
    costs: NDArray[np.int32],
    price: int,
    lanes: int,
    symbols: NDArray[np.int32],
    states: NDArray[np.uint8],
) -> None:
    """Viterbi, lane by lane: of each state the two ways that lead there, by quantiser and parity.

    Of a quantiser, the even one of the two nearest symbols competes with 0 beforehand.
    """
    classes = costs.shape[0] // 2
    length = (rest.size + lanes - 1) // lanes
    came = np.empty((length, 4), np.int32)  # symbol * 4 + state before
    nowhere = np.int64(1) << 60
    for lane in range(lanes):
        cost0, cost1, cost2, cost3 = np.int64(0), nowhere, nowhere, nowhere
        count = 0
        for i in range(lane, rest.size, lanes):
            if indexes[i] == SKIP:  # a 0 leads from 1 to 2 and from 2 to 1
                cost1, cost2 = cost2, cost1
                continue
            x = np.int64(rest[i])
            low, high = np.int64(indexes[i]), np.int64(indexes[i]) + classes

            even, odd = x >> 4, (x >> 4) + 1
            if even & 1:
                even, odd = odd, even
            e0 = 256 * (x - 16 * even) ** 2 + price * _bits(costs, low, even)
            o0 = 256 * (x - 16 * odd) ** 2 + price * _bits(costs, low, odd)
            zero = 256 * x * x + price * _bits(costs, low, np.int64(0))
            even0, odd0 = even, odd
            if zero <= e0:
                e0, even0 = zero, np.int64(0)

            sign = np.int64(-1) if x < 0 else np.int64(1)
            even, odd = sign * ((abs(x) + 8) >> 4), sign * (((abs(x) + 8) >> 4) + 1)
            if even & 1:
                even, odd = odd, even
            at_even = 16 * even - 8 * (np.int64(even > 0) - np.int64(even < 0))
            at_odd = 16 * odd - 8 * (np.int64(odd > 0) - np.int64(odd < 0))
            e1 = 256 * (x - at_even) ** 2 + price * _bits(costs, high, even)
            o1 = 256 * (x - at_odd) ** 2 + price * _bits(costs, high, odd)
            zero = 256 * x * x + price * _bits(costs, high, np.int64(0))
            if zero <= e1:
                e1, even = zero, np.int64(0)

            # next_state: 0 and 2 are reached from 0 and 1, 1 and 3 from 2 and 3.
            a, b = cost0 + e0, cost1 + o0
            c, d = cost0 + o0, cost1 + e0
            f, g = cost2 + e1, cost3 + o1
            h, k = cost2 + o1, cost3 + e1
            came[count, 0] = 4 * even0 if a <= b else 4 * odd0 + 1
            came[count, 2] = 4 * odd0 if c <= d else 4 * even0 + 1
            came[count, 1] = 4 * even + 2 if f <= g else 4 * odd + 3
            came[count, 3] = 4 * odd + 2 if h <= k else 4 * even + 3
            cost0, cost1, cost2, cost3 = min(a, b), min(f, g), min(c, d), min(h, k)
            count += 1
        state, least = 0, cost0
        if cost1 < least:
            state, least = 1, cost1
        if cost2 < least:
            state, least = 2, cost2
        if cost3 < least:
            state = 3
        for i in range(lane + ((rest.size - 1 - lane) // lanes) * lanes, -1, -lanes):
            if indexes[i] == SKIP:
                state = (state >> 1) | ((state & 1) << 1)
                states[i] = state
                continue
            count -= 1
            way = came[count, state]
            state = way & 3
            symbols[i] = way >> 2
            states[i] = state
