"""The context model: goes over the blocks of a component, sixteen at once (SPEC.md, 8.6).

The same kernel serves both directions, so that what is encoded is what will be decoded. Import it
only when coefficients are coded, since it imports numba.
"""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.arithmetic import level_of, paired
from numcodecs_neural.coefficients.network.coefficient import expect, note, note_zero
from numcodecs_neural.coefficients.network.completion import (
    begin_diagonal,
    complete,
    complete_diagonal,
    forget,
)
from numcodecs_neural.coefficients.network.constant import expect_constant, note_constant
from numcodecs_neural.coefficients.network.kinds import (
    BITS,
    CODES,
    INT,
    NET,
    PLAIN,
    PROGRESS,
    ROOM,
    STATES,
    WORDS,
)
from numcodecs_neural.coefficients.network.layers import add_layer, begin_sums, rectify, rescale
from numcodecs_neural.coefficients.network.limits import MOST_OUTPUTS
from numcodecs_neural.coefficients.network.neighbours import (
    look_around,
    see_own,
    see_twins,
    start_accumulator,
)
from numcodecs_neural.coefficients.network.order import (
    AC_PASSES,
    GROUP_SIZE,
    GROUPS,
    LISTED,
    ORDER,
    PASS_START,
    STEERED,
    VISIBLE_COUNT,
)
from numcodecs_neural.coefficients.network.prepared import (
    W_BIAS,
    W_HEAD_BIAS,
    W_LAYER_BIAS,
    W_PAIRS,
    W_SHIFT1,
    W_SHIFT2,
    W_SHIFT3,
    W_SIZES,
    W_START,
    Prepared,
)
from numcodecs_neural.coefficients.network.regression import (
    note_twins,
    regress,
    regress_around,
    scale_twins,
)
from numcodecs_neural.coefficients.network.room import (
    ACCUMULATOR,
    ACTIVATIONS,
    ACTIVE,
    BLOCK_PLACES,
    CODED,
    DIAGONALS,
    ENERGY,
    HIDDEN,
    KNOWN,
    LANE_NUMBERS,
    LEFT,
    LEVEL_PAIRS,
    MAGNITUDES,
    MARGIN,
    OUTPUTS,
    SIGNED_PAIRS,
    SYMBOL,
    TWIN_KNOWN,
    UP,
    VALUES,
    Room,
)
from numcodecs_neural.coefficients.network.statuses import DONE, STATUS
from numcodecs_neural.coefficients.network.symbol_noting import note_flag, note_symbols
from numcodecs_neural.coefficients.network.symbol_reading import (
    decode_flag,
    decode_symbols,
    is_over,
)
from numcodecs_neural.coefficients.network.tables import LOG_GROUP_SIZE, ZERO_PROBABILITY
from numcodecs_neural.compilation import Integer, compiled, inlined, readable
from numcodecs_neural.vectors import LANES, add, load32, splat32, store32, types

__all__ = ["code_blocks"]

_DC_PASS = AC_PASSES
_STEERED, _LISTED = STEERED.astype(np.int64), LISTED
_SIZE, _LOG_SIZE = GROUP_SIZE, LOG_GROUP_SIZE[GROUP_SIZE]
_PASS_START, _ORDER, _VISIBLE = PASS_START, ORDER, VISIBLE_COUNT
_CODED_TABLE, _TWINS = readable(types.boolean, 2), types.Array(types.int16, 4, "C")
_BLOCKS = types.Array(types.int16, 1, "C")
_OUTERMOST_LOGIT = 320


@inlined(INT, ROOM, _CODED_TABLE, INT, INT, INT)
def _find_lanes(
    room: Room, coded: NDArray[np.bool_], diagonal: Integer, row: Integer, last: Integer
) -> Integer:
    """Say which of sixteen blocks are coded, and what they have around them; return how many."""
    found, columns = 0, coded.shape[1]
    for lane in range(LANES):
        y = row + lane
        x = diagonal - 2 * y
        room.words[UP + lane] = -np.int64(y > 0)
        room.words[LEFT + lane] = -np.int64(x > 0)
        room.words[CODED + lane] = room.words[ACTIVE + lane] = 0
        room.words[SYMBOL + lane] = 0
        if y <= last and coded[y, x]:
            room.words[CODED + lane] = room.words[ACTIVE + lane] = -1
            room.places[BLOCK_PLACES + lane] = (y * columns + x) * 64
            room.places[LANE_NUMBERS + found] = lane
            found += 1
    return found


