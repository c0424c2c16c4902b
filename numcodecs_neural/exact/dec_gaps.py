"""Probability tables that follow local gaps of a histogram (SPEC.md, section 10.6)."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.exact.diagonals import (
    FLIP,
    MEAN,
    NUMBERS,
    PLACES,
    RAW,
    READ,
    READ_SHORTS,
    SCRATCH,
    SHORTS,
    TABLE,
)
from numcodecs_neural.exact.layout import GAP_NEIGHBOURS, GAP_REACH
from numcodecs_neural.exact.model import SLOTS, TABLES
from numcodecs_neural.exact.symbols import ENTRIES, HALF
from numcodecs_neural.vectors import (
    INT32S,
    LANES,
    add,
    bits_of_one,
    last_of,
    load16,
    load32,
    minimum,
    mul,
    narrow,
    running_sum,
    shift_left,
    shift_right,
    splat32,
    store16,
    subtract,
    types,
    widen,
)

__all__ = [
    "GAP_BITS",
    "GAP_NUMBERS",
    "MAX_GAP_WEIGHT",
    "PLAINLY",
    "ROW",
    "STARTS",
    "distance",
    "gaps_of",
    "own_tables",
    "weigh",
]

ROW = 96
"""Numbers of a table: 16 of its starts, for the first step of the search, then all, then 16384."""
STARTS = 16

GAP_BITS, MAX_GAP_WEIGHT = 8, (1 << 11) - 1
"""Weights are in 256ths, and up to that: products of them fit 32 bits."""
GAP_NUMBERS = 16
"""Numbers from -16 to 15 are weighed; each is an entry of its own."""
_MOST_WEIGHT = (1 << 16) - 1
_SHARED = SLOTS - ENTRIES
"""Slots that are shared out by weight, after each entry has got one."""
_WHOLE_BITS, _UNIT = 16, 15
_ORDINALS = np.arange(ENTRIES, dtype=np.int32)

_FAR = GAP_REACH + GAP_NUMBERS + 1
"""Samples as far from a neighbour as that have no number that is weighed by it."""
_MIDDLE = _FAR + GAP_NUMBERS
_SPAN = 2 * _MIDDLE

_INT = types.int64
_I, _U = np.int64, np.uint64  # names: `planes.runnable` puts others in their place


def gaps_of(weights: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return weights (neighbours, distances from 0 on) as kernels take them."""
    gaps = np.full((GAP_NEIGHBOURS, _SPAN), 1 << GAP_BITS, np.int32)
    for far in range(weights.shape[1]):
        gaps[:, [_MIDDLE - far, _MIDDLE + far]] = weights[:, far, None]
    return gaps.ravel()


def own_tables(tables: NDArray[np.int16], lanes: int) -> NDArray[np.int16]:
    """Return tables of a set, with room behind them for the tables of so many samples."""
    return np.concatenate([tables, np.zeros(lanes * ROW, np.int16)])


@inlined(_INT, _INT, _INT, READ_SHORTS, READ)
def distance(i: Integer, at: Integer, values: Integer, scratch: Integer) -> Integer:
    """Return by how much the number 0 of a sample exceeds the neighbour at `at`, limited."""
    flip = _I(scratch[_U(LANES * FLIP + i)])
    neighbour = _I(values[_U(at)]) & 65535
    exceeds = ((_I(scratch[_U(LANES * MEAN + i)]) - neighbour) ^ flip) - flip
    return min(max(exceeds, -_FAR), _FAR)


@inlined(INT32S, READ_SHORTS, _INT)
def _frequencies(tables: Integer, at: Integer) -> Integer:
    """Return those of 16 entries, of which the first one's start is at `at`."""
    return subtract(widen(load16(tables, at + 1)), widen(load16(tables, at)))


@inlined(INT32S, _INT, _INT, _INT, READ_SHORTS, PLACES, READ, READ)
def _weights(
    first: Integer,
    i: Integer,
    at: Integer,
    values: Integer,
    offsets: Integer,
    gaps: Integer,
    scratch: Integer,
) -> Integer:
    """Return how likely neighbours make 16 numbers of a sample, from the `first` one on."""
    weight = splat32(1 << GAP_BITS)
    for j in range(GAP_NEIGHBOURS):
        near = distance(i, at + offsets[_U(j)], values, scratch)
        other = load32(gaps, j * _SPAN + _MIDDLE + near + first)
        weight = shift_right(mul(weight, other), splat32(GAP_BITS))
    return minimum(weight, splat32(_MOST_WEIGHT))


@inlined(types.void, _INT, INT32S, _INT, _INT, SHORTS, _INT)
def _put_starts(
    part: Integer, before: Integer, down: Integer, unit: Integer, tables: Integer, row: Integer
) -> None:
    """Store the starts of 16 entries, by the shares of all entries before each."""
    start = mul(shift_right(before, splat32(down)), splat32(unit))
    start = add(shift_right(start, splat32(_UNIT)), load32(_ORDINALS, LANES * part))
    store16(tables, row + LANES * part, narrow(start))


