"""Symbol streams: the bytes around the rANS states, words and escapes (see SPEC.md, section 5)."""

import functools
import struct
from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy import dec_rans as rans
from numcodecs_neural.entropy.dec_rans import LOWEST_STATE, Reader, Writer
from numcodecs_neural.entropy.tables import SymbolTables
from numcodecs_neural.errors import BitstreamError, ConfigError, TruncatedChunkError

__all__ = ["MAX_LANES", "Part", "SymbolDecoder", "encode_symbols"]

Part = tuple[NDArray[np.int32], NDArray[np.uint8], SymbolTables]
"""Symbols, the index of the table that codes each, and the tables."""

MAX_LANES = 256
LANES = 4
"""Below 4 a processor core waits for one symbol before it can begin the next; more gain nothing."""
_Scalar = TypeVar("_Scalar", bound=np.generic)
_HEAD = struct.Struct("<BI")  # lanes - 1, words


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
    >>> from numcodecs_neural.entropy import SymbolDecoder, tables_from_counts
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
    for symbols, indexes, tables in reversed(parts):
        _coder().encode_part(symbols, indexes, tables, writer)
    words = writer.words[writer.words_begin :].astype("<u2", copy=False)
    return b"".join(
        (
            _HEAD.pack(lanes - 1, len(words)),
            writer.states.astype("<u4", copy=False).tobytes(),
            words.tobytes(),
            _exp_golomb(writer.escapes[writer.escapes_begin :]),
        )
    )


class SymbolDecoder:
    """Decodes a stream part after part, since the indexes of a part may depend on earlier ones.

    Parameters
    ----------
    stream : bytes
        What `encode_symbols` returned.

    Raises
    ------
    TruncatedChunkError
        If the stream is shorter than it says.
    BitstreamError
        If it is no stream.
    """

    def __init__(self, stream: bytes) -> None:
        if len(stream) < _HEAD.size:
            raise TruncatedChunkError(
                f"symbol stream has {len(stream)} bytes; its head alone needs {_HEAD.size}"
            )
        last_lane, word_count = _HEAD.unpack_from(stream)
        words_begin = _HEAD.size + 4 * (last_lane + 1)
        escapes_begin = words_begin + 2 * word_count
        if len(stream) < escapes_begin:
            raise TruncatedChunkError(
                f"symbol stream has {len(stream)} bytes; its states and words need {escapes_begin}"
            )
        states = np.frombuffer(stream, "<u4", last_lane + 1, _HEAD.size).astype(np.uint32)
        if states.min() < LOWEST_STATE:
            raise BitstreamError(f"symbol stream begins with a state below {LOWEST_STATE}")
        words = np.zeros(word_count + 1, np.uint16)
        words[:-1] = np.frombuffer(stream, "<u2", word_count, words_begin)
        escapes = np.frombuffer(stream, np.uint8, offset=escapes_begin)
        self._reader = Reader(states=states, words=words, escapes=escapes)
        self._has_failed = False

    def decode(
        self, indexes: NDArray[np.uint8], tables: SymbolTables, *, is_trellis: bool = False
    ) -> NDArray[np.int32]:
        """Return the symbols of the next part, int32 of the shape of `indexes`.

        Parameters
        ----------
        indexes : ndarray of uint8, one-dimensional
            The indexes that the part was encoded with.
        tables : SymbolTables
            The tables that the part was encoded with.
        is_trellis : bool
            For what `quantize` made: indexes are classes, and halves of a step are returned.

        Raises
        ------
        BitstreamError
            If the stream ends too early or is damaged.
        ConfigError
            If `indexes` has another dtype or shape, or names no table, or if there are not three
            tables for each class of a trellis.
        """
        indexes = _checked_array("indexes", indexes, np.dtype(np.uint8))
        if is_trellis and len(tables) % 3:
            raise ConfigError(f"there are {len(tables)} tables; a trellis needs 3 for each class")
        self._refuse_if_failed()
        self._has_failed = True
        symbols = _coder().decode_part(
            indexes, tables, self._reader, len(tables) // 3 if is_trellis else 0
        )
        self._has_failed = False
        return symbols

    def finish(self) -> None:
        """Check that the stream ends where the last part does.

        Raises
        ------
        BitstreamError
            If words or escapes are left, or a state is not what the encoder began with: the
            stream is damaged, or was decoded with other indexes or tables.
        """
        self._refuse_if_failed()
        reader = self._reader
        words_left = len(reader.words) - 1 - reader.word_position
        if words_left:
            raise BitstreamError(f"symbol stream has {words_left} words behind its last symbol")
        if np.any(reader.states != LOWEST_STATE):
            raise BitstreamError("symbol stream is damaged: it does not end in its initial state")
        bits_left = 8 * len(reader.escapes) - reader.bit_position
        if bits_left >= 8 or (bits_left and reader.escapes[-1] & ((1 << bits_left) - 1)):
            raise BitstreamError(f"symbol stream has {bits_left} bits behind its last escape")

    def _refuse_if_failed(self) -> None:
        if self._has_failed:
            raise BitstreamError("symbol stream cannot be decoded further: an earlier part failed")


class _Coder(Protocol):
    """What `rans` and `kernels` have in common."""

    def encode_part(
        self,
        symbols: NDArray[np.int32],
        indexes: NDArray[np.uint8],
        tables: SymbolTables,
        writer: Writer,
    ) -> None: ...

    def decode_part(
        self,
        indexes: NDArray[np.uint8],
        tables: SymbolTables,
        reader: Reader,
        classes: int = 0,
    ) -> NDArray[np.int32]: ...


@functools.cache
def _coder() -> _Coder:
    """Return the compiled coder, or the reference where numba cannot be imported."""
    try:
        from numcodecs_neural.entropy import dec_kernels as kernels
    except ImportError:
        return rans
    return kernels


def _checked_part(
    symbols: NDArray[np.int32], indexes: NDArray[np.uint8], tables: SymbolTables
) -> Part:
    symbols = _checked_array("symbols", symbols, np.dtype(np.int32))
    indexes = _checked_array("indexes", indexes, np.dtype(np.uint8))
    if len(symbols) != len(indexes):
        raise ConfigError(f"a part has {len(symbols)} symbols and {len(indexes)} indexes")
    return symbols, indexes, tables


def _checked_array(
    name: str, array: NDArray[_Scalar], dtype: np.dtype[_Scalar]
) -> NDArray[_Scalar]:
    """Return `array` contiguous and aligned, as compiled code expects it."""
    if array.dtype != dtype or array.ndim != 1:
        raise ConfigError(
            f"{name} is {array.dtype} with {array.ndim} dimensions; expected {dtype} with 1"
        )
    return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"])


def _exp_golomb(values: NDArray[np.uint32]) -> bytes:
    """Return the values as Exp-Golomb codewords, the highest bit first, padded with zeros."""
    bits = "".join(f"{value + 1:0{2 * (value + 1).bit_length() - 1}b}" for value in values.tolist())
    nbytes = (len(bits) + 7) // 8
    return int(bits.ljust(8 * nbytes, "0") or "0", 2).to_bytes(nbytes, "big")