@inlined(types.void, WORDS, INT, INT)
def _clear(words: NDArray[np.int32], first: Integer, rows: Integer) -> None:
    for i in range(first, first + LANES * rows, LANES):
        store32(words, i, splat32(0))


@inlined(types.void, ROOM, NET, INT, INT)
def _run_layers(room: Room, net: Prepared, number: Integer, width: Integer) -> None:
    """Compute the outputs of a pass."""
    start, kinds = W_START + 4 * number, W_PAIRS + 3 * number
    for unit in range(width):
        bias = splat32(net.words[W_BIAS + width * number + unit])
        sums = load32(room.words, ACCUMULATOR + LANES * unit)
        store32(room.words, ACTIVATIONS + LANES * unit, add(sums, bias))
    own, levels = np.int64(net.words[start]), np.int64(net.words[kinds])
    add_layer(net.shorts, own, room.words, LEVEL_PAIRS, levels, ACTIVATIONS, width)
    rectify(room.words, ACTIVATIONS, net.words, W_SHIFT1 + width * number, HIDDEN, width)
    begin_sums(net.words, W_LAYER_BIAS + width * number, room.words, ACTIVATIONS, width)
    layer = np.int64(net.words[start + 2])
    add_layer(net.shorts, layer, room.words, HIDDEN, width >> 1, ACTIVATIONS, width)
    rectify(room.words, ACTIVATIONS, net.words, W_SHIFT2 + width * number, HIDDEN, width)
    heads, count = np.int64(net.words[start + 3]), np.int64(net.words[kinds + 2])
    begin_sums(net.words, W_HEAD_BIAS + MOST_OUTPUTS * number, room.words, OUTPUTS, count)
    add_layer(net.shorts, heads, room.words, HIDDEN, width >> 1, OUTPUTS, count)
    rescale(room.words, OUTPUTS, net.words, W_SHIFT3 + MOST_OUTPUTS * number, count)


@inlined(types.void, ROOM, INT)
def _pair_levels(room: Room, number: Integer) -> None:
    """Put the levels of the groups that end with a pass where the next layers take them."""
    for place in range(_VISIBLE[number], _VISIBLE[number + 1]):
        group = _LISTED[place]
        level = level_of(
            load32(room.words, ENERGY + LANES * group),
            np.int64(_SIZE[group]),
            np.int64(_LOG_SIZE[group]),
        )
        at = LANES * (place >> 1)
        if place & 1:
            store32(
                room.words, LEVEL_PAIRS + at, paired(load32(room.words, LEVEL_PAIRS + at), level)
            )
        else:
            store32(room.words, LEVEL_PAIRS + at, paired(level, splat32(0)))


@inlined(INT, INT, ROOM, INT, INT, INT, _BLOCKS, CODES, STATES, WORDS, PROGRESS)
def _code_flags(
    decodes: Integer,
    room: Room,
    number: Integer,
    zero: Integer,
    active: Integer,
    coefficients: NDArray[np.int16],
    words: NDArray[np.uint16],
    states: NDArray[np.int64],
    notes: NDArray[np.int32],
    progress: NDArray[np.int64],
) -> Integer:
    """Code which blocks have nothing left; return how many have."""
    left = 0
    for i in range(active):
        lane = room.places[LANE_NUMBERS + i]
        logit: Integer = (
            np.int64(room.words[OUTPUTS + LANES * zero + lane]) >> 3
        ) + _OUTERMOST_LOGIT
        probability = ZERO_PROBABILITY[min(max(logit, 0), 2 * _OUTERMOST_LOGIT - 1)]
        if decodes:
            is_zero = decode_flag(probability, words, states, progress)
        else:
            is_zero = 1
            for rank in range(_PASS_START[number], _PASS_START[_DC_PASS]):
                if coefficients[room.places[BLOCK_PLACES + lane] + _ORDER[rank]]:
                    is_zero = 0
                    break
            note_flag(probability, is_zero, notes, progress)
        if is_zero:
            room.words[ACTIVE + lane] = room.words[SYMBOL + lane] = 0
        else:
            room.places[LANE_NUMBERS + left] = lane
            left += 1
    return left


