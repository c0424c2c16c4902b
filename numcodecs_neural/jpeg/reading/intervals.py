"""Entropy-coded data as words: without stuffed zeros, cut at restart markers.

Import it only when a stream is read, since it imports numba.
"""

from dataclasses import dataclass

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, compiled, readable
from numcodecs_neural.errors import JpegError, TruncatedJpegError
from numcodecs_neural.jpeg.reading.segments import RST0

__all__ = ["BLOCK_WORDS", "Intervals", "read_intervals"]

BLOCK_WORDS = 64
"""Words that reading one block can take at most: 63 codes of 16 bits with 15 more each, and DC."""


@dataclass(frozen=True)
class Intervals:
    """The data of a scan.

    Parameters
    ----------
    words : array
        Its bits, 32 a word, the first ones highest; each interval begins with a word. Behind the
        last one are `BLOCK_WORDS` of zeros, so that reading beyond the end is seen afterwards.
    begins : array
        First word of each interval.
    bits : array
        How many bits each interval has.
    end : int
        Where in the stream the marker begins that ends the scan.
    """

    words: NDArray[np.uint32]
    begins: NDArray[np.int64]
    bits: NDArray[np.int64]
    end: int


def read_intervals(stream: NDArray[np.uint8], begin: int, count: int) -> Intervals:
    """Return the entropy-coded data that begin here and have `count` restart intervals."""
    # A marker ends each interval; by then the stream must have its two bytes.
    if 2 * count > stream.size - begin:
        raise TruncatedJpegError(f"JPEG stream ends before its {count} restart intervals")
    room = stream.size - begin + 4 * (count + BLOCK_WORDS)
    clean = np.empty(room - room % 4, np.uint8)
    begins, nbytes = np.empty(count, np.int64), np.empty(count, np.int64)
    used, place, found = _remove_stuffing(stream, begin, clean, begins, nbytes)
    if place >= stream.size - 1:
        raise TruncatedJpegError(
            f"JPEG stream ends at byte {stream.size}, within the data of a scan"
        )
    marker = int(stream[place + 1])
    if found < count or RST0 <= marker < RST0 + 8:
        raise JpegError(
            f"JPEG stream has marker {marker:#04x} at byte {place}, "
            f"after {found} of {count} restart intervals"
        )
    words = clean[:used].view(">u4").astype(np.uint32)
    return Intervals(words, begins, 8 * nbytes, place)


@compiled(
    types.UniTuple(types.int64, 3),
    readable(types.uint8),
    types.int64,
    types.uint8[::1],
    types.int64[::1],
    types.int64[::1],
)
def _remove_stuffing(
    stream: NDArray[np.uint8],
    begin: Integer,
    clean: NDArray[np.uint8],
    begins: NDArray[np.int64],
    nbytes: NDArray[np.int64],
) -> tuple[Integer, Integer, Integer]:
    """Copy intervals; return bytes written, where it ended, and how many intervals are whole."""
    place, end, used = begin, stream.size - 1, 0
    found = 0
    while found < begins.size:
        begins[found] = used >> 2
        start = used
        while place < end:
            value = stream[place]
            if value == 0xFF:
                following = stream[place + 1]
                if following == 0xFF:  # a marker may be filled up in front
                    place += 1
                    continue
                if following != 0:
                    break
                place += 1
            clean[used] = value
            used += 1
            place += 1
        nbytes[found] = used - start
        found += 1
        while used & 3:
            clean[used] = 0
            used += 1
        if place >= end or found == begins.size:
            break
        if stream[place + 1] != RST0 + ((found - 1) & 7):
            break
        place += 2
    for _ in range(4 * BLOCK_WORDS):
        clean[used] = 0
        used += 1
    return used, place, found
