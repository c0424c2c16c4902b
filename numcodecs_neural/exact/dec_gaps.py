"""Tables of samples whose neighbours tell which levels occur nearby (SPEC.md, section 10.6)."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.exact.diagonals import (
    FLIP,
    MEAN,
    NUMBER,
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
    LANES,
    add,
    load16,
    load32,
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
_WHOLE, _UNIT = 1 << 16, 15
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
    for distance in range(weights.shape[1]):
        gaps[:, [_MIDDLE - distance, _MIDDLE + distance]] = weights[:, distance, None]
    return gaps.ravel()


def own_tables(tables: NDArray[np.int16], lanes: int) -> NDArray[np.int16]:
    """Return tables of a set, with room behind them for those of so many samples."""
    return np.concatenate([tables, np.zeros(lanes * ROW, np.int16)])


@inlined(_INT, _INT, _INT, READ_SHORTS, READ)
def distance(i: Integer, at: Integer, values: Integer, scratch: Integer) -> Integer:
    """Return by how much the number 0 of a sample exceeds the neighbour at `at`, limited."""
    flip = _I(scratch[_U(LANES * FLIP + i)])
    neighbour = _I(values[_U(at)]) & 65535
    exceeds = ((_I(scratch[_U(LANES * MEAN + i)]) - neighbour) ^ flip) - flip
    return min(max(exceeds, -_FAR), _FAR)


@inlined(types.void, _INT, _INT, READ_SHORTS, PLACES, READ, READ_SHORTS, NUMBERS)
def _share(
    i: Integer,
    at: Integer,
    values: Integer,
    offsets: Integer,
    gaps: Integer,
    tables: Integer,
    scratch: Integer,
) -> None:
    """Put into the scratch memory how much of a sample's table each entry is to have."""
    row, to = _I(scratch[_U(LANES * TABLE + i)]) * ROW + STARTS, ENTRIES * i
    for part in range(ENTRIES // LANES):
        low = load16(tables, row + LANES * part)
        share = subtract(widen(load16(tables, row + LANES * part + 1)), widen(low))
        store32(scratch, to + LANES * part, shift_left(share, splat32(GAP_BITS)))
    for part in range(2 * GAP_NUMBERS // LANES):
        weight = splat32(1 << GAP_BITS)
        for j in range(GAP_NEIGHBOURS):
            near = distance(i, at + offsets[_U(j)], values, scratch)
            spot = j * _SPAN + _MIDDLE + near - GAP_NUMBERS + LANES * part
            weight = shift_right(mul(weight, load32(gaps, spot)), splat32(GAP_BITS))
        weight = minimum(weight, splat32(_MOST_WEIGHT))
        entry = to + HALF - GAP_NUMBERS + LANES * part
        share = shift_right(load32(scratch, entry), splat32(GAP_BITS))
        store32(scratch, entry, mul(share, weight))


@inlined(types.void, _INT, NUMBERS)
def _add_up(i: Integer, scratch: Integer) -> None:
    """Put in place of shares those of all entries before, and what all have as the number."""
    whole = np.int32(0)
    for entry in range(ENTRIES):
        share = scratch[_U(ENTRIES * i + entry)]
        scratch[_U(ENTRIES * i + entry)] = whole
        whole += share
    scratch[_U(LANES * NUMBER + i)] = whole


@inlined(types.void, _INT, SHORTS, NUMBERS)
def _share_out(i: Integer, tables: Integer, scratch: Integer) -> None:
    """Make a table of what `_add_up` left."""
    whole, row = _I(scratch[_U(LANES * NUMBER + i)]), (TABLES + i) * ROW
    down = 0
    while whole >> down >= _WHOLE:
        down += 1
    unit = splat32((_SHARED << _UNIT) // (whole >> down))
    for part in range(ENTRIES // LANES):
        before = shift_right(load32(scratch, ENTRIES * i + LANES * part), splat32(down))
        start = shift_right(mul(before, unit), splat32(_UNIT))
        start = add(start, load32(_ORDINALS, LANES * part))
        store16(tables, row + STARTS + LANES * part, narrow(start))
    tables[_U(row + STARTS + ENTRIES)] = SLOTS
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
    """Give samples of a diagonal, the first one at `at`, tables of their own.

    Step by step for all of them: what was stored in small pieces is slow to load in large ones.
    """
    for i in range(count):
        if scratch[_U(LANES * RAW + i)] == 0:
            _share(i, at + i, values, offsets, gaps, tables, scratch)
    for i in range(count):
        if scratch[_U(LANES * RAW + i)] == 0:
            _add_up(i, scratch)
    for i in range(count):
        if scratch[_U(LANES * RAW + i)] == 0:
            _share_out(i, tables, scratch)
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
    down = np.maximum(np.frexp(whole)[1] - np.frexp(_WHOLE - 1)[1], 0)
    before = (ends - shares) >> down
    made = np.full((len(own), ENTRIES + 1), SLOTS, np.int64)
    made[:, :-1] = _ORDINALS + ((before * ((_SHARED << _UNIT) // (whole >> down))) >> _UNIT)
    rows[TABLES + own, STARTS : STARTS + ENTRIES + 1] = made
    rows[TABLES + own, :STARTS] = made[:, 4::4]
    left[TABLE, own] = TABLES + own


PLAINLY = {weigh: _weigh_plainly}
"""What runs in place of compiled functions where there is no compiler."""
