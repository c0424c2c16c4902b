"""Entropy decoding of baseline and extended scans.

Import it only when a stream is read, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, compiled, readable
from numcodecs_neural.jpeg.description import MAX_COEFFICIENT, NATURAL_ORDER
from numcodecs_neural.jpeg.reading.bits import entry, extended, fill
from numcodecs_neural.jpeg.reading.statuses import (
    BAD_CODE,
    DONE,
    OUT_OF_RANGE,
    SURPLUS_DATA,
    TOO_MANY,
    TRUNCATED,
)

__all__ = ["read_sequential"]

_ORDER = NATURAL_ORDER
_DC_SIZE, _AC_SIZE = 11, 10


@compiled(
    types.UniTuple(types.int64, 5),
    readable(types.uint32),
    types.int64,
    types.int64,
    types.int64,
    readable(types.int32),
    readable(types.int32),
    types.int64,
    types.int16[::1],
)
def _read_block(
    words: NDArray[np.uint32],
    word: Integer,
    bits: Integer,
    count: Integer,
    dc_table: NDArray[np.int32],
    ac_table: NDArray[np.int32],
    prediction: Integer,
    block: NDArray[np.int16],
) -> tuple[Integer, Integer, Integer, Integer, Integer]:
    """Read 64 coefficients; return the position after them, DC, and a status."""
    word, bits, count = fill(words, word, bits, count)
    found = entry(dc_table, bits, count)
    size = found & 0xFF
    if found == 0 or size > _DC_SIZE:
        return word, bits, count, prediction, BAD_CODE
    count -= found >> 8
    prediction += extended(bits, count, size)
    count -= size
    if not -MAX_COEFFICIENT - 1 <= prediction <= MAX_COEFFICIENT:
        return word, bits, count, prediction, OUT_OF_RANGE
    block[0] = prediction

    k = 1
    while k < 64:
        word, bits, count = fill(words, word, bits, count)
        found = entry(ac_table, bits, count)
        count -= found >> 8
        run, size = (found >> 4) & 15, found & 15
        if size == 0:
            if run == 15:
                k += 16
                continue
            end_of_block = found != 0 and run == 0
            return word, bits, count, prediction, DONE if end_of_block else BAD_CODE
        k += run
        if size > _AC_SIZE:
            return word, bits, count, prediction, BAD_CODE
        if k > 63:
            return word, bits, count, prediction, TOO_MANY
        block[_ORDER[k]] = extended(bits, count, size)
        count -= size
        k += 1
    return word, bits, count, prediction, DONE if k == 64 else TOO_MANY


@compiled(
    types.UniTuple(types.int64, 2),
    readable(types.uint32),
    readable(types.int64),
    readable(types.int64),
    types.int64,
    types.int64,
    types.int64,
    readable(types.int32, 2),
    readable(types.int64, 2),
    types.int16[:, ::1],
    types.int64,
)
def read_sequential(
    words: NDArray[np.uint32],
    begins: NDArray[np.int64],
    available: NDArray[np.int64],
    interval: Integer,
    units: Integer,
    columns: Integer,
    tables: NDArray[np.int32],
    parts: NDArray[np.int64],
    coefficients: NDArray[np.int16],
    surplus: Integer,
) -> tuple[Integer, Integer]:
    """Read all blocks of a scan; return a status and the minimum coded unit it belongs to.

    `tables` has two rows a component, DC and AC, and `surplus` is how many bits may be left at the
    end of an interval; the other arguments are those of `Intervals` and `ScanLayout`.
    """
    predictions = np.zeros(parts.shape[0], np.int64)
    for n in range(begins.size):
        word, bits, count = begins[n], np.int64(0), np.int64(0)
        predictions[:] = 0
        for unit in range(n * interval, min((n + 1) * interval, units)):
            row, column = unit // columns, unit % columns
            for part in range(parts.shape[0]):
                down, across = parts[part, 2], parts[part, 3]
                for block in range(down * across):
                    place = parts[part, 0] + column * across + block % across
                    place += (row * down + block // across) * parts[part, 1]
                    word, bits, count, predictions[part], status = _read_block(
                        words,
                        word,
                        bits,
                        count,
                        tables[2 * part],
                        tables[2 * part + 1],
                        predictions[part],
                        coefficients[place],
                    )
                    if 32 * (word - begins[n]) - count > available[n]:
                        return TRUNCATED, unit
                    if status != DONE:
                        return status, unit
        if 32 * (word - begins[n]) - count <= available[n] - 8 - surplus:
            return SURPLUS_DATA, min((n + 1) * interval, units) - 1
    return DONE, units
