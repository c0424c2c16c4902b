"""Streams of the exact mode to samples (SPEC.md, section 10)."""

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import BitstreamError, TruncatedChunkError
from numcodecs_neural.exact.dec_gaps import MAX_GAP_WEIGHT, gaps_of, own_tables
from numcodecs_neural.exact.dec_kernels import (
    BAD_ESCAPE,
    BIT,
    BITS_LEFT,
    COUNT,
    LOWEST_STATE,
    STATUS,
    STREAMS,
    TRUNCATED,
    WORD,
    WORDS_LEFT,
    decode_plane,
)
from numcodecs_neural.exact.layout import (
    COEFFICIENTS,
    GAP_NEIGHBOURS,
    GAP_REACH,
    MAX_REFERENCES,
)
from numcodecs_neural.exact.model import ExactModel
from numcodecs_neural.exact.planes import Memory, Settings, planes_of, runnable

__all__ = [
    "HAS_GAPS",
    "LENGTHS",
    "MAX_BACK",
    "MAX_TERM_SUM",
    "PlaneHead",
    "decode_levels",
    "tables_of",
    "terms_of",
]

MAX_BACK = 64
"""How many planes back a reference may lie."""

MAX_TERM_SUM = 1 << 14
"""Of the magnitudes of a prediction's coefficients: 16 times a difference of 16 bits fits 32."""

HAS_GAPS = 128
"""Added to the number of a plane's tables where weights of distances follow."""

LENGTHS = struct.Struct("<II")
"""Words, and plain bits."""

_STATES = np.dtype("<u4")
_STATUS_ERRORS = {
    TRUNCATED: (TruncatedChunkError, "an exact chunk ends before its last sample"),
    BAD_ESCAPE: (BitstreamError, "an exact chunk holds an escape beyond the largest difference"),
}


class PlaneHead(NamedTuple):
    """How a plane is predicted linearly, and coded.

    Parameters
    ----------
    references : tuple of int
        How many planes back they lie.
    terms : ndarray of int
    tables : int
        The set of tables that says how likely numbers are.
    gaps : ndarray of int, shape (neighbours, distances), optional
        How likely the distances of a level from those near it are, in 256ths.
    """

    references: tuple[int, ...]
    terms: NDArray[np.int64]
    tables: int = 0
    gaps: NDArray[np.int64] | None = None


def decode_levels(
    data: bytes, shape: tuple[int, int, int, int], settings: Settings, model: ExactModel
) -> NDArray[np.uint16]:
    """Return levels (n, C, H, W).

    Raises
    ------
    BitstreamError
        If the data are damaged.
    """
    cursor = Cursor(data)
    order = cursor.order(shape[1])
    blocks = list(planes_of(shape, order))
    heads = [
        [cursor.plane_head(p.number, model.sets, settings.error) for p in block] for block in blocks
    ]
    code = Code.take(cursor)
    levels = np.empty(shape, np.uint16)
    for block, their_heads in zip(blocks, heads, strict=True):
        rows, columns = block[0].rows, block[0].columns
        size = rows.stop - rows.start, columns.stop - columns.start
        kept = 1 + max((max(head.references, default=0) for head in their_heads), default=0)
        memory = Memory(size, kept, settings)
        decode = runnable(decode_plane, memory.lanes)
        for plane, head in zip(block, their_heads, strict=True):
            numbers = memory.plane(plane.number, head.references, model)
            decode(
                numbers,
                memory.values,
                memory.errors,
                memory.offsets,
                terms_of(head),
                model.networks[len(head.references)],
                *tables_of(head, model, memory.lanes),
                code.words,
                code.bits,
                code.states,
                code.at,
            )
            code.check()
            levels[plane.image, plane.channel, rows, columns] = memory.samples(numbers)
    code.check_end()
    return levels


def terms_of(head: PlaneHead) -> NDArray[np.int32]:
    """Return the coefficients of a prediction as kernels take them."""
    terms = np.zeros(COEFFICIENTS[-1], np.int32)
    terms[: len(head.terms)] = head.terms
    return terms


def tables_of(
    head: PlaneHead, model: ExactModel, lanes: int
) -> tuple[NDArray[np.int16], NDArray[np.int32]]:
    """Return tables and weights of distances as kernels of so many `lanes` take them."""
    tables = model.tables[head.tables]
    if head.gaps is None:
        return tables, np.zeros(0, np.int32)
    return own_tables(tables, lanes), gaps_of(head.gaps)


