"""The DC coefficient: what is expected of it, when all others are known (SPEC.md, section 8.6)."""

from numcodecs_neural.coefficients.network.arithmetic import clamped, doubled, rounded
from numcodecs_neural.coefficients.network.coefficient import (
    add_term,
    begin_terms,
    scale_number,
    shortened,
    steer,
)
from numcodecs_neural.coefficients.network.kinds import INT, NET, ROOM
from numcodecs_neural.coefficients.network.limits import FEATURE_LIMIT
from numcodecs_neural.coefficients.network.neighbours import dc_of
from numcodecs_neural.coefficients.network.prepared import W_MEAN, W_STEPS, Prepared
from numcodecs_neural.coefficients.network.regression import in_steps
from numcodecs_neural.coefficients.network.room import (
    BORDER,
    ENERGY,
    GUESS,
    KNOWN,
    LEFT,
    MAGNITUDES,
    NEAR_NARROW,
    NEAR_TWIN,
    NEAR_WIDE,
    OUTPUTS,
    SLOPES,
    SYMBOL,
    TWIN_FIELDS,
    UP,
    VALUE,
    VALUES,
    Room,
)
from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.vectors import (
    INT32S,
    LANES,
    add,
    load16,
    load32,
    magnitude,
    mul,
    narrow,
    select,
    shift_left,
    shift_right,
    splat32,
    store16,
    store32,
    subtract,
    types,
    widen,
)

__all__ = ["expect_constant", "note_constant"]

_TO_BORDER = 11586
"""2^24 over the first entry of `EXTRAPOLATED`, and of `OUTERMOST`."""
_KNOWN_ROW = 8 * LANES
_W, _N, _NW, _NE = range(4)
_VECTORS = types.UniTuple(INT32S, 3)
_DIFFERENCE_LIMIT = (1 << 17) - 1


@inlined(INT32S, ROOM, INT, INT, INT, INT)
def _jump(
    room: Room, neighbour: Integer, border: Integer, known: Integer, stride: Integer
) -> Integer:
    """Return the DC that continues a border of a neighbour, in sixteenths."""
    there = load32(room.words, room.places[NEAR_WIDE + neighbour] + (BORDER + border) * stride)
    here = rounded(load32(room.words, KNOWN + _KNOWN_ROW * known), 12)
    jump = clamped(subtract(there, here), _DIFFERENCE_LIMIT)
    return rounded(mul(jump, splat32(_TO_BORDER)), 12)


@inlined(types.UniTuple(INT32S, 2), ROOM, INT, INT)
def _jumps(room: Room, which: Integer, stride: Integer) -> Integer:
    """Return the jumps from above and from the left; one stands for the other, or 0 for both."""
    up, left, zero = load32(room.words, UP), load32(room.words, LEFT), splat32(0)
    north = select(up, _jump(room, _N, 8 * which, which, stride), zero)
    west = select(left, _jump(room, _W, 16 + 8 * which, 2 + which, stride), zero)
    return select(up, north, west), select(left, west, north)


@inlined(INT32S, ROOM, INT, INT)
def _sixteenths(room: Room, neighbour: Integer, stride: Integer) -> Integer:
    return shift_left(dc_of(room, neighbour, stride), splat32(4))


@inlined(INT32S, ROOM, INT, INT, INT)
def _twin_dc(room: Room, which: Integer, stride: Integer, others: Integer) -> Integer:
    """Return the DC of the twins here (0), above (1) or to the left (2), by the slopes."""
    total = splat32(0)
    for c in range(others):
        value = widen(
            load16(room.narrow, room.places[NEAR_TWIN + which] + c * TWIN_FIELDS * stride)
        )
        total = add(total, mul(load32(room.words, SLOPES + LANES * c), value))
    return rounded(total, 10)


@inlined(_VECTORS, ROOM, NET, _VECTORS)
def _add_details(room: Room, net: Prepared, sums: Integer) -> Integer:
    """Add what the other coefficients say of the scale of DC."""
    nearest = add(
        magnitude(load32(room.words, VALUES + LANES)),
        magnitude(load32(room.words, VALUES + 8 * LANES)),
    )
    rest = splat32(0)
    for k in range(2, 64):
        if k != 8:
            rest = add(rest, magnitude(load32(room.words, VALUES + LANES * k)))
    half, eighth = shift_right(nearest, splat32(1)), shift_right(rest, splat32(4))
    sums = add_term(net, 0, 12, doubled(in_steps(net, half, 0)), sums)
    return add_term(net, 0, 14, doubled(in_steps(net, eighth, 0)), sums)


