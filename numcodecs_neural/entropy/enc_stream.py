"""Encoding of symbol streams (SPEC.md, section 5): the bytes around states, words and escapes."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural import compilation
from numcodecs_neural.entropy import enc_rans
from numcodecs_neural.entropy.dec_rans import LOWEST_STATE
from numcodecs_neural.entropy.dec_stream import HEAD, checked_array
from numcodecs_neural.entropy.enc_rans import Writer
from numcodecs_neural.entropy.tables import SymbolTables
from numcodecs_neural.errors import ConfigError

__all__ = ["LANES", "MAX_LANES", "Part", "encode_symbols"]

Part = tuple[NDArray[np.int32], NDArray[np.uint8], SymbolTables]
"""Symbols, the index of the table that codes each, and the tables."""

MAX_LANES = 256
LANES = 4
"""Below 4 a processor core waits for one symbol before it can begin the next; more gain nothing."""


def encode_symbols(parts: Sequence[Part], *, lanes: int = LANES) -> bytes:
    """Return one stream that holds the symbols of all parts.

    Parameters
    ----------
    parts : sequence of (symbols, indexes, tables)
        Symbols (int32) and indexes (uint8) are one-dimensional and of one length. An index of
        `SKIP` says that the symbol is 0 and takes no bits.
    lanes : int
        Number of interleaved states, 1 to 256; each costs 4 bytes. Parts that come from `quantize`
        need the default.

    Raises
    ------
    ConfigError
        If an array has another dtype or shape, an index names no table, a skipped symbol is not
        0, or a symbol has a magnitude of 2**30 or more.

    Examples
    --------
    >>> from numcodecs_neural.entropy import SymbolDecoder
    >>> from numcodecs_neural.entropy.enc_tables import tables_from_counts
    >>> tables = tables_from_counts([np.array([1, 2, 1, 0])], [-1])
    >>> symbols = np.array([0, 1, -1, 700], np.int32)
    >>> stream = encode_symbols([(symbols, np.zeros(4, np.uint8), tables)], lanes=1)
    >>> decoder = SymbolDecoder(stream)
    >>> decoder.decode(np.zeros(4, np.uint8), tables)
    array([  0,   1,  -1, 700], dtype=int32)
    >>> decoder.finish()
    """
    if not 1 <= lanes <= MAX_LANES:
        raise ConfigError(f"lanes is {lanes}; allowed are 1 to {MAX_LANES}")
    parts = [_checked_part(*part) for part in parts]
    room = sum(len(symbols) for symbols, _, _ in parts)
    writer = Writer(
        states=np.full(lanes, LOWEST_STATE, np.uint32),
        words=np.empty(room, np.uint16),
        words_begin=room,
        escapes=np.empty(room, np.uint32),
        escapes_begin=room,
    )
    encode_part = _encode_part()
    for symbols, indexes, tables in reversed(parts):
        encode_part(symbols, indexes, tables, writer)
    words = writer.words[writer.words_begin :].astype("<u2", copy=False)
    return b"".join(
        (
            HEAD.pack(lanes - 1, len(words)),
            writer.states.astype("<u4", copy=False).tobytes(),
            words.tobytes(),
            _exp_golomb(writer.escapes[writer.escapes_begin :]),
        )
    )


def _encode_part() -> Callable[..., None]:
    if compilation.use_numba():
        from numcodecs_neural.entropy import enc_kernels

        return enc_kernels.encode_part
    return enc_rans.encode_part


def _checked_part(
    symbols: NDArray[np.int32], indexes: NDArray[np.uint8], tables: SymbolTables
) -> Part:
    symbols = checked_array("symbols", symbols, np.dtype(np.int32))
    indexes = checked_array("indexes", indexes, np.dtype(np.uint8))
    if len(symbols) != len(indexes):
        raise ConfigError(f"a part has {len(symbols)} symbols and {len(indexes)} indexes")
    return symbols, indexes, tables


def _exp_golomb(values: NDArray[np.uint32]) -> bytes:
    """Return the values as Exp-Golomb codewords, the highest bit first, padded with zeros."""
    bits = "".join(f"{value + 1:0{2 * (value + 1).bit_length() - 1}b}" for value in values.tolist())
    nbytes = (len(bits) + 7) // 8
    return int(bits.ljust(8 * nbytes, "0") or "0", 2).to_bytes(nbytes, "big")
