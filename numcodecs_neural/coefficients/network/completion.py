"""What finished blocks leave for later ones: magnitudes, levels, borders (SPEC.md, 8.6)."""

import numpy as np

from numcodecs_neural.coefficients.network.arithmetic import (
    MAGNITUDE_LIMIT,
    NOTHING,
    companded,
    level_of,
)
from numcodecs_neural.coefficients.network.borders import write_border
from numcodecs_neural.coefficients.network.ends import (
    fill_narrow,
    fill_wide,
    repeat_narrow,
    repeat_wide,
)
from numcodecs_neural.coefficients.network.kinds import INT, NET, ROOM
from numcodecs_neural.coefficients.network.order import GROUP, GROUP_SIZE, GROUPS
from numcodecs_neural.coefficients.network.prepared import W_BESIDE, W_FLOOR, W_RUN, Prepared
from numcodecs_neural.coefficients.network.room import (
    BORDER,
    CODED,
    DC,
    DIAGONALS,
    ENERGY,
    FIELDS,
    FLOORS,
    INSIDE,
    LEVEL,
    MAGNITUDE,
    MAGNITUDES,
    MARGIN,
    NEAR_NARROW,
    NEAR_WIDE,
    RUNNING,
    SIGNED,
    SPREAD,
    SUM,
    SUMS,
    USUAL,
    VALUES,
    WIDE,
    WIDE_FIELDS,
    Room,
)
from numcodecs_neural.coefficients.network.tables import LOG_GROUP_SIZE, RATES
from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.vectors import (
    INT32S,
    LANES,
    add,
    both,
    load32,
    load_floats,
    minimum,
    mul,
    narrow,
    select,
    shift_right,
    splat32,
    splat_float,
    store16,
    store32,
    store_floats,
    total_product,
    types,
)

__all__ = ["begin_diagonal", "complete", "complete_diagonal", "forget"]

_GROUP, _SIZE, _LOG_SIZE = GROUP, GROUP_SIZE, LOG_GROUP_SIZE[GROUP_SIZE]
_RATES = RATES
_HALF = 32768
_BESIDE = np.array([-1, 1, -8, 8])


@inlined(types.void, ROOM, INT, INT)
def forget(room: Room, diagonal: Integer, stride: Integer) -> None:
    """Clear what stands where a diagonal will: no block is there, or none that is coded."""
    slot = diagonal % DIAGONALS
    start = slot * FIELDS * stride
    fill_narrow(room.narrow, start, FIELDS * stride, 0)
    fill_narrow(room.narrow, start + LEVEL * stride, GROUPS * stride, NOTHING)
    fill_wide(room.words, WIDE + slot * WIDE_FIELDS * stride, WIDE_FIELDS * stride)


@inlined(INT32S, ROOM, NET, INT)
def _spread(room: Room, net: Prepared, k: Integer) -> Integer:
    """Return the magnitudes beside one, in 1/32 of its step, limited."""
    total = splat32(0)
    for side in range(4):
        ratio = net.words[W_BESIDE + 4 * k + side]
        if ratio:
            near = load32(room.words, MAGNITUDES + LANES * (k + _BESIDE[side]))
            total = add(total, mul(near, splat32(ratio)))
    return minimum(shift_right(total, splat32(8)), splat32(MAGNITUDE_LIMIT))


@inlined(types.void, ROOM, NET, INT, INT)
def complete(room: Room, net: Prepared, stride: Integer, others: Integer) -> None:
    """Note sixteen blocks, and nothing for those that are not coded."""
    mask, here = load32(room.words, CODED), room.places[NEAR_NARROW + 6]
    nothing = splat32(NOTHING)
    for k in range(64):
        size = both(load32(room.words, MAGNITUDES + LANES * k), mask)
        store16(room.narrow, here + (MAGNITUDE + k) * stride, narrow(size))
        spread = both(_spread(room, net, k), mask)
        store16(room.narrow, here + (SPREAD + k) * stride, narrow(spread))
    for group in range(GROUPS):
        level = level_of(
            load32(room.words, ENERGY + LANES * group),
            np.int64(_SIZE[group]),
            np.int64(_LOG_SIZE[group]),
        )
        level = select(mask, level, nothing)
        store16(room.narrow, here + (LEVEL + group) * stride, narrow(level))
    for which in range(2):
        value = companded(load32(room.words, VALUES + LANES * (8 if which else 1)))
        store16(room.narrow, here + (SIGNED + which) * stride, narrow(value))
    wide = room.places[NEAR_WIDE + 6]
    for which in range(2):
        border = wide + (BORDER + 8 * which) * stride
        write_border(room.words, VALUES, which, 1, 8, border, stride)
        write_border(room.words, VALUES, which, 8, 1, border + 16 * stride, stride)
    dc = shift_right(load32(room.words, VALUES), splat32(4))
    store32(room.words, wide + DC * stride, dc)
    if others:
        for i in range(SUMS):
            total = select(mask, load_floats(room.words, INSIDE + LANES * i), splat_float(0.0))
            store_floats(room.words, wide + (SUM + i) * stride, total)


@inlined(types.void, ROOM, NET)
def begin_diagonal(room: Room, net: Prepared) -> None:
    """Say what the running magnitudes mean for a diagonal."""
    for group in range(GROUPS):
        room.words[USUAL + group] = 0
    for k in range(64):
        running = room.places[RUNNING + k]
        room.words[USUAL + _GROUP[k]] += running >> 10
        for j in range(3):
            weighted = (np.int64(net.words[W_RUN + 3 * k + j]) * (running >> 12)) >> 3
            room.words[FLOORS + 3 * k + j] = np.int64(net.words[W_FLOOR + 3 * k + j]) + weighted


@inlined(types.void, ROOM, NET, INT, INT, INT, INT, INT)
def _update_running(
    room: Room, net: Prepared, start: Integer, first: Integer, last: Integer, count: Integer,
    stride: Integer,
) -> None:  # fmt: skip
    """Bring the running means of magnitudes up to date with a diagonal."""
    room.places[RUNNING + 64] += count
    rate = min(count * _RATES[min(room.places[RUNNING + 64], _RATES.size) - 1], _HALF)
    for k in range(64):
        total = np.int64(0)
        begin = start + (MAGNITUDE + k) * stride
        for row in range(first, last + 1, LANES):
            total += total_product(room.narrow, begin + row, net.shorts, net.shorts.size - LANES)
        running = room.places[RUNNING + k]
        room.places[RUNNING + k] = running + ((((total << 15) // count - running) * rate) >> 16)


@inlined(types.void, ROOM, NET, INT, INT, INT, INT, INT)
def complete_diagonal(
    room: Room,
    net: Prepared,
    diagonal: Integer,
    first: Integer,
    last: Integer,
    count: Integer,
    stride: Integer,
) -> None:
    """Repeat the ends of a diagonal, and bring the running means up to date.

    `count` blocks of rows `first` to `last` were coded.
    """
    slot = diagonal % DIAGONALS
    narrow_start = slot * FIELDS * stride + MARGIN
    wide_start = WIDE + slot * WIDE_FIELDS * stride + MARGIN
    if count:
        _update_running(room, net, narrow_start, first, last, count, stride)
    repeat_narrow(room.narrow, narrow_start, FIELDS, first, last, stride)
    repeat_wide(room.words, wide_start, WIDE_FIELDS, first, last, stride)