@inlined(types.void, _INT, _INT, READ_SHORTS, PLACES, READ, SHORTS, NUMBERS)
def _give_table(
    i: Integer,
    at: Integer,
    values: Integer,
    offsets: Integer,
    gaps: Integer,
    tables: Integer,
    scratch: Integer,
) -> None:
    """Make the table of a sample: 16 entries below those that are weighed, 32, and 16 above."""
    row = _I(scratch[_U(LANES * TABLE + i)]) * ROW + STARTS
    lowest = shift_left(_frequencies(tables, row), splat32(GAP_BITS))
    below = _weights(-LANES, i, at, values, offsets, gaps, scratch)
    below = mul(_frequencies(tables, row + LANES), below)
    above = _weights(0, i, at, values, offsets, gaps, scratch)
    above = mul(_frequencies(tables, row + 2 * LANES), above)
    highest = shift_left(_frequencies(tables, row + 3 * LANES), splat32(GAP_BITS))

    sum0, sum1 = running_sum(lowest), running_sum(below)
    sum2, sum3 = running_sum(above), running_sum(highest)
    start1 = last_of(sum0)
    start2 = start1 + last_of(sum1)
    start3 = start2 + last_of(sum2)
    whole = start3 + last_of(sum3)
    down = max(0, (bits_of_one(whole >> 8) >> 23) - 127 + 9 - _WHOLE_BITS)
    unit = (_SHARED << _UNIT) // (whole >> down)

    row = (TABLES + i) * ROW + STARTS
    _put_starts(0, subtract(sum0, lowest), down, unit, tables, row)
    _put_starts(1, add(subtract(sum1, below), splat32(start1)), down, unit, tables, row)
    _put_starts(2, add(subtract(sum2, above), splat32(start2)), down, unit, tables, row)
    _put_starts(3, add(subtract(sum3, highest), splat32(start3)), down, unit, tables, row)
    tables[_U(row + ENTRIES)] = SLOTS
    scratch[_U(LANES * TABLE + i)] = TABLES + i


@inlined(types.void, _INT, _INT, READ_SHORTS, PLACES, READ, SHORTS, NUMBERS)
def weigh(
    count: Integer,
    at: Integer,
    values: Integer,
    offsets: Integer,
    gaps: Integer,
    tables: Integer,
    scratch: Integer,
) -> None:
    """Give samples of a diagonal, the first one at `at`, tables of their own."""
    for i in range(count):
        if scratch[_U(LANES * RAW + i)] == 0:
            _give_table(i, at + i, values, offsets, gaps, tables, scratch)
    for i in range(count):
        if scratch[_U(LANES * RAW + i)] == 0:
            row = (TABLES + i) * ROW
            for part in range(STARTS):
                tables[_U(row + part)] = tables[_U(row + STARTS + 4 * part + 4)]


def _weigh_plainly(
    count: int,
    at: int,
    values: NDArray[np.int16],
    offsets: NDArray[np.int64],
    gaps: NDArray[np.int32],
    tables: NDArray[np.int16],
    scratch: NDArray[np.int32],
) -> None:
    """Do what `weigh` does, by numpy."""
    left = scratch.reshape(SCRATCH, -1)[:, :count]
    own = np.flatnonzero(left[RAW] == 0)
    rows = tables.reshape(-1, ROW)
    starts = rows[left[TABLE, own], STARTS : STARTS + ENTRIES + 1].astype(np.int64)
    shares = np.diff(starts) << GAP_BITS
    weight = np.full((len(own), 2 * GAP_NUMBERS), 1 << GAP_BITS, np.int64)
    numbers = np.arange(-GAP_NUMBERS, GAP_NUMBERS)
    mean, flip = left[MEAN, own].astype(np.int64), left[FLIP, own].astype(np.int64)
    for j in range(GAP_NEIGHBOURS):
        near = values[at + own + offsets[j]].astype(np.int64) & 65535
        exceeds = np.clip(((mean - near) ^ flip) - flip, -_FAR, _FAR)
        spots = j * _SPAN + _MIDDLE + exceeds[:, None] + numbers
        weight = (weight * gaps[spots]) >> GAP_BITS
    weighed = slice(HALF - GAP_NUMBERS, HALF + GAP_NUMBERS)
    shares[:, weighed] = (shares[:, weighed] >> GAP_BITS) * np.minimum(weight, _MOST_WEIGHT)
    ends = shares.cumsum(1)
    whole = ends[:, -1:]
    down = np.maximum(np.frexp(whole)[1] - _WHOLE_BITS, 0)
    before = (ends - shares) >> down
    made = np.full((len(own), ENTRIES + 1), SLOTS, np.int64)
    made[:, :-1] = _ORDINALS + ((before * ((_SHARED << _UNIT) // (whole >> down))) >> _UNIT)
    rows[TABLES + own, STARTS : STARTS + ENTRIES + 1] = made
    rows[TABLES + own, :STARTS] = made[:, 4::4]
    left[TABLE, own] = TABLES + own


PLAINLY = {weigh: _weigh_plainly}
"""What runs in place of compiled functions where there is no compiler."""
