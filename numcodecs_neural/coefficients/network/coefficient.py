"""AC coefficients: what is expected of each, and what follows from it (SPEC.md, section 8.6)."""

import numpy as np

from numcodecs_neural.coefficients.network.arithmetic import (
    MAGNITUDE_LIMIT,
    clamped,
    companded,
    doubled,
    gate_of,
    log2_of,
    paired,
    rounded,
    scaled,
    spread_of,
)
from numcodecs_neural.coefficients.network.borders import add_known
from numcodecs_neural.coefficients.network.kinds import INT, NET, ROOM
from numcodecs_neural.coefficients.network.limits import FEATURE_LIMIT
from numcodecs_neural.coefficients.network.neighbours import dc_of
from numcodecs_neural.coefficients.network.order import GROUP, NEAR
from numcodecs_neural.coefficients.network.prepared import (
    FACTORS,
    W_EXPONENT,
    W_FACTOR,
    W_MAGNITUDE,
    W_MEAN,
    W_OFFSET,
    W_STEPS,
    Prepared,
)
from numcodecs_neural.coefficients.network.regression import add_squares
from numcodecs_neural.coefficients.network.room import (
    BORDER,
    ENERGY,
    FLOORS,
    GUESS,
    KNOWN,
    LEFT,
    MAGNITUDE,
    MAGNITUDES,
    MIDDLE,
    MIRRORED,
    NEAR_BORDER,
    NEAR_NARROW,
    NEAR_TWIN,
    NEAR_WIDE,
    OUTPUTS,
    ROW,
    SCALED,
    SHIFT,
    SIGNED_PAIRS,
    SLOPES,
    SPREAD,
    SYMBOL,
    TWIN,
    TWIN_BORDERS,
    TWIN_FIELDS,
    TWIN_KNOWN,
    UP,
    VALUE,
    VALUES,
    Room,
)
from numcodecs_neural.coefficients.network.tables import LOG_SCALE_ZERO, LOG_SCALES, OCTAVE
from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.vectors import (
    INT32S,
    LANES,
    add,
    both,
    load16,
    load32,
    magnitude,
    maximum,
    minimum,
    mul,
    narrow,
    shift_left,
    shift_right,
    splat32,
    store16,
    store32,
    subtract,
    types,
    widen,
)

__all__ = [
    "add_term",
    "begin_terms",
    "expect",
    "note",
    "note_zero",
    "scale_number",
    "shortened",
    "steer",
]

_GROUP, _NEAR = GROUP, NEAR
_W, _N, _NW, _NE = range(4)
_KNOWN_ROW = 8 * LANES
_VECTORS = types.UniTuple(INT32S, 3)
_TERMS, _WEIGHTS, _MEANS = 20, 60, 10
_SYMBOL_LIMIT, _MEAN_LIMIT = 400, 32767


@inlined(INT32S, ROOM, INT, INT, INT)
def _field(room: Room, neighbour: Integer, field: Integer, stride: Integer) -> Integer:
    """Return a field of a neighbour that is remembered as int16."""
    return widen(load16(room.narrow, room.places[NEAR_NARROW + neighbour] + field * stride))


@inlined(INT32S, ROOM, INT, INT, INT, INT, INT)
def _missing(
    room: Room, neighbour: Integer, border: Integer, known: Integer, at: Integer, stride: Integer
) -> Integer:
    """Return what a border of a neighbour has that what is known of the block has not."""
    there = load32(room.words, room.places[NEAR_WIDE + neighbour] + (BORDER + border + at) * stride)
    here = rounded(load32(room.words, KNOWN + _KNOWN_ROW * known + LANES * at), 12)
    return subtract(there, here)


@inlined(INT32S, ROOM, INT, INT)
def _corner(room: Room, which: Integer, stride: Integer) -> Integer:
    """Return the difference of both jumps, in which the unknown DC cancels.

    `which` is 0 for borders, 1 for the samples beside them.
    """
    north = _missing(room, _N, 8 * which, which, 0, stride)
    west = _missing(room, _W, 16 + 8 * which, 2 + which, 0, stride)
    return subtract(north, west)


