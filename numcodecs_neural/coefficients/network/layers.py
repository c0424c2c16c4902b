"""Layers of the context model, of sixteen blocks at once: products of int16, sums of int32.

No sum leaves ±2^24 (`parameters` proves it). Import it only when coefficients are coded, since it
imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.arithmetic import paired
from numcodecs_neural.coefficients.network.limits import ACTIVATION_LIMIT, OUTPUT_LIMIT, UNITS
from numcodecs_neural.compilation import Integer, inlined, readable
from numcodecs_neural.vectors import (
    LANES,
    lane_products,
    load32,
    maximum,
    minimum,
    shift_right,
    splat32,
    store32,
)

__all__ = ["add_layer", "add_layer_plainly", "begin_sums", "rectify", "rescale"]

_INT, _WORDS = types.int64, types.int32[::1]
_WEIGHTS, _NUMBERS = readable(types.int16), readable(types.int32)


@inlined(types.void, _NUMBERS, _INT, _WORDS, _INT, _INT)
def begin_sums(
    biases: NDArray[np.int32], at: Integer, words: NDArray[np.int32], sums: Integer, n: Integer
) -> None:
    """Begin the sums of `n` units with their biases."""
    for unit in range(n):
        store32(words, sums + LANES * unit, splat32(biases[at + unit]))


@inlined(types.void, _WEIGHTS, _INT, _WORDS, _INT, _INT, _INT, _INT)
def add_layer(
    weights: NDArray[np.int16],
    at: Integer,
    words: NDArray[np.int32],
    pairs: Integer,
    count: Integer,
    sums: Integer,
    units: Integer,
) -> None:
    """Add to the sums of `units` units the products of `count` pairs of factors with weights.

    Parameters
    ----------
    weights, at
        They lie as `prepared` packs them: four units, for one pair after the other, then the next
        four.
    words, pairs, sums
        Where the pairs and the sums stand.
    count, units : int
    """
    for unit in range(sums, sums + LANES * units, UNITS * LANES):
        a, b = load32(words, unit), load32(words, unit + LANES)
        c, d = load32(words, unit + 2 * LANES), load32(words, unit + 3 * LANES)
        for pair in range(pairs, pairs + LANES * count, LANES):
            factors = load32(words, pair)
            a = lane_products(a, factors, weights, at)
            b = lane_products(b, factors, weights, at + 2)
            c = lane_products(c, factors, weights, at + 4)
            d = lane_products(d, factors, weights, at + 6)
            at += 2 * UNITS
        store32(words, unit, a)
        store32(words, unit + LANES, b)
        store32(words, unit + 2 * LANES, c)
        store32(words, unit + 3 * LANES, d)


def add_layer_plainly(
    weights: NDArray[np.int16],
    at: int,
    words: NDArray[np.int32],
    pairs: int,
    count: int,
    sums: int,
    units: int,
) -> None:
    """Do what `add_layer` does, by numpy."""
    groups = -(-units // UNITS)
    part = weights[at : at + groups * count * 2 * UNITS].reshape(groups, count, UNITS, 2)
    factors = words[pairs : pairs + LANES * count].view(np.int16).reshape(count, LANES, 2)
    product = np.einsum(
        "gpui,pli->gul", part.astype(np.float64), factors.astype(np.float64), optimize=True
    )
    words[sums : sums + groups * UNITS * LANES] += product.astype(np.int32).reshape(-1)


@inlined(types.void, _WORDS, _INT, _NUMBERS, _INT, _INT, _INT)
def rectify(
    words: NDArray[np.int32],
    sums: Integer,
    shifts: NDArray[np.int32],
    at: Integer,
    out: Integer,
    units: Integer,
) -> None:
    """Write ``clamp(sums >> shifts, 0, ACTIVATION_LIMIT)`` in pairs."""
    zero, most = splat32(0), splat32(ACTIVATION_LIMIT)
    for unit in range(0, units, 2):
        place = sums + LANES * unit
        one = shift_right(load32(words, place), splat32(shifts[at + unit]))
        two = shift_right(load32(words, place + LANES), splat32(shifts[at + unit + 1]))
        one, two = minimum(maximum(one, zero), most), minimum(maximum(two, zero), most)
        store32(words, out + LANES // 2 * unit, paired(one, two))


@inlined(types.void, _WORDS, _INT, _NUMBERS, _INT, _INT)
def rescale(
    words: NDArray[np.int32], sums: Integer, shifts: NDArray[np.int32], at: Integer, n: Integer
) -> None:
    """Replace sums by ``clamp(sums >> shifts, -OUTPUT_LIMIT - 1, OUTPUT_LIMIT)``."""
    for unit in range(n):
        place = sums + LANES * unit
        output = shift_right(load32(words, place), splat32(shifts[at + unit]))
        output = minimum(maximum(output, splat32(-OUTPUT_LIMIT - 1)), splat32(OUTPUT_LIMIT))
        store32(words, place, output)
