"""Linear regression of a block on components coded before, its twins (SPEC.md, 8.6)."""

from typing import Any

import numpy as np

from numcodecs_neural.coefficients.network.arithmetic import (
    NOTHING,
    doubled,
    level_of,
    scaled,
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
from numcodecs_neural.coefficients.network.prepared import FACTORS, W_FACTOR, Prepared
from numcodecs_neural.coefficients.network.room import (
    AROUND,
    CODED,
    DIAGONALS,
    ENERGY,
    FIELDS,
    INSIDE,
    MARGIN,
    NEAR_TWIN,
    NEAR_WIDE,
    SCALED,
    SLOPES,
    SUM,
    SUMS,
    TWIN,
    TWIN_BORDERS,
    TWIN_FIELDS,
    TWIN_LEVEL,
    VALUES,
    WIDE,
    WIDE_FIELDS,
    Room,
)
from numcodecs_neural.coefficients.network.tables import LOG_GROUP_SIZE
from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.vectors import (
    FLOATS,
    INT32S,
    LANES,
    add,
    add_floats,
    divide_floats,
    floats_of,
    higher_float,
    integers_of,
    load16,
    load32,
    load_floats,
    lower_float,
    mul_floats,
    narrow,
    select,
    splat32,
    splat_float,
    store16,
    store32,
    store_floats,
    subtract_floats,
    types,
    widen,
)

__all__ = ["add_squares", "in_steps", "note_twins", "regress", "regress_around", "scale_twins"]

_GROUP, _SIZE, _LOG_SIZE = GROUP, GROUP_SIZE, LOG_GROUP_SIZE[GROUP_SIZE]
_SLOPE_LIMIT = 4096.0
"""Slopes are at most 4, in 1/1024."""


@inlined(INT32S, NET, INT32S, INT)
def in_steps(net: Prepared, values: Integer, k: Integer) -> Integer:
    """Return values in sixteenths as sixteenths of the step of a coefficient."""
    return scaled(
        values, net.words[W_FACTOR + FACTORS * k + 4], net.words[W_FACTOR + FACTORS * k + 5]
    )


@inlined(types.void, ROOM, NET, INT, INT, INT)
def _note_twin(room: Room, net: Prepared, place: Integer, border: Integer, stride: Integer) -> None:
    """Note sixteen blocks whose values are in `values`."""
    for group in range(GROUPS):
        store32(room.words, ENERGY + LANES * group, splat32(0))
    for k in range(64):
        value = load32(room.words, VALUES + LANES * k)
        store16(room.narrow, place + (TWIN + k) * stride, narrow(value))
        if k:
            size = doubled(in_steps(net, value, k))
            at = LANES * np.int64(_GROUP[k])
            store32(room.words, ENERGY + at, add(load32(room.words, ENERGY + at), size))
    for group in range(GROUPS):
        level = level_of(
            load32(room.words, ENERGY + LANES * group),
            np.int64(_SIZE[group]),
            np.int64(_LOG_SIZE[group]),
        )
        store16(room.narrow, place + (TWIN_LEVEL + group) * stride, narrow(level))
    write_border(room.words, VALUES, 0, 1, 8, border, stride)
    write_border(room.words, VALUES, 0, 8, 1, border + 8 * stride, stride)


@inlined(types.void, ROOM, NET, types.Array(types.int16, 4, "C"), INT, INT, INT, INT)
def note_twins(
    room: Room,
    net: Prepared,
    twins: Any,
    diagonal: Integer,
    first: Integer,
    last: Integer,
    stride: Integer,
) -> None:
    """Note values, levels and borders of the twins on a diagonal, in rows first to last, if any."""
    others = twins.shape[0]
    slot = (diagonal + DIAGONALS) % DIAGONALS
    for c in range(others):
        base = ((slot * others + c) * TWIN_FIELDS + DIAGONALS * FIELDS) * stride
        border = ((slot * others + c) * TWIN_BORDERS + DIAGONALS * WIDE_FIELDS) * stride + WIDE
        if first > last:
            fill_narrow(room.narrow, base, TWIN_FIELDS * stride, 0)
            fill_narrow(room.narrow, base + TWIN_LEVEL * stride, GROUPS * stride, NOTHING)
            fill_wide(room.words, border, TWIN_BORDERS * stride)
        else:
            base, border = base + MARGIN, border + MARGIN
            for row in range(first, last + 1, LANES):
                for lane in range(min(LANES, last + 1 - row)):
                    y = row + lane
                    for k in range(64):
                        room.words[VALUES + LANES * k + lane] = twins[c, y, diagonal - 2 * y, k]
                _note_twin(room, net, base + row, border + row, stride)
            repeat_narrow(room.narrow, base, TWIN_FIELDS, first, last, stride)
            repeat_wide(room.words, border, TWIN_BORDERS, first, last, stride)


@inlined(types.void, ROOM, NET, INT, INT)
def scale_twins(room: Room, net: Prepared, stride: Integer, others: Integer) -> None:
    """Write the twins of a block in sixteenths of its steps."""
    for c in range(others):
        twin = room.places[NEAR_TWIN] + c * TWIN_FIELDS * stride
        for k in range(64):
            value = widen(load16(room.narrow, twin + k * stride))
            store32(room.words, SCALED + LANES * (64 * c + k), in_steps(net, value, k))


@inlined(FLOATS, ROOM, INT, INT, INT)
def _sum_at(room: Room, neighbour: Integer, which: Integer, stride: Integer) -> Integer:
    return load_floats(room.words, room.places[NEAR_WIDE + neighbour] + (SUM + which) * stride)


@inlined(INT32S, FLOATS)
def _slope(value: Integer) -> Integer:
    return integers_of(
        lower_float(higher_float(value, splat_float(-_SLOPE_LIMIT)), splat_float(_SLOPE_LIMIT))
    )


@inlined(types.void, ROOM, INT, INT32S, INT32S)
def _set_slope(room: Room, which: Integer, mask: Integer, slope: Integer) -> None:
    store32(
        room.words,
        SLOPES + LANES * which,
        select(mask, slope, load32(room.words, SLOPES + LANES * which)),
    )


@inlined(FLOATS, ROOM, INT)
def _both_sums(room: Room, which: Integer) -> Integer:
    inside = load_floats(room.words, INSIDE + LANES * which)
    return add_floats(load_floats(room.words, AROUND + LANES * which), add_floats(inside, inside))


@inlined(types.void, ROOM, INT, INT)
def regress(room: Room, which: Integer, others: Integer) -> None:
    """Bring slopes up to date with what is decoded, in the blocks of a row of ``lane``."""
    mask = load32(room.words, which)
    a = add_floats(_both_sums(room, 2), splat_float(768.0))
    if others == 1:
        slope = divide_floats(mul_floats(_both_sums(room, 0), splat_float(16384.0)), a)
        _set_slope(room, 0, mask, _slope(slope))
        return
    b, c = add_floats(_both_sums(room, 3), splat_float(768.0)), _both_sums(room, 4)
    x = mul_floats(_both_sums(room, 0), splat_float(16384.0))
    y = mul_floats(_both_sums(room, 1), splat_float(16384.0))
    product = mul_floats(a, b)
    determinant = subtract_floats(product, mul_floats(c, c))
    determinant = add_floats(determinant, mul_floats(product, splat_float(1 / 1024)))
    determinant = higher_float(determinant, splat_float(1.0))
    first = subtract_floats(mul_floats(x, b), mul_floats(y, c))
    second = subtract_floats(mul_floats(y, a), mul_floats(x, c))
    _set_slope(room, 0, mask, _slope(divide_floats(first, determinant)))
    _set_slope(room, 1, mask, _slope(divide_floats(second, determinant)))
    _set_slope(room, 2, mask, _slope(divide_floats(y, b)))


@inlined(types.void, ROOM, INT, INT)
def regress_around(room: Room, stride: Integer, others: Integer) -> None:
    """Begin the regression of a block with the sums of its neighbours."""
    for i in range(SUMS):
        total = add_floats(_sum_at(room, 0, i, stride), _sum_at(room, 1, i, stride))
        total = add_floats(total, total)
        for neighbour in range(2, 6):
            total = add_floats(total, _sum_at(room, neighbour, i, stride))
        store_floats(room.words, AROUND + LANES * i, total)
        store_floats(room.words, INSIDE + LANES * i, splat_float(0.0))
    regress(room, CODED, others)


@inlined(types.void, ROOM, INT, FLOATS)
def _add_inside(room: Room, which: Integer, value: Integer) -> None:
    at = LANES * which
    store_floats(room.words, INSIDE + at, add_floats(load_floats(room.words, INSIDE + at), value))


@inlined(types.void, ROOM, INT, INT32S, INT)
def add_squares(room: Room, k: Integer, symbols: Integer, others: Integer) -> None:
    """Add the products of a coefficient to the sums of its block."""
    symbol, first = floats_of(symbols), floats_of(load32(room.words, SCALED + LANES * k))
    _add_inside(room, 0, mul_floats(symbol, first))
    _add_inside(room, 2, mul_floats(first, first))
    if others == 2:
        second = floats_of(load32(room.words, SCALED + LANES * (64 + k)))
        _add_inside(room, 1, mul_floats(symbol, second))
        _add_inside(room, 3, mul_floats(second, second))
        _add_inside(room, 4, mul_floats(first, second))
