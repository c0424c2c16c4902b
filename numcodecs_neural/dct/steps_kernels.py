"""Multiplication of symbols with their steps, sixteen at once."""

from numba import types

from numcodecs_neural.compilation import Integer, outermost, readable
from numcodecs_neural.vectors import (
    LANES,
    load16,
    load32,
    maximum,
    minimum,
    mul,
    narrow,
    splat32,
    store16,
    widen,
)

__all__ = ["multiply"]


@outermost(
    types.void,
    readable(types.int16),
    readable(types.int32),
    types.Array(types.int16, 1, "C"),
)
def multiply(symbols: Integer, steps: Integer, values: Integer) -> None:
    """Write symbols times steps, which repeat, limited to magnitudes of 32767.

    Numbers of both are multiples of 16.
    """
    low, high = splat32(-32767), splat32(32767)
    step = 0
    for at in range(0, len(symbols), LANES):
        product = mul(widen(load16(symbols, at)), load32(steps, step))
        store16(values, at, narrow(minimum(maximum(product, low), high)))
        step += LANES
        if step == len(steps):
            step = 0
