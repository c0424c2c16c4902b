"""How 16 samples of a diagonal are predicted: linearly, then by a network (SPEC.md, section 10.3).

`diagonals` says what the arrays are. Numbers of the steps between are vectors of 16 int32.
"""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.exact.diagonals import (
    FLIP,
    LINEAR,
    MEAN,
    NUMBERS,
    PLACES,
    PLANE,
    RAW,
    READ,
    READ_SHORTS,
    SCRATCH,
    TABLE,
)
from numcodecs_neural.exact.layout import (
    CAUSAL,
    CAUSAL_ERRORS,
    CAUSAL_INPUTS,
    CAUSAL_SIZES,
    REFERENCE,
    REFERENCE_ERRORS,
    REFERENCE_INPUTS,
    REFERENCE_SIZES,
    SECOND_INPUTS,
    SECOND_TERMS,
)
from numcodecs_neural.exact.model import FRACTIONS, HIDDEN_LIMIT, INPUT_LIMIT
from numcodecs_neural.vectors import (
    INT32S,
    LANES,
    add,
    both,
    float_bits,
    load16,
    load32,
    magnitude,
    maximum,
    minimum,
    mul,
    shift_left,
    shift_right,
    splat32,
    store32,
    subtract,
    two_products,
    types,
    widen,
    widen_unsigned,
)

__all__ = ["PLAINLY", "predict"]

_BASE, _FIRST, _SECOND = PLANE["base"], PLANE["first"], PLANE["second"]
_REFERENCES, _MOST = PLANE["references"], PLANE["most"]
_OCTAVES, _FRACTION = PLANE["step_octaves"], PLANE["fraction"]
_WIDE, _NARROW = PLANE["wide"], PLANE["hidden"]

_LARGEST_RAW = 14
_MEAN_LIMIT, _SCALE_LIMIT = 2047, 255
_SCALE_MOST = (1 << 20) - 1

# Parts of the scratch memory, in vectors, before what `predict` leaves there.
_PAIR, _LAYER = 48, 80

_NEIGHBOURS, _AROUND = len(CAUSAL), len(REFERENCE)

_INT = types.int64
_U = np.uint64  # as an index it needs no look at its sign


@inlined(INT32S, INT32S, _INT, _INT)
def _limited(value: Integer, low: Integer, high: Integer) -> Integer:
    return minimum(maximum(value, splat32(low)), splat32(high))


@inlined(INT32S, INT32S)
def _octaves_of(value: Integer) -> Integer:
    """Return logarithms of positive numbers, in 32nds of an octave, from 2^-127 on."""
    return shift_right(float_bits(value), splat32(18))


@inlined(INT32S, READ_SHORTS, _INT)
def _level(values: Integer, at: Integer) -> Integer:
    return widen_unsigned(load16(values, at))


@inlined(INT32S, READ_SHORTS, PLACES, _INT, _INT, _INT)
def _mean_of_two(
    values: Integer, offsets: Integer, at: Integer, first: Integer, second: Integer
) -> Integer:
    """Return the means of two neighbours, rounded down."""
    one = _level(values, at + offsets[_U(first)])
    return shift_right(add(one, _level(values, at + offsets[_U(second)])), splat32(1))


@inlined(INT32S, READ_SHORTS, PLACES, _INT)
def _middle(values: Integer, offsets: Integer, at: Integer) -> Integer:
    """Return what samples around a place of a reference are compared with."""
    return _mean_of_two(values, offsets, at, _NEIGHBOURS + 4, _NEIGHBOURS + 3)


@inlined(INT32S, PLACES, READ_SHORTS, PLACES, READ, _INT, _INT, _INT)
def _linear(
    plane: Integer,
    values: Integer,
    offsets: Integer,
    terms: Integer,
    at: Integer,
    first: Integer,
    second: Integer,
) -> Integer:
    """Return the linear prediction in sixteenths."""
    base = _mean_of_two(values, offsets, at, 0, 1)
    total = splat32(32)
    for i in range(_NEIGHBOURS):
        change = subtract(_level(values, at + offsets[_U(i)]), base)
        total = add(total, mul(splat32(terms[_U(i)]), change))
    for j in range(plane[_REFERENCES]):
        here = first if j == 0 else second
        middle = _middle(values, offsets, here)
        start = _NEIGHBOURS + j * _AROUND
        for i in range(SECOND_TERMS if j else _AROUND):
            change = subtract(_level(values, here + offsets[_U(_NEIGHBOURS + i)]), middle)
            total = add(total, mul(splat32(terms[_U(start + i)]), change))
    linear = add(shift_left(base, splat32(4)), shift_right(total, splat32(6)))
    return _limited(linear, 0, 16 * plane[_MOST])


