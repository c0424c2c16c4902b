"""Words to the bytes of entropy-coded data: stuffed zeros, and restart markers.

Import it only when a stream is written, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, compiled, readable

__all__ = ["stuffed"]

_RST0 = 0xD0


def stuffed(words: NDArray[np.uint32], ends: NDArray[np.int64], number: int) -> bytes:
    """Return the bytes of intervals that each begin with a word, and end as `ends` says in bytes.

    Each but the last is followed by a restart marker; the first of these has this number.
    """
    out = np.empty(2 * int(ends[-1]) + 2 * ends.size, np.uint8)
    return out[: _stuff(words, ends, number, out)].tobytes()


@compiled(
    types.int64,
    readable(types.uint32),
    readable(types.int64),
    types.int64,
    types.uint8[::1],
)
def _stuff(
    words: NDArray[np.uint32], ends: NDArray[np.int64], number: Integer, out: NDArray[np.uint8]
) -> Integer:
    used = place = 0
    for n in range(ends.size):
        if n > 0:
            out[used], out[used + 1] = 0xFF, _RST0 + ((number + n - 1) & 7)
            used += 2
            place = (place + 3) & ~3
        while place < ends[n]:
            word = np.int64(words[place >> 2])
            # Whether no byte is 0xFF: adding 1 to its lower 7 bits carries into the highest one.
            plain = ((word & 0x7F7F7F7F) + 0x01010101) & word & 0x80808080 == 0
            if plain and ends[n] - place >= 4:
                out[used], out[used + 1] = word >> 24, (word >> 16) & 0xFF
                out[used + 2], out[used + 3] = (word >> 8) & 0xFF, word & 0xFF
                used += 4
                place += 4
                continue
            for _ in range(min(ends[n] - place, 4)):
                value = (word >> (24 - 8 * (place & 3))) & 0xFF
                out[used] = value
                used += 1
                if value == 0xFF:
                    out[used] = 0
                    used += 1
                place += 1
    return used