@inlined(types.UniTuple(INT32S, 6), ROOM, NET, INT, INT)
def _around(room: Room, net: Prepared, k: Integer, stride: Integer) -> Integer:
    """Return jumps, edges and thirds, from above and from the left, in sixteenths of a step."""
    u, v, at = k & 7, k >> 3, FACTORS * k
    shift = net.words[W_FACTOR + at + 5]
    up, left, four = load32(room.words, UP), load32(room.words, LEFT), splat32(4)
    above = both(shift_left(_field(room, _N, VALUE + k, stride), four), up)
    beside = both(shift_left(_field(room, _W, VALUE + k, stride), four), left)
    jump_n, jump_w, third_n, third_w = above, beside, above, beside
    if u == 0:
        slope = shift_left(subtract(dc_of(room, _NW, stride), dc_of(room, _W, stride)), four)
        edge_n = scaled(slope, net.words[W_FACTOR + at + 4], shift)
    else:
        jump_n = scaled(_missing(room, _N, 0, 0, u, stride), net.words[W_FACTOR + at], shift)
        edge_n = scaled(_missing(room, _N, 8, 1, u, stride), net.words[W_FACTOR + at + 1], shift)
        jump_n, edge_n = both(jump_n, up), both(edge_n, up)
    if v == 0:
        slope = shift_left(subtract(dc_of(room, _NW, stride), dc_of(room, _N, stride)), four)
        edge_w = scaled(slope, net.words[W_FACTOR + at + 4], shift)
    else:
        jump_w = scaled(_missing(room, _W, 16, 2, v, stride), net.words[W_FACTOR + at + 2], shift)
        edge_w = scaled(_missing(room, _W, 24, 3, v, stride), net.words[W_FACTOR + at + 3], shift)
        jump_w, edge_w = both(jump_w, left), both(edge_w, left)
    if u == 0 or v == 0:
        corner = both(up, left)
        border = both(_corner(room, 0, stride), corner)
        sample = both(_corner(room, 1, stride), corner)
        which = at if u == 0 else at + 2
        if v == 0:
            border, sample = subtract(splat32(0), border), subtract(splat32(0), sample)
        third_n = scaled(border, net.words[W_FACTOR + which], shift)
        third_w = scaled(sample, net.words[W_FACTOR + which + 1], shift)
    return jump_n, jump_w, edge_n, edge_w, third_n, third_w


@inlined(_VECTORS, NET, INT, INT, INT32S, _VECTORS)
def add_term(net: Prepared, k: Integer, i: Integer, term: Integer, sums: Integer) -> Integer:
    """Add a term to the three sums of magnitudes, with its weights."""
    at = _WEIGHTS * k + 3 * i
    return (
        add(sums[0], mul(term, splat32(net.words[W_MAGNITUDE + at]))),
        add(sums[1], mul(term, splat32(net.words[W_MAGNITUDE + at + 1]))),
        add(sums[2], mul(term, splat32(net.words[W_MAGNITUDE + at + 2]))),
    )


@inlined(_VECTORS, ROOM, NET, INT, INT)
def begin_terms(room: Room, net: Prepared, k: Integer, stride: Integer) -> Integer:
    """Return the three sums of magnitudes of the neighbours, floors included."""
    sums = (
        splat32(room.words[FLOORS + 3 * k]),
        splat32(room.words[FLOORS + 3 * k + 1]),
        splat32(room.words[FLOORS + 3 * k + 2]),
    )
    for neighbour in range(6):
        term = _field(room, neighbour, MAGNITUDE + k, stride)
        sums = add_term(net, k, 6 + neighbour, term, sums)
    return sums


@inlined(_VECTORS, ROOM, NET, INT, _VECTORS, INT32S, INT32S, INT)
def _add_terms(
    room: Room, net: Prepared, k: Integer, sums: Integer, north: Integer, west: Integer,
    stride: Integer,
) -> Integer:  # fmt: skip
    """Add the magnitudes of the block, those beside each in its neighbours, and both jumps."""
    for i in range(6):
        near = _NEAR[k, i]
        if near >= 0:
            sums = add_term(net, k, i, load32(room.words, MAGNITUDES + LANES * near), sums)
    beside = add(_field(room, _W, SPREAD + k, stride), _field(room, _N, SPREAD + k, stride))
    sums = add_term(net, k, 12, minimum(beside, splat32(MAGNITUDE_LIMIT)), sums)
    sums = add_term(net, k, 14, doubled(north), sums)
    return add_term(net, k, 15, doubled(west), sums)


