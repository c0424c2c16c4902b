"""Shards as clients see them: uncompressed chunks of one size, and an index at the end.

Where each chunk lies follows from which of them are there; none is decoded before it is asked for.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.omezarr.chunk_files import EMPTY

__all__ = ["ShardLayout", "index_of"]

_CHECKSUM_NBYTES = 4


def index_of(is_there: NDArray[np.bool_], chunk_nbytes: int) -> bytes:
    """Return the index, with its checksum, of a shard that has these of its chunks."""
    entries = np.full((is_there.size, 2), EMPTY, "<u8")
    there = np.flatnonzero(is_there)
    entries[there, 0] = np.arange(len(there), dtype="<u8") * chunk_nbytes
    entries[there, 1] = chunk_nbytes
    index = entries.tobytes()
    return index + struct.pack("<I", google_crc32c.value(index))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardLayout:
    """Where the chunks of a shard lie.

    Parameters
    ----------
    places : tuple
        Of the chunks that are there, in the grid of the whole array, in the order of the index.
    chunk_nbytes : int
        Size of each.
    index : bytes
        With its checksum.
    """

    places: tuple[tuple[int, ...], ...]
    chunk_nbytes: int
    index: bytes

    @classmethod
    def of(
        cls, index: bytes, first: tuple[int, ...], per_shard: tuple[int, ...], chunk_nbytes: int
    ) -> "ShardLayout":
        """Return what an index says of the shard of so many chunks whose first is at `first`.

        Examples
        --------
        >>> index = index_of(np.array([[True, False]]), 100)
        >>> layout = ShardLayout.of(index, (0, 2), (1, 2), 100)
        >>> layout.places, len(layout.index), layout.nbytes
        (((0, 2),), 36, 136)
        """
        entries = np.frombuffer(index[:-_CHECKSUM_NBYTES], "<u8").reshape(*per_shard, 2)
        places = (np.argwhere(entries[..., 0] != EMPTY) + np.array(first)).tolist()
        return cls(places=tuple(map(tuple, places)), chunk_nbytes=chunk_nbytes, index=index)

    @property
    def nbytes(self) -> int:
        """Size of the shard."""
        return len(self.places) * self.chunk_nbytes + len(self.index)

    def sizes(self) -> Iterator[tuple[tuple[int, ...] | None, int]]:
        """Yield place and size of all that follows each other; the index has no place."""
        for place in self.places:
            yield place, self.chunk_nbytes
        yield None, len(self.index)
