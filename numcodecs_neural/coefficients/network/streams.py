"""What the coder reads and writes: states, words, plain bits, notes, and how far it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network import statuses

__all__ = ["RESERVE", "Streams"]

RESERVE = 64
"""Zeros behind words and bits, more than sixteen symbols take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """The arrays of one direction; those of the other one are empty.

    Parameters
    ----------
    decodes : int
        1 or 0.
    words : ndarray of uint16
        With a reserve behind them.
    bits : ndarray of uint32
        Plain bits, likewise.
    states : ndarray of int64
    notes : ndarray of int32
        Symbols and flags that are to become words.
    plain : ndarray of uint32
        Room for plain bits.
    progress : ndarray of int64
        See `statuses`.
    """

    decodes: int
    words: NDArray[np.uint16]
    bits: NDArray[np.uint32]
    states: NDArray[np.int64]
    notes: NDArray[np.int32]
    plain: NDArray[np.uint32]
    progress: NDArray[np.int64]

    @classmethod
    def to_read(
        cls, states: NDArray[np.int64], words: NDArray[np.uint16], plain: bytes
    ) -> "Streams":
        """Return what decodes these."""
        bits = np.frombuffer(plain + bytes(4 * RESERVE - len(plain) % 4), "<u4")
        progress = np.zeros(statuses.PLACES, np.int64)
        progress[statuses.WORDS_LEFT], progress[statuses.BITS_LEFT] = len(words), 8 * len(plain)
        return cls(
            decodes=1,
            words=np.concatenate([words, np.zeros(RESERVE, np.uint16)]),
            bits=bits.astype(np.uint32),
            states=states,
            notes=np.zeros(0, np.int32),
            plain=np.zeros(0, np.uint32),
            progress=progress,
        )

    @classmethod
    def to_write(cls, symbols: int, bits: int) -> "Streams":
        """Return room for so many symbols and plain bits."""
        return cls(
            decodes=0,
            words=np.zeros(0, np.uint16),
            bits=np.zeros(0, np.uint32),
            states=np.zeros(0, np.int64),
            notes=np.empty(symbols, np.int32),
            plain=np.empty(bits // 32 + 2, np.uint32),
            progress=np.zeros(statuses.PLACES, np.int64),
        )