@inlined(_VECTORS, ROOM, NET, INT, INT, INT, _VECTORS)
def _add_twin_terms(
    room: Room, net: Prepared, k: Integer, stride: Integer, others: Integer, sums: Integer
) -> Integer:
    """Add the magnitudes of twins, of the guess, and of both neighbours' symbols."""
    limit = splat32(_SYMBOL_LIMIT)
    above = minimum(magnitude(_field(room, _N, VALUE + k, stride)), limit)
    beside = minimum(magnitude(_field(room, _W, VALUE + k, stride)), limit)
    sums = add_term(net, k, 16, doubled(load32(room.words, SCALED + LANES * k)), sums)
    sums = add_term(net, k, 17, doubled(load32(room.words, GUESS)), sums)
    sums = add_term(net, k, 18, shift_left(add(above, beside), splat32(4)), sums)
    if others == 2:
        second = doubled(load32(room.words, SCALED + LANES * (64 + k)))
        sums = add_term(net, k, 19, second, sums)
    return sums


@inlined(INT32S, NET, INT, INT32S, _VECTORS)
def scale_number(net: Prepared, k: Integer, outputs: Integer, sums: Integer) -> Integer:
    """Return numbers of log-scales."""
    total = add(splat32(net.words[W_OFFSET + k]), shift_left(outputs, splat32(12)))
    for j in range(3):
        total = add(total, mul(log2_of(sums[j]), splat32(net.words[W_EXPONENT + 3 * k + j])))
    number = add(rounded(total, 17), splat32(LOG_SCALE_ZERO))
    return minimum(maximum(number, splat32(0)), splat32(LOG_SCALES - 1))


@inlined(types.void, ROOM, INT32S, INT32S)
def place_in_cell(room: Room, scales: Integer, means: Integer) -> None:
    """Write which table codes each symbol, for means in 1/32 of a step."""
    mean = clamped(shift_right(add(means, splat32(1)), splat32(1)), _MEAN_LIMIT)
    shift = shift_right(
        mul(subtract(scales, splat32(LOG_SCALE_ZERO)), splat32(OCTAVE)), splat32(15)
    )
    shift = maximum(shift, splat32(0))
    above, bits = add(mean, splat32(8)), add(shift, splat32(4))
    middle = shift_right(above, bits)
    rest = subtract(above, shift_left(middle, bits))
    half = shift_right(shift_left(splat32(1), shift), splat32(1))
    place = subtract(shift_right(add(rest, half), shift), splat32(8))
    store32(room.words, ROW, add(mul(magnitude(place), splat32(LOG_SCALES)), scales))
    store32(room.words, MIDDLE, middle)
    store32(room.words, MIRRORED, shift_right(place, splat32(31)))
    store32(room.words, SHIFT, shift)


@inlined(INT32S, INT32S)
def shortened(total: Integer) -> Integer:
    """Return a part of the mean in 1/32 of a step, from 2^-14."""
    return clamped(rounded(total, 9), _MEAN_LIMIT)


@inlined(INT32S, ROOM, INT, INT)
def _guess(room: Room, k: Integer, others: Integer) -> Integer:
    """Return what the twins alone say of a coefficient, in sixteenths of a step."""
    guess = splat32(0)
    for c in range(others):
        slope = load32(room.words, SLOPES + LANES * c)
        guess = add(guess, mul(slope, load32(room.words, SCALED + LANES * (64 * c + k))))
    return clamped(rounded(guess, 10), 32767)


