"""Reference decoder: interleaved rANS as SPEC.md, section 5, says it, one symbol at a time.

It needs no compiler and is slow (about a microsecond a symbol). `dec_kernels` does the same faster.
"""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy.tables import MAX_SYMBOL, SKIP, SLOTS, SymbolTables
from numcodecs_neural.entropy.trellis import halves_of, next_state, row_of
from numcodecs_neural.errors import BitstreamError, ConfigError, TruncatedChunkError

__all__ = ["LOWEST_STATE", "MAX_ZEROS", "WORD_BITS", "Reader", "decode_part"]

WORD_BITS = 16
LOWEST_STATE = 1 << WORD_BITS
"""States lie in ``[2**16, 2**32)``; an encoder begins, and a decoder ends, with this one."""

MAX_ZEROS = 31
"""A symbol is less than 2**30 + 2**17 away from its table, so an escape has at most 32 bits."""

_WINDOW_NBYTES = 9  # a codeword of 63 bits fits in, wherever in its first byte it begins


@dataclass(slots=True, kw_only=True)
class Reader:
    """A stream that is being decoded, and how far.

    Parameters
    ----------
    states : ndarray of uint32, shape (lanes,)
    words : ndarray of uint16
        The words and, behind them, a zero that a kernel may load and never uses.
    escapes : ndarray of uint8
        Bytes of the escape bits, highest bit first.
    """

    states: NDArray[np.uint32]
    words: NDArray[np.uint16]
    escapes: NDArray[np.uint8]
    word_position: int = 0
    bit_position: int = 0


def decode_part(
    indexes: NDArray[np.uint8], tables: SymbolTables, reader: Reader, classes: int = 0
) -> NDArray[np.int32]:
    """Read the symbols of a part, the first one first.

    Where there are `classes`, the part was quantised by a trellis: indexes are classes, and what
    is returned are halves of a step.

    Raises
    ------
    TruncatedChunkError
        If the words or the escape bits end too early.
    BitstreamError
        If an escape is no codeword, or its symbol is too large.
    ConfigError
        If an index names no table.
    """
    offsets, sizes = tables.offset.tolist(), tables.size.tolist()
    starts, frequencies = tables.start.tolist(), tables.frequency.tolist()
    states, words = reader.states.tolist(), reader.words[:-1].tolist()
    symbols = np.zeros(len(indexes), np.int32)
    largest = MAX_SYMBOL >> 1 if classes else MAX_SYMBOL  # halves must fit too
    paths = [0] * len(states)
    for i, index in enumerate(indexes.tolist()):
        path = paths[i % len(states)]
        if index == SKIP:
            paths[i % len(states)] = next_state(path, 0)
            continue
        table = row_of(index, path, classes)
        if table >= len(tables) or (classes and index >= classes):
            raise ConfigError(f"a symbol has index {index}; there are {len(tables)} tables")
        quotient, slot = divmod(states[i % len(states)], SLOTS)
        entry = bisect_right(starts[table], slot, hi=sizes[table]) - 1

        state = frequencies[table][entry] * quotient + slot - starts[table][entry]
        if state < LOWEST_STATE:
            if reader.word_position == len(words):
                raise TruncatedChunkError(f"symbol stream ends after its {len(words)} words")
            state = state * LOWEST_STATE + words[reader.word_position]
            reader.word_position += 1
        states[i % len(states)] = state

        escape = sizes[table] - 1
        if entry == escape:
            entry = _escaped_entry(_read_exp_golomb(reader), escape)
            if abs(offsets[table] + entry) > largest:
                raise BitstreamError("symbol stream holds an escape beyond the largest symbol")
        symbols[i] = offsets[table] + entry
        if classes:
            paths[i % len(states)] = next_state(path, offsets[table] + entry)
            symbols[i] = halves_of(offsets[table] + entry, path)
    reader.states[:] = states
    return symbols


def _escaped_entry(value: int, escape: int) -> int:
    return escape + value // 2 if value % 2 == 0 else -(value + 1) // 2


def _read_exp_golomb(reader: Reader) -> int:
    """Read ``n`` zeros and then a number of ``n + 1`` bits: the value plus one."""
    byte, bit = divmod(reader.bit_position, 8)
    window = reader.escapes[byte : byte + _WINDOW_NBYTES].tobytes().ljust(_WINDOW_NBYTES, b"\0")
    window_bits = 8 * _WINDOW_NBYTES - bit
    ahead = int.from_bytes(window, "big") % (1 << window_bits)
    zeros = window_bits - ahead.bit_length()
    bits_left = 8 * len(reader.escapes) - reader.bit_position
    if zeros > MAX_ZEROS and bits_left > MAX_ZEROS:
        raise BitstreamError(f"an escape in the symbol stream begins with over {MAX_ZEROS} zeros")
    width = 2 * zeros + 1
    if width > bits_left:
        raise TruncatedChunkError(
            f"symbol stream ends after its {len(reader.escapes)} escape bytes"
        )
    reader.bit_position += width
    return (ahead >> (window_bits - width)) - 1