@inlined(_VECTORS, NET, INT, INT32S, _VECTORS)
def _add_size(net: Prepared, i: Integer, difference: Integer, sums: Integer) -> Integer:
    """Add the magnitude of a difference in sixteenths."""
    return add_term(net, 0, i, doubled(in_steps(net, difference, 0)), sums)


@inlined(INT32S, NET, INT, INT32S)
def _part(net: Prepared, which: Integer, difference: Integer) -> Integer:
    """Return a difference in sixteenths, as sixteenths of the step times a weight of the mean."""
    return mul(in_steps(net, difference, 0), splat32(net.words[W_MEAN + which]))


@inlined(types.void, ROOM, NET, INT, INT)
def expect_constant(room: Room, net: Prepared, stride: Integer, others: Integer) -> None:
    """Say how DC is distributed: write `ROW` to `SHIFT` of ``lane``; `guess` takes its base."""
    border_n, border_w = _jumps(room, 0, stride)
    sample_n, sample_w = _jumps(room, 1, stride)
    base = shift_right(add(border_n, border_w), splat32(1))
    store32(room.words, GUESS, in_steps(net, base, 0))
    north, west = _sixteenths(room, _N, stride), _sixteenths(room, _W, stride)
    north_west, north_east = _sixteenths(room, _NW, stride), _sixteenths(room, _NE, stride)
    sums = begin_terms(room, net, 0, stride)
    sums = _add_size(net, 0, subtract(border_n, border_w), sums)
    sums = _add_size(net, 1, subtract(sample_n, sample_w), sums)
    sums = _add_size(net, 2, subtract(west, north_west), sums)
    sums = _add_size(net, 3, subtract(north, north_west), sums)
    sums = _add_size(net, 4, subtract(north, north_east), sums)
    sums = _add_size(net, 5, subtract(west, north), sums)
    corner = add(subtract(border_n, sample_n), subtract(border_w, sample_w))
    sums = _add_size(net, 15, corner, sums)
    sums = _add_details(room, net, sums)
    from_n = _part(net, 0, subtract(border_n, base))
    from_n = add(from_n, _part(net, 2, subtract(sample_n, base)))
    from_n = add(from_n, _part(net, 4, subtract(north, base)))
    from_w = _part(net, 1, subtract(border_w, base))
    from_w = add(from_w, _part(net, 3, subtract(sample_w, base)))
    slope = add(west, subtract(north, north_west))
    from_w = add(from_w, _part(net, 5, subtract(slope, base)))
    from_t = splat32(0)
    if others:
        here = _twin_dc(room, 0, stride, others)
        there_n, there_w = _twin_dc(room, 1, stride, others), _twin_dc(room, 2, stride, others)
        moved_n = add(north, subtract(here, there_n))
        moved_w = add(west, subtract(here, there_w))
        middle = subtract(shift_right(add(moved_n, moved_w), splat32(1)), base)
        from_t = _part(net, 6, middle)
        from_n = add(from_n, _part(net, 7, subtract(moved_n, base)))
        from_w = add(from_w, _part(net, 8, subtract(moved_w, base)))
        sums = _add_size(net, 16, middle, sums)
        sums = _add_size(net, 17, subtract(moved_n, moved_w), sums)
        sums = _add_size(net, 18, subtract(here, there_n), sums)
        sums = _add_size(net, 19, subtract(here, there_w), sums)
    scales = scale_number(net, 0, load32(room.words, OUTPUTS), sums)
    from_n, from_w, from_t = shortened(from_n), shortened(from_w), shortened(from_t)
    base = shift_left(load32(room.words, GUESS), splat32(1))
    steer(room, scales, base, from_n, from_w, from_t, 0, 1, 1, others)


@inlined(types.void, ROOM, NET, INT)
def note_constant(room: Room, net: Prepared, stride: Integer) -> None:
    """Note the symbols of DC, which stand at `SYMBOL` in ``lane``."""
    symbol = load32(room.words, SYMBOL)
    value = clamped(mul(symbol, splat32(net.words[W_STEPS])), FEATURE_LIMIT)
    store32(room.words, VALUES, shift_left(value, splat32(4)))
    store16(room.narrow, room.places[NEAR_NARROW + 6] + VALUE * stride, narrow(symbol))
    size = doubled(subtract(shift_left(symbol, splat32(4)), load32(room.words, GUESS)))
    store32(room.words, MAGNITUDES, size)
    store32(room.words, ENERGY, size)
