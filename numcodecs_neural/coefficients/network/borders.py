"""Borders of blocks: their one-dimensional DCT, from values that are known."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.arithmetic import rounded
from numcodecs_neural.coefficients.network.kinds import INT, WORDS
from numcodecs_neural.coefficients.network.tables import EXTRAPOLATED, OUTERMOST
from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.vectors import INT32S, LANES, add, load32, mul, splat32, store32, types

__all__ = ["add_known", "write_border"]

_BASES = np.stack([EXTRAPOLATED, OUTERMOST])
_ALTERNATING = _BASES * (-1) ** np.arange(8)


@inlined(types.void, WORDS, INT, INT, INT, INT, INT, INT)
def write_border(
    words: NDArray[np.int32],
    values: Integer,
    which: Integer,
    along: Integer,
    across: Integer,
    place: Integer,
    stride: Integer,
) -> None:
    """Write the lower or right border of blocks.

    Parameters
    ----------
    words, values
        Where the values stand, (64, LANES), in sixteenths.
    which : int
        0 for the border itself, 1 for the samples beside it.
    along, across : int
        Steps from one coefficient to the next, along the border and across: 1 and 8, or 8 and 1.
    place, stride : int
        Where among `words` the first number goes, and how far the next is from there.
    """
    for a in range(8):
        total = splat32(0)
        for b in range(8):
            value = load32(words, values + LANES * (along * a + across * b))
            total = add(total, mul(value, splat32(_ALTERNATING[which, b])))
        store32(words, place + a * stride, rounded(total, 12))


@inlined(types.void, WORDS, INT, INT, INT, INT32S)
def add_known(
    known: NDArray[np.int32], at: Integer, which: Integer, across: Integer, values: Integer
) -> None:
    """Add what values say of the upper or left border, at one frequency across it."""
    total = add(load32(known, at), mul(values, splat32(_BASES[which, across])))
    store32(known, at, total)
