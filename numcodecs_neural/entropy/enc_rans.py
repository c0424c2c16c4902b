"""Reference encoder: interleaved rANS as SPEC.md, section 5.4, says it, one symbol at a time.

`enc_kernels` does the same faster, bit for bit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy.dec_rans import LOWEST_STATE, WORD_BITS
from numcodecs_neural.entropy.tables import MAX_SYMBOL, PRECISION_BITS, SKIP, SLOTS, SymbolTables
from numcodecs_neural.errors import ConfigError

__all__ = ["Writer", "encode_part"]


@dataclass(slots=True, kw_only=True)
class Writer:
    """What an encoder has written so far.

    It works from the last symbol to the first, so both buffers fill from their ends.

    Parameters
    ----------
    states : ndarray of uint32, shape (lanes,)
    words : ndarray of uint16
        Room for one word a symbol; written from `words_begin` on.
    escapes : ndarray of uint32
        Room for one escape a symbol; written from `escapes_begin` on.
    """

    states: NDArray[np.uint32]
    words: NDArray[np.uint16]
    words_begin: int
    escapes: NDArray[np.uint32]
    escapes_begin: int


def encode_part(
    symbols: NDArray[np.int32], indexes: NDArray[np.uint8], tables: SymbolTables, writer: Writer
) -> None:
    """Write the symbols of a part, the last one first.

    Raises
    ------
    ConfigError
        If an index names no table, a skipped symbol is not 0, or a symbol is too large.
    """
    offsets, sizes = tables.offset.tolist(), tables.size.tolist()
    starts, frequencies = tables.start.tolist(), tables.frequency.tolist()
    states = writer.states.tolist()
    for i, symbol, table in _reversed(symbols.tolist(), indexes.tolist()):
        if table == SKIP:
            if symbol != 0:
                raise ConfigError(f"a skipped symbol is {symbol}; only 0 can be skipped")
            continue
        if table >= len(tables):
            raise ConfigError(f"a symbol has index {table}; there are {len(tables)} tables")
        entry, escape = symbol - offsets[table], sizes[table] - 1
        if not 0 <= entry < escape:
            if abs(symbol) > MAX_SYMBOL:
                raise ConfigError(f"a symbol is {symbol}; the largest magnitude is {MAX_SYMBOL}")
            writer.escapes_begin -= 1
            writer.escapes[writer.escapes_begin] = _escape_value(entry, escape)
            entry = escape

        state, frequency = states[i % len(states)], frequencies[table][entry]
        if state >= frequency << (2 * WORD_BITS - PRECISION_BITS):
            writer.words_begin -= 1
            writer.words[writer.words_begin] = state % LOWEST_STATE
            state //= LOWEST_STATE
        quotient, remainder = divmod(state, frequency)
        states[i % len(states)] = quotient * SLOTS + starts[table][entry] + remainder
    writer.states[:] = states


def _reversed(symbols: list[int], indexes: list[int]) -> "zip[tuple[int, int, int]]":
    return zip(reversed(range(len(symbols))), reversed(symbols), reversed(indexes), strict=True)


def _escape_value(entry: int, escape: int) -> int:
    """Fold what lies above a table onto even numbers and what lies below it onto odd ones."""
    return 2 * (entry - escape) if entry >= 0 else -2 * entry - 1
