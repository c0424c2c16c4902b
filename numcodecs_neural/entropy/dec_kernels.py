"""The decoder of `dec_rans`, compiled by numba: the same symbols, over 100 times as fast.

Import it only when symbols are decoded, since it imports numba. `dec_rans` explains the algorithm;
what differs here is for speed, and says so. numba does not check bounds: every position that a
stream or a caller can choose is compared before it is used.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import compiled, readable
from numcodecs_neural.entropy.dec_rans import LOWEST_STATE, MAX_ZEROS, WORD_BITS, Reader
from numcodecs_neural.entropy.tables import (
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

__all__ = ["decode_part"]

# Kernels return one of these: an exception raised in compiled code loses its class.
_DONE, _BAD_INDEX, _NO_WORDS, _BAD_ESCAPE, _NO_ESCAPES = range(5)
_ERRORS: dict[int, tuple[type[NeuralCodecError], str]] = {
    _BAD_INDEX: (ConfigError, "a symbol has an index that names no table"),
    _NO_WORDS: (TruncatedChunkError, "symbol stream ends after its last word"),
    _BAD_ESCAPE: (BitstreamError, "symbol stream holds an escape beyond the largest symbol"),
    _NO_ESCAPES: (TruncatedChunkError, "symbol stream ends after its last escape byte"),
}


def decode_part(
    indexes: NDArray[np.uint8], tables: SymbolTables, reader: Reader, classes: int = 0
) -> NDArray[np.int32]:
    """Do what `dec_rans.decode_part` does."""
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
    if status != _DONE:
        error, text = _ERRORS[status]
        raise error(text)
    return symbols


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