@inlined(
    types.void, INT, ROOM, NET, INT, INT, INT, INT, INT, _BLOCKS, CODES, BITS, STATES, WORDS, PLAIN,
    PROGRESS,
)  # fmt: skip
def _code_pass(
    decodes: Integer,
    room: Room,
    net: Prepared,
    number: Integer,
    active: Integer,
    width: Integer,
    stride: Integer,
    others: Integer,
    coefficients: NDArray[np.int16],
    words: NDArray[np.uint16],
    bits: NDArray[np.uint32],
    states: NDArray[np.int64],
    notes: NDArray[np.int32],
    plain: NDArray[np.uint32],
    progress: NDArray[np.int64],
) -> None:
    """Code the AC coefficients of a pass in the blocks that have any."""
    first = _PASS_START[number]
    count = _PASS_START[number + 1] - first
    for o in range(count):
        k = _ORDER[first + o]
        expect(room, net, k, o, count, _STEERED[number], stride, others)
        if decodes:
            decode_symbols(room, net, k, active, -1023, coefficients, words, bits, states, progress)
            if is_over(progress):
                return
        else:
            note_symbols(room, net, k, active, coefficients, notes, plain, progress)
        note(room, net, k, o, stride, others)
    signed = np.int64(net.words[W_START + 4 * number + 1])
    pairs = np.int64(net.words[W_PAIRS + 3 * number + 1])
    add_layer(net.shorts, signed, room.words, SIGNED_PAIRS, pairs, ACCUMULATOR, width)


@inlined(
    types.void, INT, ROOM, NET, INT, INT, INT, INT, _BLOCKS, CODES, BITS, STATES, WORDS, PLAIN,
    PROGRESS,
)  # fmt: skip
def _code_details(
    decodes: Integer,
    room: Room,
    net: Prepared,
    active: Integer,
    width: Integer,
    stride: Integer,
    others: Integer,
    coefficients: NDArray[np.int16],
    words: NDArray[np.uint16],
    bits: NDArray[np.uint32],
    states: NDArray[np.int64],
    notes: NDArray[np.int32],
    plain: NDArray[np.uint32],
    progress: NDArray[np.int64],
) -> None:
    """Code the AC coefficients of sixteen blocks, pass by pass."""
    for number in range(AC_PASSES):
        if active:
            _run_layers(room, net, number, width)
            zero = np.int64(net.words[W_PAIRS + 3 * number + 2]) - 1
            active = _code_flags(
                decodes, room, number, zero, active, coefficients, words, states, notes, progress,
            )  # fmt: skip
        if active:
            if others and number:
                regress(room, ACTIVE, others)
            _code_pass(
                decodes, room, net, number, active, width, stride, others, coefficients, words,
                bits, states, notes, plain, progress,
            )  # fmt: skip
            if progress[STATUS] != DONE:
                return
        elif others:
            for rank in range(_PASS_START[number], _PASS_START[number + 1]):
                note_zero(room, _ORDER[rank], others)
        _pair_levels(room, number)


@inlined(
    types.void, INT, ROOM, NET, INT, INT, INT, INT, _BLOCKS, CODES, BITS, STATES, WORDS, PLAIN,
    PROGRESS,
)  # fmt: skip
def _code_constants(
    decodes: Integer,
    room: Room,
    net: Prepared,
    coded: Integer,
    width: Integer,
    stride: Integer,
    others: Integer,
    coefficients: NDArray[np.int16],
    words: NDArray[np.uint16],
    bits: NDArray[np.uint32],
    states: NDArray[np.int64],
    notes: NDArray[np.int32],
    plain: NDArray[np.uint32],
    progress: NDArray[np.int64],
) -> None:
    """Code the DC coefficients of sixteen blocks."""
    found = 0
    for lane in range(LANES):
        if room.words[CODED + lane]:
            room.places[LANE_NUMBERS + found] = lane
            found += 1
    if others:
        regress(room, CODED, others)
    _run_layers(room, net, _DC_PASS, width)
    expect_constant(room, net, stride, others)
    if decodes:
        decode_symbols(room, net, 0, coded, -1024, coefficients, words, bits, states, progress)
        if is_over(progress):
            return
    else:
        note_symbols(room, net, 0, coded, coefficients, notes, plain, progress)
    note_constant(room, net, stride)


