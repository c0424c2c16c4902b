"""What lies beyond the ends of a diagonal: its first and its last block again, twice each."""

from typing import Any

from numcodecs_neural.coefficients.network.kinds import INT, WORDS
from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.vectors import types

__all__ = ["repeat_narrow", "repeat_wide"]


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
