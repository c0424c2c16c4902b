"""Quantisation tables of JPEG in few bytes (SPEC.md, section 8.1).

Most encoders scale the two tables that annex K of the standard prints, by a quality of 1 to 100 as
libjpeg does it. Such a table takes one byte.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import BitstreamError, TruncatedChunkError
from numcodecs_neural.jpeg.description import NATURAL_ORDER

__all__ = ["pack_steps", "unpack_steps"]

Steps = tuple[tuple[int, ...], ...]
"""Quantisation steps of each component, row by row."""

# fmt: off
_LUMA = np.array([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
])
_CHROMA = np.array([
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
])
# fmt: on

_REPEATED, _BYTES, _WORDS = 0, 201, 202
"""How a table begins; from 1 to 200 the number stands for a scaled one."""
_MAX_QUALITY = 100
_LAYOUTS: dict[int, np.dtype[Any]] = {_BYTES: np.dtype("u1"), _WORDS: np.dtype("<u2")}


def pack_steps(steps: Steps) -> bytes:
    """Return the tables of all components as bytes."""
    pieces = []
    for n, table in enumerate(steps):
        if n > 0 and table == steps[n - 1]:
            pieces.append(bytes([_REPEATED]))
        elif table in _scaled():
            pieces.append(bytes([_scaled()[table]]))
        else:
            kind = _BYTES if max(table) <= 0xFF else _WORDS
            pieces.append(bytes([kind]))
            pieces.append(np.array(table)[NATURAL_ORDER].astype(_LAYOUTS[kind]).tobytes())
    return b"".join(pieces)


def unpack_steps(data: bytes, place: int, count: int) -> tuple[Steps, int]:
    """Return the tables of `count` components that begin here, and where they end.

    Raises
    ------
    BitstreamError
        If there are none.
    """
    steps: Steps = ()
    for n in range(count):
        table, place = _unpack_table(data, place, steps[-1] if n else None)
        steps += (table,)
    return steps, place


def _unpack_table(
    data: bytes, place: int, before: tuple[int, ...] | None
) -> tuple[tuple[int, ...], int]:
    if place >= len(data):
        raise TruncatedChunkError(f"JPEG section of {len(data)} bytes ends before a table")
    kind, place = data[place], place + 1
    if kind == _REPEATED and before is not None:
        return before, place
    if 1 <= kind < _BYTES:
        return _tables()[kind - 1], place
    if kind not in _LAYOUTS:
        raise BitstreamError(f"a quantisation table of a JPEG chunk begins with {kind}")
    end = place + 64 * _LAYOUTS[kind].itemsize
    if end > len(data):
        raise TruncatedChunkError(f"JPEG section of {len(data)} bytes ends within a table")
    table = np.zeros(64, np.int64)
    table[NATURAL_ORDER] = np.frombuffer(data[place:end], _LAYOUTS[kind])
    if not table.all():
        raise BitstreamError("a quantisation table of a JPEG chunk has a step of 0")
    return tuple(table.tolist()), end


@functools.cache
def _tables() -> tuple[tuple[int, ...], ...]:
    """Return the tables of numbers 1 to 200: luma at each quality, then chroma."""
    qualities = range(1, _MAX_QUALITY + 1)
    return tuple(_at_quality(table, quality) for table in (_LUMA, _CHROMA) for quality in qualities)


def _at_quality(table: NDArray[np.int64], quality: int) -> tuple[int, ...]:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(((table * percent + 50) // 100).clip(1, 255).tolist())


@functools.cache
def _scaled() -> dict[tuple[int, ...], int]:
    """Return the number of each scaled table; of equal ones the lowest."""
    return {table: n for n, table in reversed(list(enumerate(_tables(), 1)))}
