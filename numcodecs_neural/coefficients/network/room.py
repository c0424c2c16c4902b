"""Memory of the context model: arrays of finished blocks, and of the sixteen that are coded.

Blocks of one diagonal, those of one ``x + 2 y``, know nothing of each other. A diagonal is an array
of numbers by field and by row of blocks, so that sixteen rows are sixteen neighbours in memory.
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.limits import MOST_INPUTS, MOST_OUTPUTS, MOST_UNITS
from numcodecs_neural.coefficients.network.order import GROUPS
from numcodecs_neural.vectors import LANES

__all__ = [
    "ACCUMULATOR",
    "ACTIVATIONS",
    "ACTIVE",
    "AROUND",
    "BLOCK_PLACES",
    "BORDER",
    "CODED",
    "DC",
    "DIAGONALS",
    "ENERGY",
    "FIELDS",
    "FLOORS",
    "GUESS",
    "HIDDEN",
    "INPUTS",
    "INPUT_PAIRS",
    "INSIDE",
    "KNOWN",
    "LANE_NUMBERS",
    "LEFT",
    "LEVEL",
    "LEVEL_PAIRS",
    "MAGNITUDE",
    "MAGNITUDES",
    "MARGIN",
    "MIDDLE",
    "MIRRORED",
    "NEAR_BORDER",
    "NEAR_NARROW",
    "NEAR_TWIN",
    "NEAR_WIDE",
    "OUTPUTS",
    "ROW",
    "RUNNING",
    "SCALED",
    "SHIFT",
    "SIGNED",
    "SIGNED_PAIRS",
    "SLOPES",
    "SPREAD",
    "SUM",
    "SUMS",
    "SYMBOL",
    "TWIN",
    "TWIN_BORDERS",
    "TWIN_FIELDS",
    "TWIN_KNOWN",
    "TWIN_LEVEL",
    "UP",
    "USUAL",
    "VALUE",
    "VALUES",
    "WIDE",
    "WIDE_FIELDS",
    "Room",
    "new_room",
]

DIAGONALS = 5
"""So many diagonals are remembered: this one and four before; of twins, two before and two after.
Diagonal `d` stands at ``d % 5``."""
MARGIN = 2
"""Places before the first row of blocks."""

MAGNITUDE, VALUE, SPREAD, LEVEL, SIGNED = 0, 64, 128, 192, 192 + GROUPS
FIELDS = SIGNED + 2
"""Of ``narrow``: magnitudes, symbols, sums of magnitudes beside each, levels, and the companded
values of the coefficients 1 and 8."""
SUMS = 5
BORDER, DC, SUM = 0, 32, 33
WIDE_FIELDS = SUM + SUMS
"""Of `WIDE`: lower border, lowest row, right border, last column; DC; the bits of the five float32
that the regression on twins adds up."""
TWIN, TWIN_LEVEL, TWIN_FIELDS, TWIN_BORDERS = 0, 64, 64 + GROUPS, 16
CODED, ACTIVE, UP, LEFT, ROW, MIDDLE, MIRRORED, SHIFT, SYMBOL = (LANES * row for row in range(9))
"""Rows of `LANE`: whether each block is coded, whether it still is, whether there is one above and
one to the left (0 or -1). Of a coefficient: its table, the mean's cell, whether the table is
mirrored (0 or -1), how many lowest bits are uniform, and the symbol."""


def _placed(*sizes: int) -> list[int]:
    """Return where parts of these sizes begin, and where the last one ends."""
    return [0, *itertools.accumulate(sizes)]


(
    LANE, FLOORS, USUAL, INPUTS, INPUT_PAIRS, ACCUMULATOR, ACTIVATIONS, HIDDEN, OUTPUTS,
    LEVEL_PAIRS, SIGNED_PAIRS, MAGNITUDES, SCALED, VALUES, ENERGY, KNOWN, TWIN_KNOWN, AROUND,
    INSIDE, SLOPES, GUESS, WIDE,
) = _placed(
    9 * LANES, 64 * 3, LANES, MOST_INPUTS * LANES, MOST_INPUTS // 2 * LANES, MOST_UNITS * LANES,
    MOST_UNITS * LANES, MOST_UNITS // 2 * LANES, MOST_OUTPUTS * LANES, 8 * LANES, 8 * LANES,
    64 * LANES, 128 * LANES, 64 * LANES, GROUPS * LANES, 32 * LANES, 32 * LANES, SUMS * LANES,
    SUMS * LANES, 3 * LANES, LANES,
)  # fmt: skip
"""Where the parts of ``words`` begin:

- `LANE`: the rows above; `FLOORS`, (64, 3): what the sums of magnitudes begin with on this
  diagonal; `USUAL`: sums of the running means over groups, in 2^-10 of a step;
- of the layers, with `LANES` numbers each: `INPUTS`; `INPUT_PAIRS`, the same as pairs;
  `ACCUMULATOR`; `ACTIVATIONS`; `HIDDEN`, the same as pairs; `OUTPUTS`; `LEVEL_PAIRS` of complete
  groups; `SIGNED_PAIRS` of companded values of a pass;
- of the block, likewise: `MAGNITUDES`; `SCALED`, (2, 64): twins in sixteenths of steps; `VALUES`:
  dequantised, in sixteenths; `ENERGY` of groups; `KNOWN`, (4, 8): upper border and row, left border
  and column of what is decoded, in 2^-16; `TWIN_KNOWN`, (2, 2, 8): upper and left border of the
  same coefficients of the twins; `AROUND` and `INSIDE`: the bits of float32 sums; `SLOPES`;
  `GUESS`;
- `WIDE`, (DIAGONALS, WIDE_FIELDS, stride), and behind it, of twins, (DIAGONALS, others,
  TWIN_BORDERS, stride): lower and right borders."""

RUNNING, LANE_NUMBERS, BLOCK_PLACES, NEAR_NARROW, NEAR_WIDE, NEAR_TWIN, NEAR_BORDER, _PLACES = (
    _placed(65, LANES, LANES, 7, 7, 5, 5)
)
"""Where the parts of ``places`` begin: running means of magnitudes, in 2^-20 of a step, and how
many blocks they are of; which of the blocks are still decoded; where the coefficients of each
begin; where the fields of W, N, NW, NE, WW, NN and of this block begin in ``narrow`` and in
``words``; where those of the first twin here, above, left, below and right begin."""


class Room(NamedTuple):
    """Three arrays, so that kernels can hand them on at little cost.

    Parameters
    ----------
    narrow : ndarray of int16
        (DIAGONALS, FIELDS, stride), and behind it, of twins, (DIAGONALS, others, TWIN_FIELDS,
        stride): values in sixteenths, and levels.
    words : ndarray of int32
    places : ndarray of int64
    """

    narrow: NDArray[np.int16]
    words: NDArray[np.int32]
    places: NDArray[np.int64]


def new_room(rows: int, others: int) -> Room:
    """Return room before the first block of a component of so many rows of blocks."""
    stride = rows + 2 * MARGIN + LANES
    wide = DIAGONALS * (WIDE_FIELDS + others * TWIN_BORDERS) * stride
    places = np.zeros(_PLACES, np.int64)
    places[:64] = 1 << 18
    return Room(
        narrow=np.zeros(DIAGONALS * (FIELDS + others * TWIN_FIELDS) * stride, np.int16),
        words=np.zeros(WIDE + wide, np.int32),
        places=places,
    )
