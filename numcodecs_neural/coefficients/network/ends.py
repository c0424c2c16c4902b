"""Padding at the edges of the plane of blocks: zeros, or the ends of a diagonal repeated."""

from typing import Any

from numcodecs_neural.coefficients.network.kinds import INT, WORDS
from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.vectors import LANES, splat16, splat32, store16, store32, types

__all__ = ["fill_narrow", "fill_wide", "repeat_narrow", "repeat_wide"]


@inlined(types.void, types.Array(types.int16, 1, "C"), INT, INT, INT, INT, INT)
def repeat_narrow(
    fields: Any, start: Integer, count: Integer, first: Integer, last: Integer, stride: Integer
) -> None:
    """Repeat the rows `first` and `last` of all fields outwards.

    Parameters
    ----------
    fields : ndarray
    start : int
        Where row 0 of the first field stands.
    count, stride : int
        How many fields there are, and how far the next one is from each.
    first, last : int
    """
    for field in range(count):
        begin, end = start + field * stride + first, start + field * stride + last
        fields[begin - 1] = fields[begin - 2] = fields[begin]
        fields[end + 1] = fields[end + 2] = fields[end]


@inlined(types.void, WORDS, INT, INT, INT, INT, INT)
def repeat_wide(
    fields: Any, start: Integer, count: Integer, first: Integer, last: Integer, stride: Integer
) -> None:
    """Do what `repeat_narrow` does, with int32."""
    for field in range(count):
        begin, end = start + field * stride + first, start + field * stride + last
        fields[begin - 1] = fields[begin - 2] = fields[begin]
        fields[end + 1] = fields[end + 2] = fields[end]


@inlined(types.void, types.Array(types.int16, 1, "C"), INT, INT, INT)
def fill_narrow(fields: Any, start: Integer, count: Integer, value: Integer) -> None:
    """Fill 16 numbers or more."""
    for i in range(start, start + count - LANES, LANES):
        store16(fields, i, splat16(value))
    store16(fields, start + count - LANES, splat16(value))


@inlined(types.void, WORDS, INT, INT)
def fill_wide(fields: Any, start: Integer, count: Integer) -> None:
    """Fill 16 numbers or more with zeros."""
    for i in range(start, start + count - LANES, LANES):
        store32(fields, i, splat32(0))
    store32(fields, start + count - LANES, splat32(0))