class Cursor:
    """Reads bytes from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        part = self._data[self._at : self._at + count]
        if len(part) < count:
            raise TruncatedChunkError(f"an exact chunk lacks {count - len(part)} bytes")
        self._at += count
        return part

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.take(len(self._data) - self._at)

    def order(self, channels: int) -> list[int]:
        """Return the order in which channels are coded; one channel has none."""
        if channels == 1:
            return [0]
        order = [self.varint() for _ in range(channels)]
        if sorted(order) != list(range(channels)):
            raise BitstreamError(f"an exact chunk codes its {channels} channels not once each")
        return order

    def varint(self) -> int:
        """Return a number of 7 bits a byte, the lowest ones first."""
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 28:
                raise BitstreamError("an exact chunk holds a number of more than 35 bits")

    def plane_head(self, number: int, sets: int, error: int) -> PlaneHead:
        """Return how a plane is predicted and coded.

        Parameters
        ----------
        number : int
            Of the plane in its block.
        sets : int
            How many sets of tables there are.
        error : int
            The largest one, in levels.
        """
        count, tables = self.take(2)
        has_gaps, tables = tables & HAS_GAPS, tables & ~HAS_GAPS
        if has_gaps and error:
            raise BitstreamError("a plane of an exact chunk has weights of distances, and an error")
        if tables >= sets:
            raise BitstreamError(f"a plane of an exact chunk has tables {tables} of {sets}")
        if count > MAX_REFERENCES:
            raise BitstreamError(f"a plane of an exact chunk has {count} references; at most 2")
        back = tuple(self.varint() for _ in range(count))
        if any(not 1 <= distance <= min(number, MAX_BACK) for distance in back):
            raise BitstreamError(f"plane {number} of an exact chunk refers {back} planes back")
        folded = np.array([self.varint() for _ in range(COEFFICIENTS[count])], np.int64)
        terms = (folded >> 1) ^ -(folded & 1)
        if np.abs(terms).sum() > MAX_TERM_SUM:
            raise BitstreamError(
                f"a plane of an exact chunk has coefficients of {np.abs(terms).sum()} in all; "
                f"allowed are {MAX_TERM_SUM}"
            )
        return PlaneHead(back, terms, tables, self._gaps() if has_gaps else None)

    def _gaps(self) -> NDArray[np.int64]:
        count = GAP_NEIGHBOURS * (GAP_REACH + 1)
        weights = np.array([self.varint() for _ in range(count)], np.int64)
        if weights.max() > MAX_GAP_WEIGHT:
            raise BitstreamError(
                f"a plane of an exact chunk has a weight of {weights.max()} of distances; allowed "
                f"are {MAX_GAP_WEIGHT}"
            )
        return weights.reshape(GAP_NEIGHBOURS, -1)


class Code(NamedTuple):
    """What is coded, and how far it has been read."""

    words: NDArray[np.uint16]
    bits: NDArray[np.uint32]
    states: NDArray[np.int64]
    at: NDArray[np.int64]

    @classmethod
    def take(cls, cursor: Cursor) -> "Code":
        """Read all that is left."""
        words, bits = LENGTHS.unpack(cursor.take(LENGTHS.size))
        states = np.frombuffer(cursor.take(STREAMS * _STATES.itemsize), _STATES).astype(np.int64)
        if states.min() < LOWEST_STATE:
            raise BitstreamError(f"an exact chunk begins with the state {states.min()}")
        coded = np.frombuffer(cursor.take(2 * words), "<u2").astype(np.uint16)
        plain = cursor.rest()
        if len(plain) != (bits + 7) // 8:
            raise BitstreamError(f"an exact chunk has {len(plain)} bytes of {bits} plain bits")
        at = np.zeros(6, np.int64)
        at[WORDS_LEFT], at[BITS_LEFT] = words, bits
        # Kernels look at all words that a diagonal may take before they count them.
        padded = plain + bytes(-len(plain) % 4 + 8)
        longest = np.zeros(words + _SPARE_WORDS, np.uint16)
        longest[:words] = coded
        return cls(longest, np.frombuffer(padded, "<u4").astype(np.uint32), states, at)

    def check(self) -> None:
        """Raise what the kernel found."""
        status = int(self.at[STATUS])
        if not status and self.at[BIT] > self.at[BITS_LEFT]:
            status = TRUNCATED
        if status:
            error, text = _STATUS_ERRORS[status]
            raise error(text)

    def check_end(self) -> None:
        """Raise unless all has been read."""
        used = int(self.at[WORD]), int(self.at[BIT])
        whole = int(self.at[WORDS_LEFT]), int(self.at[BITS_LEFT])
        if used != whole or np.any(self.states != LOWEST_STATE):
            raise BitstreamError(
                f"an exact chunk of {self.at[COUNT]} samples uses {used} of its {whole} words and "
                "bits, or ends with other states than those it should"
            )


_SPARE_WORDS = 1024
"""More than the longest diagonal has samples."""
