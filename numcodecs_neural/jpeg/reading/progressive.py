"""Entropy decoding of progressive scans: DC or AC, first bits or the next one.

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
    BAD_RUN,
    DONE,
    OUT_OF_RANGE,
    SURPLUS_DATA,
    TOO_MANY,
    TRUNCATED,
)

__all__ = ["read_ac", "read_dc"]

_ORDER = NATURAL_ORDER
_DC_SIZE, _AC_SIZE = 11, 10


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
    types.int64,
    types.int64,
)
def read_dc(
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
    low: Integer,
    refines: Integer,
) -> tuple[Integer, Integer]:
    """Read bits of DC down to bit `low`; arguments and result are those of `read_sequential`."""
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
                    word, bits, count = fill(words, word, bits, count)
                    if refines != 0:
                        count -= 1
                        coefficients[place, 0] |= ((bits >> count) & 1) << low
                    else:
                        found = entry(tables[2 * part], bits, count)
                        size = found & 0xFF
                        if found != 0 and size <= _DC_SIZE:
                            count -= found >> 8
                            predictions[part] += extended(bits, count, size)
                            count -= size
                    if 32 * (word - begins[n]) - count > available[n]:
                        return TRUNCATED, unit
                    if refines == 0:
                        if found == 0 or size > _DC_SIZE:
                            return BAD_CODE, unit
                        value = predictions[part] << low
                        if not -MAX_COEFFICIENT - 1 <= value <= MAX_COEFFICIENT:
                            return OUT_OF_RANGE, unit
                        coefficients[place, 0] = value
        if 32 * (word - begins[n]) - count <= available[n] - 8 - surplus:
            return SURPLUS_DATA, min((n + 1) * interval, units) - 1
    return DONE, units


@compiled(
    types.UniTuple(types.int64, 5),
    readable(types.uint32),
    types.int64,
    types.int64,
    types.int64,
    readable(types.int32),
    types.int64,
    types.int64,
    types.int64,
    types.int16[::1],
)
def _first_bits(
    words: NDArray[np.uint32],
    word: Integer,
    bits: Integer,
    count: Integer,
    table: NDArray[np.int32],
    k: Integer,
    last: Integer,
    low: Integer,
    block: NDArray[np.int16],
) -> tuple[Integer, Integer, Integer, Integer, Integer]:
    """Read coefficients k to last; return the position, blocks that then stay empty, a status."""
    while k <= last:
        word, bits, count = fill(words, word, bits, count)
        found = entry(table, bits, count)
        if found == 0:
            return word, bits, count, 0, BAD_CODE
        count -= found >> 8
        run, size = (found >> 4) & 15, found & 15
        if size == 0 and run < 15:
            count -= run
            more = (bits >> count) & ((1 << run) - 1)
            return word, bits, count, (1 << run) + more - 1, DONE
        k += run
        if size > 0:
            if size > _AC_SIZE:
                return word, bits, count, 0, BAD_CODE
            if k > last:
                return word, bits, count, 0, TOO_MANY
            value = extended(bits, count, size) << low
            if abs(value) > MAX_COEFFICIENT:
                return word, bits, count, 0, OUT_OF_RANGE
            block[_ORDER[k]] = value
            count -= size
        k += 1
    return word, bits, count, 0, DONE if k == last + 1 else TOO_MANY


@compiled(
    types.UniTuple(types.int64, 4),
    readable(types.uint32),
    types.int64,
    types.int64,
    types.int64,
    types.int64,
    types.int64,
    types.int64,
    types.int64,
    types.int16[::1],
)
def _correct(
    words: NDArray[np.uint32],
    word: Integer,
    bits: Integer,
    count: Integer,
    k: Integer,
    last: Integer,
    zeros: Integer,
    low: Integer,
    block: NDArray[np.int16],
) -> tuple[Integer, Integer, Integer, Integer]:
    """Refine coefficients that are not 0, and pass `zeros` that are; stop at the 0 behind them."""
    while k <= last:
        value = np.int64(block[_ORDER[k]])
        if value == 0:
            if zeros == 0:
                break
            zeros -= 1
        else:
            word, bits, count = fill(words, word, bits, count)
            count -= 1
            step = ((bits >> count) & 1) << low
            block[_ORDER[k]] = value + (step if value > 0 else -step)
        k += 1
    return word, bits, count, k


@compiled(
    types.UniTuple(types.int64, 5),
    readable(types.uint32),
    types.int64,
    types.int64,
    types.int64,
    readable(types.int32),
    types.int64,
    types.int64,
    types.int64,
    types.int16[::1],
)
def _next_bit(
    words: NDArray[np.uint32],
    word: Integer,
    bits: Integer,
    count: Integer,
    table: NDArray[np.int32],
    k: Integer,
    last: Integer,
    low: Integer,
    block: NDArray[np.int16],
) -> tuple[Integer, Integer, Integer, Integer, Integer]:
    """Do what `_first_bits` does, for one more bit."""
    while k <= last:
        word, bits, count = fill(words, word, bits, count)
        found = entry(table, bits, count)
        if found == 0:
            return word, bits, count, 0, BAD_CODE
        count -= found >> 8
        run, size = (found >> 4) & 15, found & 15
        if size == 0 and run < 15:
            count -= run
            blocks = (1 << run) + ((bits >> count) & ((1 << run) - 1))
            # This block's coefficients are refined all the same.
            word, bits, count, k = _correct(words, word, bits, count, k, last, 64, low, block)
            return word, bits, count, blocks - 1, DONE
        if size > 1:
            return word, bits, count, 0, BAD_CODE
        value = 0
        if size == 1:
            count -= 1
            value = 1 if (bits >> count) & 1 else -1
        word, bits, count, k = _correct(words, word, bits, count, k, last, run, low, block)
        if k > last:
            return word, bits, count, 0, TOO_MANY
        if value != 0:
            block[_ORDER[k]] = value << low
        k += 1
    return word, bits, count, 0, DONE


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
    types.int64,
    types.int64,
    types.int64,
    types.int64,
)
def read_ac(
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
    first: Integer,
    last: Integer,
    low: Integer,
    refines: Integer,
) -> tuple[Integer, Integer]:
    """Read bits of coefficients `first` to `last`, as `read_dc` does; one component a scan."""
    for n in range(begins.size):
        word, bits, count = begins[n], np.int64(0), np.int64(0)
        empty = np.int64(0)
        for unit in range(n * interval, min((n + 1) * interval, units)):
            place = parts[0, 0] + (unit // columns) * parts[0, 1] + unit % columns
            block = coefficients[place]
            status = np.int64(DONE)
            if empty > 0:
                empty -= 1
                if refines != 0:
                    word, bits, count, _ = _correct(
                        words, word, bits, count, first, last, np.int64(64), low, block
                    )
            elif refines != 0:
                word, bits, count, empty, status = _next_bit(
                    words, word, bits, count, tables[1], first, last, low, block
                )
            else:
                word, bits, count, empty, status = _first_bits(
                    words, word, bits, count, tables[1], first, last, low, block
                )
            if 32 * (word - begins[n]) - count > available[n]:
                return TRUNCATED, unit
            if status != DONE:
                return status, unit
        end = min((n + 1) * interval, units) - 1
        if empty > 0:
            return BAD_RUN, end
        if 32 * (word - begins[n]) - count <= available[n] - 8 - surplus:
            return SURPLUS_DATA, end
    return DONE, units
