"""Decoding of symbol streams (SPEC.md, section 5): the bytes around states, words and escapes."""

import struct
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural import compilation
from numcodecs_neural.entropy import dec_rans
from numcodecs_neural.entropy.dec_rans import LOWEST_STATE, Reader
from numcodecs_neural.entropy.tables import SymbolTables
from numcodecs_neural.errors import BitstreamError, ConfigError, TruncatedChunkError

__all__ = ["HEAD", "SymbolDecoder", "checked_array"]

HEAD = struct.Struct("<BI")  # lanes - 1, words
_Scalar = TypeVar("_Scalar", bound=np.generic)


class SymbolDecoder:
    """Decodes a stream part after part, since the indexes of a part may depend on earlier ones.

    Parameters
    ----------
    stream : bytes
        What `enc_stream.encode_symbols` returned.

    Raises
    ------
    TruncatedChunkError
        If the stream is shorter than it says.
    BitstreamError
        If it is no stream.
    """

    def __init__(self, stream: bytes) -> None:
        if len(stream) < HEAD.size:
            raise TruncatedChunkError(
                f"symbol stream has {len(stream)} bytes; its head alone needs {HEAD.size}"
            )
        last_lane, word_count = HEAD.unpack_from(stream)
        words_begin = HEAD.size + 4 * (last_lane + 1)
        escapes_begin = words_begin + 2 * word_count
        if len(stream) < escapes_begin:
            raise TruncatedChunkError(
                f"symbol stream has {len(stream)} bytes; its states and words need {escapes_begin}"
            )
        states = np.frombuffer(stream, "<u4", last_lane + 1, HEAD.size).astype(np.uint32)
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
        indexes = checked_array("indexes", indexes, np.dtype(np.uint8))
        if is_trellis and len(tables) % 3:
            raise ConfigError(f"there are {len(tables)} tables; a trellis needs 3 for each class")
        self._refuse_if_failed()
        self._has_failed = True
        symbols = _decode_part()(
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


def _decode_part() -> Callable[..., NDArray[np.int32]]:
    if compilation.use_numba():
        from numcodecs_neural.entropy import dec_kernels

        return dec_kernels.decode_part
    return dec_rans.decode_part


def checked_array(name: str, array: NDArray[_Scalar], dtype: np.dtype[_Scalar]) -> NDArray[_Scalar]:
    """Return `array` contiguous and aligned, as compiled code expects it."""
    if array.dtype != dtype or array.ndim != 1:
        raise ConfigError(
            f"{name} is {array.dtype} with {array.ndim} dimensions; expected {dtype} with 1"
        )
    return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"])
