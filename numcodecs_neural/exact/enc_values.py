"""Levels for the samples of a chunk: without values that do not occur."""

import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.exact.dec_values import EVEN, HEAD, LIST_LENGTH, LISTED, RAW_DEFLATE, Values

__all__ = ["even_values_of", "levels_of", "values_of"]

_WORTH = 0.5
"""A list is worth its bytes if it saves twice as many: gaps are partly predicted without it."""


def values_of(samples: NDArray[Any], max_error: int) -> tuple[Values, bytes]:
    """Return what levels stand for, and the same as bytes.

    Samples that lie evenly, such as 12 bits in the high bits of 16, are numbered by division. With
    a bound of 0, those of a few values are numbered by a list of these.
    """
    table, step = even_values_of(samples)
    used = _used(samples)
    low, most = int(used[0]), len(table) - 1
    error = min(max_error // step, most)
    if max_error == 0 and len(used) <= most:
        listed = _list_of(used - low)
        gain = samples.size * math.log2((most + 1) / len(used)) / 8 * _WORTH
        if len(listed) < gain:
            head = HEAD.pack(LISTED, low, 1, len(used) - 1, 0)
            values = Values(kind=LISTED, table=used.astype(samples.dtype), error=0)
            return values, head + LIST_LENGTH.pack(len(listed)) + listed
    return Values(kind=EVEN, table=table, error=error), HEAD.pack(EVEN, low, step, most, error)


def even_values_of(samples: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return the widest even steps that reach all samples, and how far apart they are."""
    used = _used(samples)
    step = int(np.gcd.reduce(used - used[0])) or 1
    return np.arange(used[0], used[-1] + 1, step).astype(samples.dtype), step


def _used(samples: NDArray[Any]) -> NDArray[np.int64]:
    """Return which samples there are, in rising order."""
    low = int(samples.min())
    counts = np.bincount((samples.astype(np.int32) - low).ravel())
    used: NDArray[np.int64] = low + np.flatnonzero(counts)
    return used


def _list_of(offsets: NDArray[np.int64]) -> bytes:
    flags = np.zeros(int(offsets[-1]) + 1, np.uint8)
    flags[offsets] = 1
    deflate = zlib.compressobj(9, zlib.DEFLATED, RAW_DEFLATE)
    packed = np.packbits(flags, bitorder="little").tobytes()
    return deflate.compress(packed) + deflate.flush()


def levels_of(samples: NDArray[Any], values: Values) -> NDArray[np.uint16]:
    """Return the number of each sample among `values`."""
    low = int(values.table[0])
    if low + len(values.table) == int(values.table[-1]) + 1:
        return (samples.astype(np.int32) - low).astype(np.uint16)
    numbers = np.zeros(int(values.table[-1]) - low + 1, np.uint16)
    numbers[values.table.astype(np.int64) - low] = np.arange(len(values.table))
    found: NDArray[np.uint16] = numbers[samples.astype(np.int64) - low]
    return found
