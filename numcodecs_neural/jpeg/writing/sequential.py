"""Entropy coding of baseline and extended scans.

Import it only when a stream is written, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, compiled, readable
from numcodecs_neural.jpeg.description import NATURAL_ORDER
from numcodecs_neural.jpeg.writing.bits import (
    BITS,
    COUNT,
    MISSING,
    SIZES,
    finish,
    put_code,
    put_number,
)

__all__ = ["BLOCK_WORDS", "count_symbols", "write_sequential"]

BLOCK_WORDS = 53
"""A block takes 16 + 11 bits of DC and 63 times 16 + 10 of AC at most."""

_ORDER = NATURAL_ORDER
_SIZES = SIZES


@compiled(
    types.UniTuple(types.int64, 3),
    readable(types.int16),
    types.int64,
    readable(types.int32),
    readable(types.int32),
    types.uint32[::1],
    types.int64,
    types.int64,
    types.int64,
    types.int64[::1],
)
def _write_block(
    block: NDArray[np.int16],
    prediction: Integer,
    dc_table: NDArray[np.int32],
    ac_table: NDArray[np.int32],
    words: NDArray[np.uint32],
    used: Integer,
    bits: Integer,
    count: Integer,
    state: NDArray[np.int64],
) -> tuple[Integer, Integer, Integer]:
    """Write 64 coefficients; return the position behind them."""
    difference = np.int64(block[0]) - prediction
    used, bits, count = put_number(words, used, bits, count, dc_table, 0, difference, state)
    run = 0
    for k in range(1, 64):
        value = np.int64(block[_ORDER[k]])
        if value == 0:
            run += 1
            continue
        while run > 15:
            entry = np.int64(ac_table[0xF0])
            used, bits, count = put_code(words, used, bits, count, entry, 0, 0, state)
            run -= 16
        # As `put_number` does it; calls would take twice as long as all of this loop.
        size = _SIZES[abs(value)]
        entry = np.int64(ac_table[run << 4 | size])
        if entry == 0:
            state[MISSING] = 1
        bits = (bits << ((entry & 31) + size)) | (entry >> 8) << size
        bits |= (value - (value < 0)) & ((1 << size) - 1)
        count += (entry & 31) + size
        if count >= 32:
            count -= 32
            words[used] = (bits >> count) & 0xFFFFFFFF
            used += 1
        run = 0
    if run > 0:
        entry = np.int64(ac_table[0])
        used, bits, count = put_code(words, used, bits, count, entry, 0, 0, state)
    return used, bits, count


@compiled(
    types.int64,
    readable(types.int16, 2),
    readable(types.int32, 2),
    readable(types.int64, 2),
    types.int64,
    types.int64,
    types.int64,
    types.int64[::1],
    types.int64[::1],
    types.uint32[::1],
    types.int64[::1],
)
def write_sequential(
    coefficients: NDArray[np.int16],
    tables: NDArray[np.int32],
    parts: NDArray[np.int64],
    row: Integer,
    columns: Integer,
    interval: Integer,
    predictions: NDArray[np.int64],
    state: NDArray[np.int64],
    words: NDArray[np.uint32],
    ends: NDArray[np.int64],
) -> Integer:
    """Write one row of minimum coded units; return words written.

    `tables` has two rows a component, DC and AC. `predictions`, one a component, and `state` go on
    from row to row. Where restart intervals end goes into `ends`, in bytes.
    """
    used, bits, count = np.int64(0), state[BITS], state[COUNT]
    for unit in range(row * columns, (row + 1) * columns):
        if interval > 0 and unit > 0 and unit % interval == 0:
            used, bits, count = finish(words, used, bits, count, ends, state)
            predictions[:] = 0
        for part in range(parts.shape[0]):
            down, across = parts[part, 2], parts[part, 3]
            for block in range(down * across):
                place = parts[part, 0] + unit % columns * across + block % across
                place += (row * down + block // across) * parts[part, 1]
                used, bits, count = _write_block(
                    coefficients[place],
                    predictions[part],
                    tables[2 * part],
                    tables[2 * part + 1],
                    words,
                    used,
                    bits,
                    count,
                    state,
                )
                predictions[part] = coefficients[place, 0]
    state[BITS], state[COUNT] = bits, count
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
