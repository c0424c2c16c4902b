"""Multiplication of symbols with their steps, sixteen at once."""

from numba import types

from numcodecs_neural.compilation import Integer, inlined, outermost, readable
from numcodecs_neural.dct.slices import GAIN_BITS
from numcodecs_neural.vectors import (
    INT32S,
    LANES,
    add,
    load16,
    load32,
    maximum,
    minimum,
    mul,
    narrow,
    shift_right,
    splat32,
    store16,
    widen,
)

__all__ = ["multiply", "multiply_onto"]

LIMIT = 32767
_SHORTS, _WORDS = readable(types.int16), readable(types.int32)
_VALUES = types.Array(types.int16, 1, "C")


@inlined(INT32S, INT32S)
def _limited(values: Integer) -> Integer:
    return minimum(maximum(values, splat32(-LIMIT)), splat32(LIMIT))


@outermost(types.void, _SHORTS, _WORDS, _VALUES)
def multiply(symbols: Integer, steps: Integer, values: Integer) -> None:
    """Write symbols times steps, which repeat, limited to magnitudes of 32767.

    Numbers of both are multiples of 16.
    """
    step = 0
    for at in range(0, len(symbols), LANES):
        product = mul(widen(load16(symbols, at)), load32(steps, step))
        store16(values, at, narrow(_limited(product)))
        step += LANES
        if step == len(steps):
            step = 0


@outermost(types.void, _SHORTS, _WORDS, _SHORTS, _SHORTS, _WORDS, _VALUES)
def multiply_onto(
    symbols: Integer,
    steps: Integer,
    first: Integer,
    second: Integer,
    factors: Integer,
    values: Integer,
) -> None:
    """Write what `multiply` does plus both references times their factors, limited likewise.

    Steps repeat, and so do factors: first those of the first reference, then of the second.
    """
    half, shift = splat32(1 << (GAIN_BITS - 1)), splat32(GAIN_BITS)
    step, count = 0, len(steps)
    for at in range(0, len(symbols), LANES):
        product = _limited(mul(widen(load16(symbols, at)), load32(steps, step)))
        one = mul(widen(load16(first, at)), load32(factors, step))
        other = mul(widen(load16(second, at)), load32(factors, count + step))
        expected = shift_right(add(add(one, other), half), shift)
        store16(values, at, narrow(_limited(add(product, expected))))
        step += LANES
        if step == count:
            step = 0
