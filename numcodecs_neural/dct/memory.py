"""Memory that decoding works in, used again for the next image.

A chunk takes some megabytes. Memory that is new to a process costs as much time as half of the
kernels: the system clears each page, and takes it back when it is freed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Memory", "lent"]

_LARGEST_KEPT = 1 << 24
"""Bytes; that is what chunks of 1024 x 1024 take."""
_LINE = 64
_free: list["Memory"] = []


class Memory:
    """Bytes that one image at a time is decoded in."""

    def __init__(self) -> None:
        self._bytes: NDArray[np.uint8] = np.empty(0, np.uint8)

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._bytes.size

    def zeros(self, parts: Mapping[str, tuple[int, type]]) -> dict[str, NDArray[Any]]:
        """Return flat arrays of zeros, each at the start of a cache line, in place of those before.

        Parameters
        ----------
        parts : mapping of str to (int, type)
            Of each array its size and its type.
        """
        nbytes = [size * np.dtype(dtype).itemsize for size, dtype in parts.values()]
        lines = np.cumsum([0, *(-(-n // _LINE) for n in nbytes)])
        total = (int(lines[-1]) + 1) * _LINE
        if total > self.size:
            self._bytes = np.empty(total, np.uint8)
        self._bytes[:total] = 0
        first = -self._bytes.ctypes.data % _LINE
        starts = [first + _LINE * int(line) for line in lines]
        return {
            name: self._bytes[start : start + count].view(dtype)
            for (name, (_, dtype)), start, count in zip(
                parts.items(), starts[:-1], nbytes, strict=True
            )
        }


@contextmanager
def lent() -> Iterator[Memory]:
    """Give memory for the length of a block; as much is kept as was ever in use at once."""
    try:
        memory = _free.pop()
    except IndexError:
        memory = Memory()
    yield memory
    if memory.size <= _LARGEST_KEPT:
        _free.append(memory)