@inlined(INT32S, READ_SHORTS, PLACES, _INT, INT32S)
def _activity(values: Integer, offsets: Integer, at: Integer, linear: Integer) -> Integer:
    """Return by how much four neighbours differ from the prediction, in sum."""
    activity = splat32(0)
    for i in range(4):
        value = shift_left(_level(values, at + offsets[_U(i)]), splat32(4))
        activity = add(activity, magnitude(subtract(value, linear)))
    return activity


@inlined(INT32S, READ_SHORTS, PLACES, _INT, _INT, _INT, INT32S)
def _scale(
    errors: Integer,
    offsets: Integer,
    references: Integer,
    at: Integer,
    first: Integer,
    activity: Integer,
) -> Integer:
    """Return how large errors are around, by which all inputs are divided."""
    around = splat32(0)
    for i in range(CAUSAL_SIZES):
        around = add(around, magnitude(widen(load16(errors, at + offsets[_U(i)]))))
    scale = add(shift_right(around, splat32(3)), shift_right(activity, splat32(5)))
    scale = add(scale, splat32(3))
    if references:
        others = splat32(0)
        for i in range(REFERENCE_SIZES):
            error = widen(load16(errors, first + offsets[_U(_NEIGHBOURS + i)]))
            others = add(others, magnitude(error))
        scale = shift_right(add(mul(scale, splat32(5)), others), splat32(3))
    return minimum(scale, splat32(_SCALE_MOST))


@inlined(INT32S, INT32S)
def _fine(scale: Integer) -> Integer:
    """Return by how much scales exceed a power of two, in 128ths of it."""
    return both(shift_right(float_bits(scale), splat32(16)), splat32(127))


@inlined(INT32S, INT32S)
def _exponent(scale: Integer) -> Integer:
    return subtract(shift_right(float_bits(scale), splat32(23)), splat32(127))


@inlined(INT32S, INT32S)
def _floor(scale: Integer) -> Integer:
    """Return what is added to magnitudes before their logarithm."""
    return add(shift_right(scale, splat32(3)), splat32(1))


@inlined(INT32S, INT32S, INT32S)
def _divided(value: Integer, scale: Integer) -> Integer:
    """Return numbers in 16ths of a scale, nearly."""
    inverse = subtract(splat32(256), _fine(scale))
    return shift_right(mul(value, inverse), add(_exponent(scale), splat32(3)))


@inlined(types.void, NUMBERS, _INT, INT32S)
def _put(scratch: Integer, at: Integer, value: Integer) -> None:
    """Store an input of the network."""
    store32(scratch, at, _limited(value, -INPUT_LIMIT, INPUT_LIMIT))


@inlined(_INT, READ_SHORTS, READ_SHORTS, PLACES, _INT, INT32S, INT32S, NUMBERS)
def _put_neighbours(
    values: Integer,
    errors: Integer,
    offsets: Integer,
    at: Integer,
    linear: Integer,
    scale: Integer,
    scratch: Integer,
) -> Integer:
    """Store what neighbours in the plane tell; return where the next input belongs."""
    to = 0
    for i in range(CAUSAL_INPUTS):
        value = shift_left(_level(values, at + offsets[_U(i)]), splat32(4))
        _put(scratch, to, _divided(subtract(value, linear), scale))
        to += LANES
    octaves, floor = _octaves_of(scale), _floor(scale)
    for i in range(CAUSAL_ERRORS):
        value = widen(load16(errors, at + offsets[_U(i)]))
        size = _octaves_of(add(magnitude(value), floor))
        _put(scratch, to, _divided(value, scale))
        _put(scratch, to + CAUSAL_ERRORS * LANES, subtract(size, octaves))
        to += LANES
    return to + CAUSAL_ERRORS * LANES


@inlined(_INT, PLACES, INT32S, INT32S, INT32S, _INT, NUMBERS)
def _put_surroundings(
    plane: Integer,
    linear: Integer,
    activity: Integer,
    scale: Integer,
    to: Integer,
    scratch: Integer,
) -> Integer:
    """Store scales, and how far the limits are; return where the next input belongs."""
    octaves = _octaves_of(scale)
    size = _octaves_of(add(shift_right(activity, splat32(2)), _floor(scale)))
    above = subtract(splat32(16 * plane[_MOST]), linear)
    store32(scratch, to, subtract(octaves, splat32(132 << 5)))
    _put(scratch, to + LANES, subtract(size, octaves))
    _put(scratch, to + 2 * LANES, _divided(above, scale))
    _put(scratch, to + 3 * LANES, _divided(linear, scale))
    _put(scratch, to + 4 * LANES, subtract(splat32(plane[_OCTAVES]), octaves))
    return to + 5 * LANES


