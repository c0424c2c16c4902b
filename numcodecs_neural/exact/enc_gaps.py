"""Fit the weights by which probability tables follow local gaps of a plane's histogram."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, compiled, inlined, readable
from numcodecs_neural.exact.dec_gaps import (
    GAP_BITS,
    GAP_NUMBERS,
    MAX_GAP_WEIGHT,
    ROW,
    STARTS,
    distance,
    gaps_of,
    own_tables,
    weigh,
)
from numcodecs_neural.exact.diagonals import (
    FLIP,
    MEAN,
    PLACES,
    PLANE,
    RAW,
    READ,
    READ_SHORTS,
    SCRATCH,
    SHORTS,
    TABLE,
    first_of_diagonal,
    last_of_diagonal,
)
from numcodecs_neural.exact.layout import FIRST_ROW, GAP_NEIGHBOURS, GAP_REACH, MARGIN
from numcodecs_neural.exact.model import SLOTS
from numcodecs_neural.exact.planes import runnable
from numcodecs_neural.exact.prediction import predict
from numcodecs_neural.exact.symbols import ENTRIES, HALF
from numcodecs_neural.vectors import LANES, types

__all__ = ["Gaps", "gaps_in"]

_SAMPLES = 1 << 14
"""So many samples, spread over the plane, tell the weights."""
_FEWEST = 1 << 11
"""Samples of a plane whose weights may be worth their bytes."""
_PROBED, _FITTED = 32, 4
"""One in so many diagonals, or less, says whether to fit weights; and what they are."""
_STEPS = 4
_WORTH = 1 / 20
"""Bits a sample that must be saved: the sample takes twice as long to decode."""
_UNSEEN = 8 * SLOTS
"""Eight samples more of each distance, found and expected: few are no reason for a weight."""
_PRICE_BITS = 12
_GAP_BYTES = 2 * GAP_NEIGHBOURS * (GAP_REACH + 1)

_I = np.int64  # a name: `planes.runnable` puts another in its place
_HEIGHT, _WIDTH, _COLUMNS, _BASE = (PLANE[name] for name in ("height", "width", "columns", "base"))
_INT = types.int64
_COUNTS = types.Array(types.int64, 3, "C")


@inlined(types.void, _INT, _INT, READ_SHORTS, PLACES, READ_SHORTS, READ, _COUNTS)
def _count(
    i: Integer,
    at: Integer,
    values: Integer,
    offsets: Integer,
    tables: Integer,
    scratch: Integer,
    counts: Integer,
) -> None:
    """Count how far a sample is from its neighbours, and how likely its table makes that."""
    flip, row = _I(scratch[LANES * FLIP + i]), _I(scratch[LANES * TABLE + i]) * ROW + STARTS
    value = _I(values[at]) & 65535
    number = ((value - _I(scratch[LANES * MEAN + i])) ^ flip) - flip
    for j in range(GAP_NEIGHBOURS):
        exceeds = distance(i, at + offsets[j], values, scratch)
        if -GAP_NUMBERS <= number < GAP_NUMBERS and abs(exceeds + number) <= GAP_REACH:
            counts[0, j, abs(exceeds + number)] += SLOTS
        low = max(-GAP_NUMBERS, -GAP_REACH - exceeds)
        for n in range(low, min(GAP_NUMBERS - 1, GAP_REACH - exceeds) + 1):
            spot = row + HALF + n
            counts[1, j, abs(exceeds + n)] += _I(tables[spot + 1]) - _I(tables[spot])


@compiled(
    _INT, _INT, PLACES, SHORTS, SHORTS, PLACES, readable(types.int32), readable(types.int32),
    SHORTS, READ, _COUNTS,
)  # fmt: skip
def add_gaps(
    every: Integer,
    plane: Integer,
    values: Integer,
    errors: Integer,
    offsets: Integer,
    terms: Integer,
    weights: Integer,
    tables: Integer,
    gaps: Integer,
    counts: Integer,
) -> Integer:
    """Add up distances between levels, found and expected, of one in so many diagonals.

    Return how many samples these have. Without ``gaps``, tables of the set say what to expect.
    """
    scratch = np.zeros(LANES * SCRATCH, np.int32)
    seen = 0
    for diagonal in range(every >> 1, plane[_WIDTH] + 2 * (plane[_HEIGHT] - 1), every):
        low, high = first_of_diagonal(plane, diagonal), last_of_diagonal(plane, diagonal)
        for y0 in range(low, high + 1, LANES):
            here = plane[_BASE] + (FIRST_ROW + diagonal) * plane[_COLUMNS] + MARGIN + y0
            predict(here, plane, values, errors, offsets, terms, weights, scratch)
            count = min(LANES, high + 1 - y0)
            if gaps.size:
                weigh(count, here, values, offsets, gaps, tables, scratch)
            for i in range(count):
                if scratch[LANES * RAW + i] == 0:
                    _count(i, here + i, values, offsets, tables, scratch, counts)
            seen += count
    return seen


@compiled(
    types.void, PLACES, SHORTS, SHORTS, PLACES, readable(types.int32), readable(types.int32),
    SHORTS, READ, readable(types.uint16), types.Array(types.uint32, 1, "C"),
)  # fmt: skip
def code_gaps(
    plane: Integer,
    values: Integer,
    errors: Integer,
    offsets: Integer,
    terms: Integer,
    weights: Integer,
    tables: Integer,
    gaps: Integer,
    entries: Integer,
    codes: Integer,
) -> None:
    """Fill in the start and the frequency of each entry of a plane."""
    scratch = np.zeros(LANES * SCRATCH, np.int32)
    done = 0
    for diagonal in range(plane[_WIDTH] + 2 * (plane[_HEIGHT] - 1)):
        low, high = first_of_diagonal(plane, diagonal), last_of_diagonal(plane, diagonal)
        for y0 in range(low, high + 1, LANES):
            here = plane[_BASE] + (FIRST_ROW + diagonal) * plane[_COLUMNS] + MARGIN + y0
            predict(here, plane, values, errors, offsets, terms, weights, scratch)
            count = min(LANES, high + 1 - y0)
            weigh(count, here, values, offsets, gaps, tables, scratch)
            for i in range(count):
                spot = _I(scratch[LANES * TABLE + i]) * ROW + STARTS
                spot += _I(entries[done]) & (ENTRIES - 1)
                start = _I(tables[spot])
                codes[done] = np.uint32(start | ((_I(tables[spot + 1]) - start) << 16))
                done += 1


class Gaps(NamedTuple):
    """How a plane with local gaps is coded.

    Parameters
    ----------
    weights : ndarray of int64, shape (neighbours, distances)
        How likely distances are, in 256ths.
    codes : ndarray of uint32
        Start and frequency of each entry.
    """

    weights: NDArray[np.int64]
    codes: NDArray[np.uint32]


def gaps_in(
    coded: tuple[NDArray[Any], ...],
    entries: NDArray[np.uint16],
    tables: NDArray[np.int16],
    price: int,
    lanes: int,
) -> Gaps | None:
    """Return how a plane is coded by which levels lie nearby; None where that saves too little.

    Parameters
    ----------
    coded : tuple of ndarray
        The plane, its samples and errors in memory, and what predicted them, as kernels take it.
    entries : ndarray
        Those of the plane in its set of tables.
    tables : ndarray
        That set.
    price : int
        What entries take without weights, in 4096ths of a bit.
    lanes : int
        How many samples kernels take at once.
    """
    if len(entries) < _FEWEST:
        return None
    arguments = (*coded, own_tables(tables, lanes))
    weights = _fitted(arguments, len(entries) // _SAMPLES, lanes)
    if weights is None:
        return None
    codes = np.zeros(len(entries), np.uint32)
    runnable(code_gaps, lanes)(*arguments, gaps_of(weights), entries, codes)
    needed = _WORTH * len(entries) + 8 * _GAP_BYTES
    saved = price - _price_of(codes)
    return Gaps(weights, codes) if saved > needed * (1 << _PRICE_BITS) else None


def _fitted(arguments: tuple[NDArray[Any], ...], step: int, lanes: int) -> NDArray[np.int64] | None:
    """Return weights that suit a plane; None where they promise too little.

    Parameters
    ----------
    arguments : tuple of ndarray
        As `add_gaps` takes them first.
    step : int
        One in so many diagonals has as many samples as are needed.
    lanes : int
        How many samples kernels take at once.
    """
    count = runnable(add_gaps, lanes)
    counts = np.zeros((2, GAP_NEIGHBOURS, GAP_REACH + 1), np.int64)
    seen = count(max(step, _PROBED), *arguments, np.zeros(0, np.int32), counts)
    if _promised(counts) < _WORTH / 2 * seen:
        return None
    weights = np.full(counts.shape[1:], 1 << GAP_BITS, np.int64)
    for _ in range(_STEPS):
        counts[:] = 0
        count(max(step, _FITTED), *arguments, gaps_of(weights), counts)
        weights = _moved(weights, counts)
    return weights


def _promised(counts: NDArray[np.int64]) -> float:
    """Return how many bits the distances from one neighbour alone save, the best one, nearly."""
    found, expected = (counts + 1) / SLOTS
    saved = found * np.log2(found / expected) - (found - expected) / np.log(2)
    return float(saved.sum(1).max())


def _moved(weights: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return weights with which what is expected comes nearer to what is found."""
    found, expected = counts + _UNSEEN
    # Roots and quotients are rounded alike by every machine.
    ratios: NDArray[np.float64] = np.sqrt(found / expected)
    moved: NDArray[np.int64] = np.rint(weights * ratios).astype(np.int64)
    return np.clip(moved, 1, MAX_GAP_WEIGHT)


def _price_of(codes: NDArray[np.uint32]) -> int:
    """Return how many bits entries take, in 4096ths."""
    counts = np.bincount(codes >> np.uint32(16), minlength=SLOTS + 1)
    prices = np.rint(-(1 << _PRICE_BITS) * np.log2(np.arange(1, SLOTS + 1) / SLOTS))
    return int(counts[1:] @ prices.astype(np.int64))