@inlined(types.void, ROOM, NET, INT, INT, INT, INT, INT, INT)
def _begin_blocks(
    room: Room, net: Prepared, diagonal: Integer, row: Integer, columns: Integer, width: Integer,
    stride: Integer, others: Integer,
) -> None:  # fmt: skip
    """Look at what lies around sixteen blocks."""
    _clear(room.words, VALUES, 64)
    _clear(room.words, MAGNITUDES, 64)
    _clear(room.words, ENERGY, GROUPS)
    _clear(room.words, KNOWN, 32)
    _clear(room.words, LEVEL_PAIRS, (GROUPS + 1) // 2)
    seen = see_own(room, diagonal, row, columns, stride)
    if others:
        _clear(room.words, TWIN_KNOWN, 32)
        scale_twins(room, net, stride, others)
        regress_around(room, stride, others)
        see_twins(room, seen, stride, others)
    start_accumulator(room, net, np.int64(net.words[W_SIZES + 1]), width)


@inlined(INT, INT, INT)
def _first_row(diagonal: Integer, columns: Integer) -> Integer:
    """Return the first row that has a block on a diagonal."""
    return max(0, (diagonal - columns + 2) >> 1)


@inlined(types.void, ROOM, NET, _TWINS, INT, INT)
def _note_twins(
    room: Room, net: Prepared, twins: NDArray[np.int16], diagonal: Integer, stride: Integer
) -> None:
    """Note the twins of a diagonal."""
    first = _first_row(diagonal, twins.shape[2])
    last = min(diagonal >> 1, twins.shape[1] - 1)
    note_twins(room, net, twins, diagonal, first, last, stride)


@compiled(
    types.void, INT, NET, ROOM, _BLOCKS, _CODED_TABLE, _TWINS, CODES, BITS, STATES, WORDS, PLAIN,
    PROGRESS,
    allocates=False,
)  # fmt: skip
def code_blocks(
    decodes: Integer,
    net: Prepared,
    room: Room,
    coefficients: NDArray[np.int16],
    coded: NDArray[np.bool_],
    twins: NDArray[np.int16],
    words: NDArray[np.uint16],
    bits: NDArray[np.uint32],
    states: NDArray[np.int64],
    notes: NDArray[np.int32],
    plain: NDArray[np.uint32],
    progress: NDArray[np.int64],
) -> None:
    """Code a component, diagonal by diagonal; `progress` holds a status afterwards.

    Parameters
    ----------
    decodes : int
        1 to read `words` and `bits` by `states`; 0 to write `notes` and `plain`.
    net, room
        See `prepared` and `room`.
    coefficients : (rows * columns * 64,) int16
        Read, or written where they are not 0.
    coded : (rows, columns)
        Which blocks are coded.
    twins : (others, rows, columns, 64) int16
        What was decoded before, in sixteenths.
    words, bits, states, notes, plain, progress
        See `symbol_reading`, `symbol_noting` and `statuses`.
    """
    rows, columns, others = coded.shape[0], coded.shape[1], twins.shape[0]
    stride, width = rows + 2 * MARGIN + LANES, np.int64(net.words[W_SIZES])
    if others:
        for near in range(-2, 2):
            _note_twins(room, net, twins, near, stride)
    for before in range(1, DIAGONALS):
        forget(room, before, stride)
    for diagonal in range(columns + 2 * rows - 2):
        if others:
            _note_twins(room, net, twins, diagonal + 2, stride)
        forget(room, diagonal, stride)
        begin_diagonal(room, net)
        first, last = _first_row(diagonal, columns), min(diagonal >> 1, rows - 1)
        count = 0
        for row in range(first, last + 1, LANES):
            look_around(room, diagonal, row, stride, others)
            active = _find_lanes(room, coded, diagonal, row, last)
            if active == 0:
                continue
            _begin_blocks(room, net, diagonal, row, columns, width, stride, others)
            _code_details(
                decodes, room, net, active, width, stride, others, coefficients, words, bits,
                states, notes, plain, progress,
            )  # fmt: skip
            if progress[STATUS] != DONE:
                return
            _code_constants(
                decodes, room, net, active, width, stride, others, coefficients, words, bits,
                states, notes, plain, progress,
            )  # fmt: skip
            if progress[STATUS] != DONE:
                return
            complete(room, net, stride, others)
            count += active
        if first <= last:
            complete_diagonal(room, net, diagonal, first, last, count, stride)