@inlined(types.UniTuple(INT32S, 2), ROOM, NET, INT, INT, INT)
def _twin_jumps(room: Room, net: Prepared, k: Integer, stride: Integer, others: Integer) -> Integer:
    """Return the jumps of the twins from above and from the left, in sixteenths of a step."""
    u, v, at = k & 7, k >> 3, FACTORS * k
    north, west = splat32(0), splat32(0)
    for c in range(others):
        slope = load32(room.words, SLOPES + LANES * c)
        border, known = c * TWIN_BORDERS * stride, 2 * _KNOWN_ROW * c
        above = load32(room.words, room.places[NEAR_BORDER + 1] + border + u * stride)
        above = subtract(above, rounded(load32(room.words, TWIN_KNOWN + known + LANES * u), 12))
        beside = load32(room.words, room.places[NEAR_BORDER + 2] + border + (8 + v) * stride)
        here = load32(room.words, TWIN_KNOWN + known + _KNOWN_ROW + LANES * v)
        beside = subtract(beside, rounded(here, 12))
        north = add(north, mul(slope, clamped(above, (1 << 17) - 1)))
        west = add(west, mul(slope, clamped(beside, (1 << 17) - 1)))
    north, west = both(rounded(north, 10), load32(room.words, UP)), rounded(west, 10)
    west = both(west, load32(room.words, LEFT))
    shift = net.words[W_FACTOR + at + 5]
    return scaled(north, net.words[W_FACTOR + at], shift), scaled(
        west, net.words[W_FACTOR + at + 2], shift
    )


@inlined(types.void, ROOM, INT32S, INT32S, INT32S, INT32S, INT32S, INT, INT, INT, INT)
def steer(
    room: Room, scales: Integer, base: Integer, from_n: Integer, from_w: Integer, from_t: Integer,
    o: Integer, count: Integer, steered: Integer, others: Integer,
) -> None:  # fmt: skip
    """Weigh the parts of the mean, and add a base and an offset, as the outputs say."""
    if not steered:
        place_in_cell(room, scales, add(add(from_n, from_w), from_t))
        return
    mean = mul(gate_of(load32(room.words, OUTPUTS + LANES * (count + o))), from_n)
    mean = add(mean, mul(gate_of(load32(room.words, OUTPUTS + LANES * (2 * count + o))), from_w))
    last = 3 * count + o
    if others:
        mean = add(mean, mul(gate_of(load32(room.words, OUTPUTS + LANES * last)), from_t))
        last += count
    offset = spread_of(scales, load32(room.words, OUTPUTS + LANES * last))
    place_in_cell(room, scales, add(shift_right(mean, splat32(11)), add(base, offset)))


@inlined(types.void, ROOM, NET, INT, INT, INT, INT, INT, INT)
def expect(
    room: Room, net: Prepared, k: Integer, o: Integer, count: Integer, steered: Integer,
    stride: Integer, others: Integer,
) -> None:  # fmt: skip
    """Say how a coefficient is distributed: write `ROW` to `SHIFT` of ``lane``, and `guess`.

    Parameters
    ----------
    k, o, count : int
        The coefficient, its place in its pass, and how many that has.
    steered : int
        Whether the outputs steer means.
    """
    m = _MEANS * k
    jump_n, jump_w, edge_n, edge_w, third_n, third_w = _around(room, net, k, stride)
    from_n = add(
        mul(jump_n, splat32(net.words[W_MEAN + m])), mul(edge_n, splat32(net.words[W_MEAN + m + 2]))
    )
    from_n = add(from_n, mul(third_n, splat32(net.words[W_MEAN + m + 4])))
    from_w = add(
        mul(jump_w, splat32(net.words[W_MEAN + m + 1])),
        mul(edge_w, splat32(net.words[W_MEAN + m + 3])),
    )
    from_w = add(from_w, mul(third_w, splat32(net.words[W_MEAN + m + 5])))
    from_t = splat32(0)
    sums = begin_terms(room, net, k, stride)
    size_n, size_w = jump_n, jump_w
    if k & 7 == 0:
        size_n = third_n
    if k >> 3 == 0:
        size_w = third_n
    sums = _add_terms(room, net, k, sums, size_n, size_w, stride)
    if others:
        guess = _guess(room, k, others)
        store32(room.words, GUESS, guess)
        north, west = _twin_jumps(room, net, k, stride, others)
        from_t = mul(guess, splat32(net.words[W_MEAN + m + 6]))
        if others == 2:
            second = mul(
                load32(room.words, SLOPES + 2 * LANES),
                load32(room.words, SCALED + LANES * (64 + k)),
            )
            second = clamped(rounded(second, 10), 32767)
            from_t = add(from_t, mul(second, splat32(net.words[W_MEAN + m + 9])))
        if k & 7:
            from_n = add(from_n, mul(north, splat32(net.words[W_MEAN + m + 7])))
        if k >> 3:
            from_w = add(from_w, mul(west, splat32(net.words[W_MEAN + m + 8])))
        sums = _add_twin_terms(room, net, k, stride, others, sums)
    scales = scale_number(net, k, load32(room.words, OUTPUTS + LANES * o), sums)
    from_n, from_w, from_t = shortened(from_n), shortened(from_w), shortened(from_t)
    steer(room, scales, splat32(0), from_n, from_w, from_t, o, count, steered, others)


