"""Inputs of a block's network: features of the blocks around it (SPEC.md, 8.6)."""

import numpy as np

from numcodecs_neural.coefficients.network.arithmetic import (
    companded,
    level_of,
    log2_of_floats,
    paired,
)
from numcodecs_neural.coefficients.network.kinds import INT, NET, ROOM
from numcodecs_neural.coefficients.network.layers import add_layer
from numcodecs_neural.coefficients.network.order import GROUP_SIZE, GROUPS
from numcodecs_neural.coefficients.network.prepared import TABLES, Prepared
from numcodecs_neural.coefficients.network.room import (
    ACCUMULATOR,
    AROUND,
    BORDER,
    DC,
    DIAGONALS,
    FIELDS,
    INPUT_PAIRS,
    INPUTS,
    LEFT,
    LEVEL,
    MARGIN,
    NEAR_BORDER,
    NEAR_NARROW,
    NEAR_TWIN,
    NEAR_WIDE,
    RUNNING,
    SIGNED,
    SLOPES,
    TWIN_BORDERS,
    TWIN_FIELDS,
    TWIN_LEVEL,
    UP,
    USUAL,
    WIDE,
    WIDE_FIELDS,
    Room,
)
from numcodecs_neural.coefficients.network.tables import EXTRAPOLATED, LOG_GROUP_SIZE
from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.vectors import (
    INT32S,
    LANES,
    add,
    add_floats,
    both,
    load16,
    load32,
    load_floats,
    magnitude,
    minimum,
    mul,
    shift_left,
    shift_right,
    splat32,
    splat_float,
    store32,
    subtract,
    types,
    widen,
)

__all__ = ["dc_of", "look_around", "see_own", "see_twins", "start_accumulator"]

_BACK, _UP = np.array([1, 2, 3, 1, 2, 4, 0]), np.array([0, 1, 1, 1, 0, 2, 0])
"""How many diagonals back and rows up W, N, NW, NE, WW, NN and the block itself are."""
_TWIN_BACK, _TWIN_UP = np.array([0, 2, 1, -2, -1]), np.array([0, 1, 0, -1, 0])
_SIZE, _LOG_SIZE = GROUP_SIZE, LOG_GROUP_SIZE[GROUP_SIZE]
_SHARE = int(EXTRAPOLATED[0])
_W, _N, _NW, _NE = range(4)


@inlined(types.void, ROOM, INT, INT, INT, INT)
def look_around(
    room: Room, diagonal: Integer, row: Integer, stride: Integer, others: Integer
) -> None:
    """Find the neighbours of the blocks of a diagonal from a row on."""
    for n in range(7):
        slot = (diagonal - _BACK[n] + 2 * DIAGONALS) % DIAGONALS
        place = MARGIN + row - _UP[n]
        room.places[NEAR_NARROW + n] = slot * FIELDS * stride + place
        room.places[NEAR_WIDE + n] = WIDE + slot * WIDE_FIELDS * stride + place
    twins, borders = DIAGONALS * FIELDS * stride, WIDE + DIAGONALS * WIDE_FIELDS * stride
    for n in range(5):
        slot = (diagonal - _TWIN_BACK[n] + 2 * DIAGONALS) % DIAGONALS
        place = MARGIN + row - _TWIN_UP[n]
        room.places[NEAR_TWIN + n] = twins + slot * others * TWIN_FIELDS * stride + place
        room.places[NEAR_BORDER + n] = borders + slot * others * TWIN_BORDERS * stride + place


@inlined(INT32S, ROOM, INT, INT)
def dc_of(room: Room, neighbour: Integer, stride: Integer) -> Integer:
    """Return the dequantised DC of a neighbour."""
    return load32(room.words, room.places[NEAR_WIDE + neighbour] + DC * stride)


@inlined(types.void, ROOM, INT, INT32S)
def _put_signed(room: Room, at: Integer, values: Integer) -> None:
    """Write companded values, and their magnitudes 20 inputs before."""
    store32(room.words, INPUTS + LANES * at, values)
    store32(room.words, INPUTS + LANES * (at - 20), magnitude(values))


