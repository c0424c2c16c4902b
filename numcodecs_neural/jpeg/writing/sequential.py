"""Entropy coding of baseline and extended scans.

Import it only when a stream is written, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, compiled, readable
from numcodecs_neural.jpeg.description import NATURAL_ORDER
from numcodecs_neural.jpeg.writing.bits import SIZES, finish, put, restart

__all__ = ["BLOCK_NBYTES", "count_symbols", "write_rest", "write_sequential"]

BLOCK_NBYTES = 420
"""A block takes 16 + 11 bits of DC and 63 times 16 + 10 of AC at most, all bytes stuffed."""

_ORDER = NATURAL_ORDER
_SIZES = SIZES


@compiled(
    types.UniTuple(types.int64, 4),
    readable(types.int16),
    types.int64,
    readable(types.int32),
    readable(types.int32),
    types.uint8[::1],
    types.int64,
    types.int64,
    types.int64,
)
def _write_block(
    block: NDArray[np.int16],
    prediction: Integer,
    dc_table: NDArray[np.int32],
    ac_table: NDArray[np.int32],
    out: NDArray[np.uint8],
    used: Integer,
    bits: Integer,
    count: Integer,
) -> tuple[Integer, Integer, Integer, Integer]:
    """Write 64 coefficients; return the position, and whether all symbols have codes."""
    value = np.int64(block[0]) - prediction
    size = _SIZES[abs(value)]
    code = np.int64(dc_table[size])
    complete = code != 0
    extra = (value - (value < 0)) & ((1 << size) - 1)
    used, bits, count = put(out, used, bits, count, (code >> 8) << size | extra, (code & 31) + size)
    run = 0
    for k in range(1, 64):
        value = np.int64(block[_ORDER[k]])
        if value == 0:
            run += 1
            continue
        while run > 15:
            code = np.int64(ac_table[0xF0])
            complete &= code != 0
            used, bits, count = put(out, used, bits, count, code >> 8, code & 31)
            run -= 16
        size = _SIZES[abs(value)]
        code = np.int64(ac_table[run << 4 | size])
        complete &= code != 0
        extra = (value - (value < 0)) & ((1 << size) - 1)
        used, bits, count = put(
            out, used, bits, count, (code >> 8) << size | extra, (code & 31) + size
        )
        run = 0
    if run > 0:
        code = np.int64(ac_table[0])
        complete &= code != 0
        used, bits, count = put(out, used, bits, count, code >> 8, code & 31)
    return used, bits, count, np.int64(complete)


@compiled(
    types.int64,
    readable(types.int16, 2),
    readable(types.int32, 2),
    readable(types.int64, 2),
    types.int64,
    types.int64,
    types.int64,
    types.int64[::1],
    types.uint8[::1],
)
def write_sequential(
    coefficients: NDArray[np.int16],
    tables: NDArray[np.int32],
    parts: NDArray[np.int64],
    row: Integer,
    columns: Integer,
    interval: Integer,
    state: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> Integer:
    """Write one row of minimum coded units; return bytes written, or -1 where a code is missing.

    `tables` has two rows a component, DC and AC; `state` keeps the bits at hand, how many they are,
    and a prediction a component from row to row.
    """
    used, bits, count = np.int64(0), state[0], state[1]
    for unit in range(row * columns, (row + 1) * columns):
        if interval > 0 and unit > 0 and unit % interval == 0:
            used, bits, count = restart(out, used, bits, count, unit // interval - 1)
            state[2:] = 0
        for part in range(parts.shape[0]):
            down, across = parts[part, 2], parts[part, 3]
            for block in range(down * across):
                place = parts[part, 0] + unit % columns * across + block % across
                place += (row * down + block // across) * parts[part, 1]
                used, bits, count, complete = _write_block(
                    coefficients[place],
                    state[2 + part],
                    tables[2 * part],
                    tables[2 * part + 1],
                    out,
                    used,
                    bits,
                    count,
                )
                if not complete:
                    return -1
                state[2 + part] = coefficients[place, 0]
    state[0], state[1] = bits, count
    return used


@compiled(types.int64, types.uint8[::1], types.int64[::1])
def write_rest(out: NDArray[np.uint8], state: NDArray[np.int64]) -> Integer:
    """Write the bits at hand, filled up to a byte; return bytes written."""
    used, _, _ = finish(out, np.int64(0), state[0], state[1])
    return used


@compiled(
    types.void,
    readable(types.int16, 2),
    readable(types.int64, 2),
    types.int64,
    types.int64,
    types.int64,
    types.int64[:, ::1],
)
def count_symbols(
    coefficients: NDArray[np.int16],
    parts: NDArray[np.int64],
    rows: Integer,
    columns: Integer,
    interval: Integer,
    counts: NDArray[np.int64],
) -> None:
    """Add up how often `write_sequential` would write each symbol, two rows a component."""
    predictions = np.zeros(parts.shape[0], np.int64)
    for unit in range(rows * columns):
        if interval > 0 and unit % interval == 0:
            predictions[:] = 0
        for part in range(parts.shape[0]):
            down, across = parts[part, 2], parts[part, 3]
            for n in range(down * across):
                place = parts[part, 0] + unit % columns * across + n % across
                place += (unit // columns * down + n // across) * parts[part, 1]
                block = coefficients[place]
                counts[2 * part, _SIZES[abs(block[0] - predictions[part])]] += 1
                predictions[part] = block[0]
                run = 0
                for k in range(1, 64):
                    value = np.int64(block[_ORDER[k]])
                    if value == 0:
                        run += 1
                        continue
                    counts[2 * part + 1, 0xF0] += run >> 4
                    counts[2 * part + 1, (run & 15) << 4 | _SIZES[abs(value)]] += 1
                    run = 0
                if run > 0:
                    counts[2 * part + 1, 0] += 1