@inlined(_INT, READ_SHORTS, READ_SHORTS, PLACES, _INT, _INT, INT32S, _INT, NUMBERS)
def _put_reference(
    values: Integer,
    errors: Integer,
    offsets: Integer,
    here: Integer,
    is_second: Integer,
    scale: Integer,
    to: Integer,
    scratch: Integer,
) -> Integer:
    """Store what a reference tells; return where the next input belongs."""
    middle = _middle(values, offsets, here)
    octaves, floor = _octaves_of(scale), _floor(scale)
    for i in range(SECOND_INPUTS if is_second else REFERENCE_INPUTS):
        value = subtract(_level(values, here + offsets[_U(_NEIGHBOURS + i)]), middle)
        _put(scratch, to, _divided(shift_left(value, splat32(4)), scale))
        to += LANES
    for i in range(1 if is_second else REFERENCE_ERRORS):
        value = magnitude(widen(load16(errors, here + offsets[_U(_NEIGHBOURS + i)])))
        _put(scratch, to, subtract(_octaves_of(add(value, floor)), octaves))
        to += LANES
    if not is_second:
        value = widen(load16(errors, here + offsets[_U(_NEIGHBOURS)]))
        _put(scratch, to, _divided(value, scale))
        to += LANES
    return to


@inlined(types.void, _INT, NUMBERS)
def _pair(pairs: Integer, scratch: Integer) -> None:
    """Put two inputs each into the halves of an int32."""
    for i in range(pairs):
        even = load32(scratch, 2 * LANES * i)
        odd = load32(scratch, 2 * LANES * i + LANES)
        two = add(shift_left(odd, splat32(16)), both(even, splat32(65535)))
        store32(scratch, LANES * (_PAIR + i), two)


@inlined(_INT, READ, _INT, _INT, _INT, _INT, NUMBERS)
def _apply_layer(
    weights: Integer,
    at: Integer,
    wide: Integer,
    pairs: Integer,
    shift: Integer,
    scratch: Integer,
) -> Integer:
    """Put the outputs of a hidden layer in place of its inputs; return where weights go on."""
    down = splat32(shift)
    for group in range(wide >> 2):
        sum0, sum1 = splat32(weights[_U(at)]), splat32(weights[_U(at + 1)])
        sum2, sum3 = splat32(weights[_U(at + 2)]), splat32(weights[_U(at + 3)])
        at += 4
        for i in range(pairs):
            two = load32(scratch, LANES * (_PAIR + i))
            sum0 = two_products(sum0, two, weights[_U(at)])
            sum1 = two_products(sum1, two, weights[_U(at + 1)])
            sum2 = two_products(sum2, two, weights[_U(at + 2)])
            sum3 = two_products(sum3, two, weights[_U(at + 3)])
            at += 4
        sum0 = _limited(shift_right(sum0, down), 0, HIDDEN_LIMIT)
        sum1 = _limited(shift_right(sum1, down), 0, HIDDEN_LIMIT)
        sum2 = _limited(shift_right(sum2, down), 0, HIDDEN_LIMIT)
        sum3 = _limited(shift_right(sum3, down), 0, HIDDEN_LIMIT)
        to = LANES * (_LAYER + 2 * group)
        store32(scratch, to, add(sum0, shift_left(sum1, splat32(16))))
        store32(scratch, to + LANES, add(sum2, shift_left(sum3, splat32(16))))
    for i in range(wide >> 1):
        store32(scratch, LANES * (_PAIR + i), load32(scratch, LANES * (_LAYER + i)))
    return at