@inlined(types.void, ROOM, INT, INT)
def _see_borders(room: Room, at: Integer, stride: Integer) -> None:
    """Write what borders and DC of the neighbours say, 40 inputs."""
    north, west = dc_of(room, _N, stride), dc_of(room, _W, stride)
    north_west, north_east = dc_of(room, _NW, stride), dc_of(room, _NE, stride)
    up, left = load32(room.words, UP), load32(room.words, LEFT)
    share, half, eight = splat32(_SHARE), splat32(128), splat32(8)
    for u in range(8):
        above = load32(room.words, room.places[NEAR_WIDE + _N] + (BORDER + u) * stride)
        beside = load32(room.words, room.places[NEAR_WIDE + _W] + (BORDER + 16 + u) * stride)
        if u == 0:
            above = subtract(above, shift_right(add(mul(north, share), half), eight))
            beside = subtract(beside, shift_right(add(mul(west, share), half), eight))
        _put_signed(room, at + 20 + u, companded(both(above, up)))
        _put_signed(room, at + 28 + u, companded(both(beside, left)))
    three = splat32(3)
    _put_signed(room, at + 36, companded(shift_left(subtract(west, north_west), three)))
    _put_signed(room, at + 37, companded(shift_left(subtract(north, north_west), three)))
    _put_signed(room, at + 38, companded(shift_left(subtract(north_east, north), three)))
    _put_signed(room, at + 39, companded(shift_left(subtract(north, west), three)))


@inlined(INT, ROOM, INT, INT, INT, INT)
def see_own(
    room: Room, diagonal: Integer, row: Integer, columns: Integer, stride: Integer
) -> Integer:
    """Write what the trunk sees of the component itself; return how much that is."""
    at = 0
    for neighbour in range(6):
        for group in range(GROUPS):
            level = load16(
                room.narrow, room.places[NEAR_NARROW + neighbour] + (LEVEL + group) * stride
            )
            store32(room.words, INPUTS + LANES * at, widen(level))
            at += 1
    for group in range(GROUPS):
        size, log = np.int64(_SIZE[group]) << 5, np.int64(_LOG_SIZE[group]) + 1280
        store32(
            room.words, INPUTS + LANES * at, level_of(splat32(room.words[USUAL + group]), size, log)
        )
        at += 1
    _see_borders(room, at, stride)
    at += 40
    for neighbour in range(4):
        for which in range(2):
            value = load16(
                room.narrow, room.places[NEAR_NARROW + neighbour] + (SIGNED + which) * stride
            )
            store32(room.words, INPUTS + LANES * at, widen(value))
            at += 1
    for lane in range(LANES):
        y = row + lane
        x = diagonal - 2 * y
        is_up, place = y > 0, LANES * at + lane
        room.words[INPUTS + place] = 0 if is_up else 64
        room.words[INPUTS + place + LANES] = 0 if x > 0 else 64
        room.words[INPUTS + place + 2 * LANES] = 0 if is_up and x < columns - 1 else 64
    store32(
        room.words, INPUTS + LANES * (at + 3), splat32(1024 // (16 + room.places[RUNNING + 64]))
    )
    return at + 4


@inlined(types.void, ROOM, INT, INT, INT)
def see_twins(room: Room, at: Integer, stride: Integer, others: Integer) -> None:
    """Write what the trunk sees of the twins, behind what it sees of the component itself.

    The slopes must be those at the beginning of the block.
    """
    for n in range(5):
        for group in range(GROUPS):
            level = load16(room.narrow, room.places[NEAR_TWIN + n] + (TWIN_LEVEL + group) * stride)
            store32(room.words, INPUTS + LANES * at, widen(level))
            at += 1
    if others == 2:
        second = room.places[NEAR_TWIN] + TWIN_FIELDS * stride
        for group in range(GROUPS):
            level = load16(room.narrow, second + (TWIN_LEVEL + group) * stride)
            store32(room.words, INPUTS + LANES * at, widen(level))
            at += 1
    for c in range(others):
        slope = load32(room.words, SLOPES + LANES * c)
        store32(room.words, INPUTS + LANES * at, shift_right(slope, splat32(4)))
        squares = load_floats(room.words, AROUND + LANES * (2 + c))
        log = log2_of_floats(add_floats(squares, splat_float(256.0)))
        log = minimum(shift_right(subtract(log, splat32(2040)), splat32(4)), splat32(511))
        store32(room.words, INPUTS + LANES * (at + 1), log)
        at += 2


@inlined(types.void, ROOM, NET, INT, INT)
def start_accumulator(room: Room, net: Prepared, inputs: Integer, width: Integer) -> None:
    """Begin the sums of the first layer with all that lies around."""
    pairs = (inputs + 1) // 2
    for pair in range(pairs):
        low, high = (
            load32(room.words, INPUTS + 2 * LANES * pair),
            load32(room.words, INPUTS + LANES * (2 * pair + 1)),
        )
        store32(room.words, INPUT_PAIRS + LANES * pair, paired(low, high))
    for unit in range(width):
        store32(room.words, ACCUMULATOR + LANES * unit, splat32(0))
    add_layer(net.shorts, TABLES, room.words, INPUT_PAIRS, pairs, ACCUMULATOR, width)
