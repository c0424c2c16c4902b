"""Huffman tables of JPEG: as streams hold them, as kernels use them, and made from counts."""

import functools
import heapq
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import JpegError

__all__ = [
    "LIMITS",
    "LOOKUP_BITS",
    "OFFSETS",
    "SYMBOLS",
    "HuffmanTable",
]

LONGEST = 16
"""Bits of the longest code."""

LOOKUP_BITS = 9
"""Codes up to this length are found by one look at the next bits."""

LIMITS = 1 << LOOKUP_BITS
OFFSETS = LIMITS + LONGEST + 1
SYMBOLS = OFFSETS + LONGEST + 1
"""Where the parts of a decoding table begin."""


@dataclass(frozen=True)
class HuffmanTable:
    """A table of a DHT segment.

    Parameters
    ----------
    counts : tuple of int
        How many codes there are of 1, 2, ... 16 bits.
    symbols : bytes
        What the codes stand for, from the shortest to the longest.
    """

    counts: tuple[int, ...]
    symbols: bytes

    @classmethod
    def from_counts(cls, counts: NDArray[np.int64]) -> Self:
        """Return the best table for 256 symbols that occur this often; at least one must.

        As annex K.2 of the standard and libjpeg do it, tie-breaks included: a symbol of its own
        takes the code of all ones, and codes beyond 16 bits are shortened.
        """
        lengths = _code_lengths([*counts.tolist(), 1])
        per_length = [lengths.count(length) for length in range(max(lengths) + 1)]
        for length in range(max(lengths), LONGEST, -1):
            while per_length[length]:
                shorter = next(n for n in range(length - 2, 0, -1) if per_length[n])
                per_length[length] -= 2
                per_length[length - 1] += 1
                per_length[shorter + 1] += 2
                per_length[shorter] -= 1
        per_length = (per_length + [0] * LONGEST)[: LONGEST + 1]
        last = max(length for length in range(1, LONGEST + 1) if per_length[length])
        per_length[last] -= 1
        used = sorted((length, symbol) for symbol, length in enumerate(lengths[:-1]) if length)
        return cls(tuple(per_length[1:]), bytes(symbol for _, symbol in used))

    def check(self) -> None:
        """Raise JpegError where the codes do not fit into their lengths.

        The code of all ones must stay free.
        """
        code = 0
        for length, count in enumerate(self.counts, 1):
            code = 2 * code + count
            if count and code >= 1 << length:
                raise JpegError(f"Huffman table has more codes of {length} bits than there can be")

    def decoding(self) -> NDArray[np.int32]:
        """Return the table for kernels that read.

        First, by the next `LOOKUP_BITS` bits, ``length << 8 | symbol``, or 0 for longer codes. At
        `LIMITS`, by length, the first number of 16 bits that is beyond the codes of that length; at
        `OFFSETS` what to add to a code to get its position among the symbols; then these.
        """
        return _decoding(self)

    def encoding(self) -> NDArray[np.int32]:
        """Return ``code << 8 | length`` by symbol; 0 for symbols that have no code."""
        return _encoding(self)


def _code_lengths(counts: list[int]) -> list[int]:
    """Return lengths of Huffman codes: of equal counts the later symbol is taken first."""
    lengths = [0] * len(counts)
    heap = [(count, -symbol, [symbol]) for symbol, count in enumerate(counts) if count]
    heapq.heapify(heap)
    while len(heap) > 1:
        count, name, members = heapq.heappop(heap)
        other_count, _, other_members = heapq.heappop(heap)
        members += other_members
        for symbol in members:
            lengths[symbol] += 1
        heapq.heappush(heap, (count + other_count, name, members))
    return lengths


def _codes(table: HuffmanTable) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return code and length of each symbol of a table."""
    lengths = np.repeat(np.arange(1, LONGEST + 1, dtype=np.int32), table.counts)
    # Left-aligned, each code begins where the one before ends.
    spans = np.int32(1) << (LONGEST - lengths)
    begins = np.cumsum(spans, dtype=np.int32) - spans
    return begins >> (LONGEST - lengths), lengths


@functools.lru_cache(maxsize=256)
def _decoding(table: HuffmanTable) -> NDArray[np.int32]:
    codes, lengths = _codes(table)
    symbols = np.frombuffer(table.symbols, np.uint8).astype(np.int32)
    packed = np.zeros(SYMBOLS + 256, np.int32)
    short = lengths <= LOOKUP_BITS
    entries = np.repeat(
        (lengths << 8 | symbols)[short], np.int32(1) << (LOOKUP_BITS - lengths[short])
    )
    packed[: entries.size] = entries
    end = 0
    for length, count in enumerate(table.counts, 1):
        if count:
            begin, end = end, end + count
            packed[LIMITS + length] = (codes[end - 1] + 1) << (LONGEST - length)
            packed[OFFSETS + length] = begin - codes[begin]
    packed[SYMBOLS : SYMBOLS + symbols.size] = symbols
    packed.flags.writeable = False
    return packed


@functools.lru_cache(maxsize=256)
def _encoding(table: HuffmanTable) -> NDArray[np.int32]:
    codes, lengths = _codes(table)
    packed = np.zeros(256, np.int32)
    packed[np.frombuffer(table.symbols, np.uint8)] = codes << 8 | lengths
    packed.flags.writeable = False
    return packed
