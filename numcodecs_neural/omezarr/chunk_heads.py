"""ChunkHead: how a chunk is coded and with which weights, from its first bytes."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.format import HEAD_NBYTES, NO_WEIGHTS, ChunkHeader, Mode, header_of

from .stored_arrays import ChunkIndex, StoredArray

__all__ = ["DAMAGED", "ChunkHead", "heads_of", "weights_ids_of"]

DAMAGED = "damaged"
"""Stands for the mode of a chunk that does not begin as one does."""

_LENGTH_NBYTES = 4
# So many are asked for at once, which behind a URL is one round trip.
_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkHead:
    """What a stored chunk of this package says before its data.

    Parameters
    ----------
    index : tuple of int
        Which chunk it is.
    header : ChunkHeader, optional
        None if it does not begin as a chunk does.
    coder : int, optional
        What codes its JPEG data, if it is in mode ``jpeg``.
    """

    index: ChunkIndex
    header: ChunkHeader | None
    coder: int | None = None

    @property
    def mode(self) -> str:
        """The mode in words: ``"lossy"``, ``"jpeg coder 2"``, ``"within 2"``."""
        if self.header is None:
            return DAMAGED
        if self.coder is not None:
            return f"jpeg coder {self.coder}"
        if self.header.max_error:
            return f"within {self.header.max_error}"
        return self.header.mode.name.lower()


def heads_of(stored: StoredArray, indexes: Iterable[ChunkIndex]) -> Iterator[ChunkHead]:
    """Yield the heads of those of the chunks that are stored.

    Parameters
    ----------
    stored : StoredArray
        One of this package's codec.
    indexes : iterable of tuple
        Which chunks.

    Raises
    ------
    SourceError
        If the index of a shard is damaged.
    """
    assert stored.chunks is not None  # for mypy: it is of this package's codec
    for batch in _batches(indexes):
        for index, start in zip(batch, stored.chunks.starts(batch, HEAD_NBYTES), strict=True):
            if start is not None:
                yield _head(index, start)


def weights_ids_of(heads: Iterable[ChunkHead]) -> Counter[bytes]:
    """Return how many chunks name which weights."""
    named = (head.header.weights_id for head in heads if head.header is not None)
    return Counter(weights_id for weights_id in named if weights_id != NO_WEIGHTS)


def _head(index: ChunkIndex, start: bytes) -> ChunkHead:
    try:
        header, behind = header_of(start)
    except BitstreamError:
        return ChunkHead(index=index, header=None)
    section = behind[_LENGTH_NBYTES:]
    coder = section[0] if header.mode is Mode.JPEG and section else None
    return ChunkHead(index=index, header=header, coder=coder)


def _batches(indexes: Iterable[ChunkIndex]) -> Iterator[list[ChunkIndex]]:
    left = iter(indexes)
    while batch := list(islice(left, _BATCH)):
        yield batch