def _apply_layer_plainly(
    weights: NDArray[np.int32],
    at: int,
    wide: int,
    pairs: int,
    shift: int,
    scratch: NDArray[np.int32],
) -> int:
    """Do what `_apply_layer` does, by numpy."""
    lanes = len(scratch) // SCRATCH
    end = at + wide * (1 + pairs)
    groups = weights[at:end].reshape(-1, 1 + pairs, 4)
    factors = groups[:, 1:].transpose(0, 2, 1).copy().view(np.int16).reshape(wide, 2 * pairs)
    place = slice(lanes * _PAIR, lanes * (_PAIR + pairs))
    inputs = scratch[place].view(np.int16).reshape(pairs, lanes, 2).transpose(0, 2, 1)
    # Sums of float64 are exact, and so fast as those of int32 are not.
    sums = factors.astype(np.float64) @ inputs.reshape(2 * pairs, lanes).astype(np.float64)
    outputs = (sums.astype(np.int32) + groups[:, 0].reshape(wide, 1)) >> shift
    limited = np.clip(outputs, 0, HIDDEN_LIMIT).reshape(wide // 2, 2, lanes)
    to = slice(lanes * _PAIR, lanes * (_PAIR + wide // 2))
    scratch[to] = (limited[:, 0] + (limited[:, 1] << 16)).reshape(-1)
    return end


PLAINLY = {_apply_layer: _apply_layer_plainly}
"""What runs in place of compiled functions where there is no compiler."""


@inlined(INT32S, READ, _INT, _INT, _INT, NUMBERS)
def _head(
    weights: Integer, at: Integer, output: Integer, pairs: Integer, scratch: Integer
) -> Integer:
    """Return one of the two outputs of the network."""
    total = splat32(weights[_U(at + output)])
    for i in range(pairs):
        two = load32(scratch, LANES * (_PAIR + i))
        total = two_products(total, two, weights[_U(at + 2 * (i + 1) + output)])
    return total


@inlined(INT32S, PLACES, INT32S, INT32S, INT32S)
def _mean(plane: Integer, linear: Integer, scale: Integer, output: Integer) -> Integer:
    """Return means in sixteenths: the linear prediction, corrected by the network."""
    value = _limited(shift_right(output, splat32(13)), -_MEAN_LIMIT, _MEAN_LIMIT)
    value = shift_left(mul(value, add(_fine(scale), splat32(128))), splat32(4))
    change = shift_right(value, subtract(splat32(19), _exponent(scale)))
    return _limited(add(linear, change), 0, 16 * plane[_MOST])


@inlined(types.void, PLACES, INT32S, INT32S, INT32S, NUMBERS)
def _leave(
    plane: Integer, mean: Integer, scale: Integer, output: Integer, scratch: Integer
) -> None:
    """Leave the integers next to the means, tables, plain bits, and whether signs are turned."""
    whole = shift_right(add(mean, splat32(8)), splat32(4))
    rest = subtract(mean, shift_left(whole, splat32(4)))
    rest = add(mul(rest, splat32(plane[_FRACTION])), splat32(1 << 15))
    rest = shift_right(rest, splat32(16))
    value = _limited(shift_right(output, splat32(16)), -_SCALE_LIMIT, _SCALE_LIMIT)
    size = subtract(add(_octaves_of(scale), value), splat32(plane[_OCTAVES] - 164))
    size = _limited(shift_right(size, splat32(3)), 0, 27 + 4 * _LARGEST_RAW)
    raw = maximum(shift_right(subtract(size, splat32(24)), splat32(2)), splat32(0))
    size = subtract(size, shift_left(raw, splat32(2)))
    rest = add(rest, shift_left(minimum(raw, splat32(1)), splat32(2)))
    rest = add(rest, shift_right(shift_left(splat32(1), raw), splat32(1)))
    rest = shift_right(rest, raw)
    store32(scratch, LANES * MEAN, whole)
    store32(scratch, LANES * TABLE, add(mul(size, splat32(FRACTIONS)), magnitude(rest)))
    store32(scratch, LANES * RAW, raw)
    store32(scratch, LANES * FLIP, shift_right(rest, splat32(31)))


@inlined(types.void, _INT, PLACES, READ_SHORTS, READ_SHORTS, PLACES, READ, READ, NUMBERS)
def predict(
    at: Integer,
    plane: Integer,
    values: Integer,
    errors: Integer,
    offsets: Integer,
    terms: Integer,
    weights: Integer,
    scratch: Integer,
) -> None:
    """Say for 16 samples of a diagonal, the first one at `at`, how they are coded."""
    references = plane[_REFERENCES]
    first = at - plane[_BASE] + plane[_FIRST]
    second = at - plane[_BASE] + plane[_SECOND]
    linear = _linear(plane, values, offsets, terms, at, first, second)
    activity = _activity(values, offsets, at, linear)
    scale = _scale(errors, offsets, references, at, first, activity)

    to = _put_neighbours(values, errors, offsets, at, linear, scale, scratch)
    to = _put_surroundings(plane, linear, activity, scale, to, scratch)
    for j in range(references):
        here = first if j == 0 else second
        to = _put_reference(values, errors, offsets, here, j, scale, to, scratch)

    pairs, wide, narrow = to // (2 * LANES), plane[_WIDE], plane[_NARROW]
    _pair(pairs, scratch)
    weight = _apply_layer(weights, 0, wide, pairs, 7, scratch)
    weight = _apply_layer(weights, weight, narrow, wide >> 1, 11, scratch)
    correction = _head(weights, weight, 0, narrow >> 1, scratch)
    spread = _head(weights, weight, 1, narrow >> 1, scratch)

    store32(scratch, LANES * LINEAR, linear)
    _leave(plane, _mean(plane, linear, scale, correction), scale, spread, scratch)