@inlined(types.void, ROOM, INT, INT32S)
def _note_size(room: Room, k: Integer, size: Integer) -> None:
    store32(room.words, MAGNITUDES + LANES * k, size)
    at = LANES * np.int64(_GROUP[k])
    store32(room.words, ENERGY + at, add(load32(room.words, ENERGY + at), size))


@inlined(types.void, ROOM, INT, INT32S)
def _pair_up(room: Room, o: Integer, signed: Integer) -> None:
    """Put a companded value where the next layer takes it."""
    at = LANES * (o >> 1)
    if o & 1:
        store32(
            room.words, SIGNED_PAIRS + at, paired(load32(room.words, SIGNED_PAIRS + at), signed)
        )
    else:
        store32(room.words, SIGNED_PAIRS + at, both(signed, splat32(0xFFFF)))


@inlined(types.void, ROOM, NET, INT, INT, INT, INT)
def note(
    room: Room, net: Prepared, k: Integer, o: Integer, stride: Integer, others: Integer
) -> None:
    """Note the symbols of a coefficient, which stand at `SYMBOL` in ``lane``."""
    u, v = k & 7, k >> 3
    symbol = load32(room.words, SYMBOL)
    value = shift_left(
        clamped(mul(symbol, splat32(net.words[W_STEPS + k])), FEATURE_LIMIT), splat32(4)
    )
    store32(room.words, VALUES + LANES * k, value)
    store16(room.narrow, room.places[NEAR_NARROW + 6] + (VALUE + k) * stride, narrow(symbol))
    add_known(room.words, KNOWN + LANES * u, 0, v, value)
    add_known(room.words, KNOWN + _KNOWN_ROW + LANES * u, 1, v, value)
    add_known(room.words, KNOWN + 2 * _KNOWN_ROW + LANES * v, 0, u, value)
    add_known(room.words, KNOWN + 3 * _KNOWN_ROW + LANES * v, 1, u, value)
    size = shift_left(minimum(magnitude(symbol), splat32(_SYMBOL_LIMIT)), splat32(5))
    if others:
        left_over = subtract(shift_left(symbol, splat32(4)), load32(room.words, GUESS))
        size = doubled(left_over)
        add_squares(room, k, symbol, others)
        for c in range(others):
            field = (c * TWIN_FIELDS + TWIN + k) * stride
            twin, known = (
                widen(load16(room.narrow, room.places[NEAR_TWIN] + field)),
                2 * _KNOWN_ROW * c,
            )
            add_known(room.words, TWIN_KNOWN + known + LANES * u, 0, v, twin)
            add_known(room.words, TWIN_KNOWN + known + _KNOWN_ROW + LANES * v, 0, u, twin)
    _note_size(room, k, size)
    _pair_up(room, o, companded(value))


@inlined(types.void, ROOM, INT, INT)
def note_zero(room: Room, k: Integer, others: Integer) -> None:
    """Note a coefficient that is 0 in all blocks, by their flags, where there are twins."""
    add_squares(room, k, splat32(0), others)
    _note_size(room, k, doubled(_guess(room, k, others)))
