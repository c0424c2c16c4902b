"""What coder and decoder compute alike: how 16 samples of a diagonal are predicted.

The arrays, by names that both kernels share:

- ``values``, ``errors``: int16, planes in memory as `layout` says, one behind the other: samples,
  without a sign, and by how much, in sixteenths, each exceeds its linear prediction.
- ``offsets``: how far neighbours lie from a sample.
- ``plane``: int64, what `PLANE` names.
- ``terms``: int32, the coefficients of the linear prediction.
- ``weights``: int32, those of the network as `model` lays them out.
- ``scratch``: int32, what one step hands to the next.
"""

import numpy as np

from numcodecs_neural.compilation import Integer, inlined, readable
from numcodecs_neural.exact.layout import (
    CAUSAL,
    CAUSAL_ERRORS,
    CAUSAL_INPUTS,
    CAUSAL_SIZES,
    FIRST_ROW,
    MARGIN,
    REFERENCE,
    REFERENCE_ERRORS,
    REFERENCE_INPUTS,
    REFERENCE_SIZES,
    SECOND_INPUTS,
    SECOND_TERMS,
)
from numcodecs_neural.vectors import (
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
    narrow,
    shift_left,
    shift_right,
    splat32,
    store16,
    store32,
    subtract,
    two_products,
    types,
    widen,
    widen_unsigned,
)

__all__ = [
    "FLIP",
    "LINEAR",
    "MEAN",
    "NUMBER",
    "NUMBERS",
    "PLACES",
    "PLANE",
    "RAW",
    "SCRATCH",
    "SHORTS",
    "TABLE",
    "continue_diagonal",
    "finish",
    "first_of_diagonal",
    "last_of_diagonal",
    "place",
    "predict",
]

PLANE = {
    name: number
    for number, name in enumerate(
        [
            *("height", "width", "columns", "base", "references", "first", "second", "most"),
            *("error", "step_octaves", "fraction", "hidden", "wide"),
        ]
    )
}
"""Numbers of a plane: its size; columns in memory; where it begins there; how many references it
has, and where they begin; its highest sample; the largest error, the logarithm of the step, and
what a fraction of the mean is multiplied by; the sizes of the network's layers."""

_HEIGHT, _WIDTH, _COLUMNS, _BASE = (PLANE[n] for n in ("height", "width", "columns", "base"))
_REFERENCES, _FIRST, _SECOND = (PLANE[n] for n in ("references", "first", "second"))
_MOST, _ERROR = PLANE["most"], PLANE["error"]
_OCTAVES, _FRACTION = PLANE["step_octaves"], PLANE["fraction"]
_WIDE, _NARROW = PLANE["wide"], PLANE["hidden"]

SCALES, FRACTIONS = 28, 5
"""Tables: by scale, four an octave, and by the distance of the mean from an integer, in eighths."""
LARGEST_RAW = 14

LIMIT = 512
ERROR_LIMIT = 32767
HIDDEN_LIMIT = 16383
MEAN_LIMIT, SCALE_LIMIT = 2047, 255
SCALE_MOST = (1 << 20) - 1

# Parts of the scratch memory, in vectors.
_INPUT, _PAIR, _LAYER, _OUT = 0, 48, 80, 128
MEAN, LINEAR, TABLE, RAW, FLIP, NUMBER = (LANES * (_OUT + part) for part in range(6))
SCRATCH = LANES * (_OUT + 6)
"""Of what `predict` leaves for each of 16 samples: the nearest integer to the mean; the linear
prediction in sixteenths; the table; how many low bits are plain; -1 where signs are turned; and
place for the number that is coded."""

_NEIGHBOURS, _AROUND = len(CAUSAL), len(REFERENCE)

_INT = types.int64
_U = np.uint64  # as an index it needs no look at its sign
NUMBERS = types.Array(types.int32, 1, "C")
SHORTS = types.Array(types.int16, 1, "C")
PLACES = readable(types.int64)
_READ, _SHORTS = readable(types.int32), readable(types.int16)


@inlined(_INT, PLACES, _INT)
def first_of_diagonal(plane: Integer, diagonal: Integer) -> Integer:
    """Return the lowest y of a diagonal."""
    return max(0, (diagonal - plane[_WIDTH] + 2) >> 1)


@inlined(_INT, PLACES, _INT)
def last_of_diagonal(plane: Integer, diagonal: Integer) -> Integer:
    """Return the highest y of a diagonal."""
    return min(plane[_HEIGHT] - 1, diagonal >> 1)


@inlined(types.void, _INT, _INT, PLACES, _READ, SHORTS, SHORTS)
def place(
    at: Integer, coded: Integer, plane: Integer, scratch: Integer, values: Integer, errors: Integer
) -> None:
    """Store 16 samples of a diagonal, and their errors.

    With `coded` as 1 their numbers are those of tables and plain bits, and with 0 by how many steps
    each exceeds its mean.
    """
    step, most = 2 * plane[_ERROR] + 1, splat32(plane[_MOST])
    # Beyond that it is the lowest or the highest sample anyway.
    reach = (1 << 17) // step + 1
    number = load32(scratch, NUMBER)
    if coded:
        half = shift_right(shift_left(splat32(1), load32(scratch, RAW)), splat32(1))
        sign = add(shift_left(load32(scratch, FLIP), splat32(1)), splat32(1))
        number = mul(subtract(number, half), sign)
    number = minimum(maximum(number, splat32(-reach)), splat32(reach))
    value = add(load32(scratch, MEAN), mul(number, splat32(step)))
    value = minimum(maximum(value, splat32(0)), most)
    store16(values, at, narrow(value))
    error = subtract(shift_left(value, splat32(4)), load32(scratch, LINEAR))
    error = minimum(maximum(error, splat32(-ERROR_LIMIT)), splat32(ERROR_LIMIT))
    store16(errors, at, narrow(error))


@inlined(types.void, _INT, PLACES, SHORTS)
def _continue(diagonal: Integer, plane: Integer, into: Integer) -> None:
    """Store, in the margins, what continues a diagonal that is complete."""
    columns, width = plane[_COLUMNS], plane[_WIDTH]
    row = plane[_BASE] + (FIRST_ROW + diagonal) * columns + MARGIN
    if diagonal & 1 == 0 and diagonal >> 1 < plane[_HEIGHT]:
        at = row + (diagonal >> 1)
        for j in range(-1, MARGIN - 1):
            into[at + j * columns + 1] = into[at]
    elif diagonal & 1 == 1:
        at = row - columns + (diagonal >> 1)
        into[at + columns + 1] = into[at]
    back = diagonal - width + 1
    if back >= 0 and back & 1 == 0:
        at = row + (back >> 1)
        for j in range(1, MARGIN + 1):
            into[at + j * columns] = into[at]
    if diagonal < width:
        for i in range(1, MARGIN + 1):
            into[row - i] = into[row]
    if diagonal == width - 1:
        for j in range(1, MARGIN + 1):
            for i in range(1, MARGIN + 1):
                into[row + j * columns - i] = into[row]


@inlined(types.void, _INT, PLACES, SHORTS, SHORTS)
def continue_diagonal(diagonal: Integer, plane: Integer, values: Integer, errors: Integer) -> None:
    """Store, in the margins, what continues a diagonal that is complete."""
    _continue(diagonal, plane, values)
    _continue(diagonal, plane, errors)


@inlined(types.void, PLACES, SHORTS, SHORTS)
def finish(plane: Integer, values: Integer, errors: Integer) -> None:
    """Continue the last row downwards, for planes that refer to this one."""
    columns, height = plane[_COLUMNS], plane[_HEIGHT]
    row = FIRST_ROW + 2 * (height - 1) - MARGIN
    at = plane[_BASE] + row * columns + MARGIN + height - 1
    for _ in range(plane[_WIDTH] + 2 * MARGIN):
        values[at + 2 * columns + 1] = values[at]
        errors[at + 2 * columns + 1] = errors[at]
        at += columns


@inlined(types.void, _INT, PLACES, _SHORTS, _SHORTS, PLACES, _READ, _READ, NUMBERS)
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
    count = plane[_REFERENCES]
    first = at - plane[_BASE] + plane[_FIRST]
    second = at - plane[_BASE] + plane[_SECOND]
    most = splat32(16 * plane[_MOST])
    zero = splat32(0)

    # The linear prediction.
    base = shift_right(
        add(
            widen_unsigned(load16(values, at + offsets[_U(0)])),
            widen_unsigned(load16(values, at + offsets[_U(1)])),
        ),
        splat32(1),
    )
    total = splat32(32)
    for i in range(_NEIGHBOURS):
        change = subtract(widen_unsigned(load16(values, at + offsets[_U(i)])), base)
        total = add(total, mul(splat32(terms[_U(i)]), change))
    for j in range(count):
        here = first if j == 0 else second
        middle = shift_right(
            add(
                widen_unsigned(load16(values, here + offsets[_U(_NEIGHBOURS + 4)])),
                widen_unsigned(load16(values, here + offsets[_U(_NEIGHBOURS + 3)])),
            ),
            splat32(1),
        )
        start = _NEIGHBOURS + j * _AROUND
        for i in range(SECOND_TERMS if j else _AROUND):
            change = subtract(
                widen_unsigned(load16(values, here + offsets[_U(_NEIGHBOURS + i)])), middle
            )
            total = add(total, mul(splat32(terms[_U(start + i)]), change))
    linear = add(shift_left(base, splat32(4)), shift_right(total, splat32(6)))
    linear = minimum(maximum(linear, zero), most)

    # How large errors are around.
    around = zero
    for i in range(CAUSAL_SIZES):
        around = add(around, magnitude(widen(load16(errors, at + offsets[_U(i)]))))
    activity = zero
    for i in range(4):
        value = shift_left(widen_unsigned(load16(values, at + offsets[_U(i)])), splat32(4))
        activity = add(activity, magnitude(subtract(value, linear)))
    scale = add(shift_right(around, splat32(3)), shift_right(activity, splat32(5)))
    scale = add(scale, splat32(3))
    if count:
        others = zero
        for i in range(REFERENCE_SIZES):
            others = add(
                others, magnitude(widen(load16(errors, first + offsets[_U(_NEIGHBOURS + i)])))
            )
        scale = shift_right(add(mul(scale, splat32(5)), others), splat32(3))
    scale = minimum(scale, splat32(SCALE_MOST))
    bits = float_bits(scale)
    exponent = subtract(shift_right(bits, splat32(23)), splat32(127))
    fine = both(shift_right(bits, splat32(16)), splat32(127))
    octaves = shift_right(bits, splat32(18))
    inverse = subtract(splat32(256), fine)
    down = add(exponent, splat32(3))
    floor = add(shift_right(scale, splat32(3)), splat32(1))
    low, high = splat32(-LIMIT), splat32(LIMIT)

    # Inputs of the network.
    to = 0
    for i in range(CAUSAL_INPUTS):
        value = subtract(
            shift_left(widen_unsigned(load16(values, at + offsets[_U(i)])), splat32(4)), linear
        )
        value = shift_right(mul(value, inverse), down)
        store32(scratch, to, minimum(maximum(value, low), high))
        to += LANES
    for i in range(CAUSAL_ERRORS):
        value = widen(load16(errors, at + offsets[_U(i)]))
        size = subtract(shift_right(float_bits(add(magnitude(value), floor)), splat32(18)), octaves)
        value = shift_right(mul(value, inverse), down)
        store32(scratch, to, minimum(maximum(value, low), high))
        store32(scratch, to + CAUSAL_ERRORS * LANES, minimum(maximum(size, low), high))
        to += LANES
    to += CAUSAL_ERRORS * LANES
    store32(scratch, to, subtract(octaves, splat32(132 << 5)))
    size = add(shift_right(activity, splat32(2)), floor)
    size = subtract(shift_right(float_bits(size), splat32(18)), octaves)
    store32(scratch, to + LANES, minimum(maximum(size, low), high))
    value = shift_right(mul(subtract(most, linear), inverse), down)
    store32(scratch, to + 2 * LANES, minimum(value, high))
    value = shift_right(mul(linear, inverse), down)
    store32(scratch, to + 3 * LANES, minimum(value, high))
    size = subtract(splat32(plane[_OCTAVES]), octaves)
    store32(scratch, to + 4 * LANES, minimum(maximum(size, low), high))
    to += 5 * LANES
    for j in range(count):
        here = first if j == 0 else second
        middle = shift_right(
            add(
                widen_unsigned(load16(values, here + offsets[_U(_NEIGHBOURS + 4)])),
                widen_unsigned(load16(values, here + offsets[_U(_NEIGHBOURS + 3)])),
            ),
            splat32(1),
        )
        for i in range(SECOND_INPUTS if j else REFERENCE_INPUTS):
            value = widen_unsigned(load16(values, here + offsets[_U(_NEIGHBOURS + i)]))
            value = shift_left(subtract(value, middle), splat32(4))
            value = shift_right(mul(value, inverse), down)
            store32(scratch, to, minimum(maximum(value, low), high))
            to += LANES
        for i in range(1 if j else REFERENCE_ERRORS):
            value = magnitude(widen(load16(errors, here + offsets[_U(_NEIGHBOURS + i)])))
            size = shift_right(float_bits(add(value, floor)), splat32(18))
            store32(scratch, to, minimum(maximum(subtract(size, octaves), low), high))
            to += LANES
        if j == 0:
            value = widen(load16(errors, here + offsets[_U(_NEIGHBOURS)]))
            value = shift_right(mul(value, inverse), down)
            store32(scratch, to, minimum(maximum(value, low), high))
            to += LANES

    # Two hidden layers and the head.
    pairs = to // (2 * LANES)
    half = splat32(65535)
    for i in range(pairs):
        even = load32(scratch, 2 * LANES * i)
        odd = load32(scratch, 2 * LANES * i + LANES)
        two = add(shift_left(odd, splat32(16)), both(even, half))
        store32(scratch, LANES * (_PAIR + i), two)
    at_weight = 0
    full = splat32(HIDDEN_LIMIT)
    for layer in range(2):
        wide = plane[_NARROW] if layer else plane[_WIDE]
        shift = splat32(11 if layer else 7)
        for group in range(wide >> 2):
            sum0, sum1 = splat32(weights[_U(at_weight)]), splat32(weights[_U(at_weight + 1)])
            sum2, sum3 = splat32(weights[_U(at_weight + 2)]), splat32(weights[_U(at_weight + 3)])
            at_weight += 4
            for i in range(pairs):
                two = load32(scratch, LANES * (_PAIR + i))
                sum0 = two_products(sum0, two, weights[_U(at_weight)])
                sum1 = two_products(sum1, two, weights[_U(at_weight + 1)])
                sum2 = two_products(sum2, two, weights[_U(at_weight + 2)])
                sum3 = two_products(sum3, two, weights[_U(at_weight + 3)])
                at_weight += 4
            sum0 = minimum(maximum(shift_right(sum0, shift), zero), full)
            sum1 = minimum(maximum(shift_right(sum1, shift), zero), full)
            sum2 = minimum(maximum(shift_right(sum2, shift), zero), full)
            sum3 = minimum(maximum(shift_right(sum3, shift), zero), full)
            to = LANES * (_LAYER + 2 * group)
            store32(scratch, to, add(sum0, shift_left(sum1, splat32(16))))
            store32(scratch, to + LANES, add(sum2, shift_left(sum3, splat32(16))))
        pairs = wide >> 1
        for i in range(pairs):
            store32(scratch, LANES * (_PAIR + i), load32(scratch, LANES * (_LAYER + i)))
    shift_mean, shift_scale = splat32(weights[_U(at_weight)]), splat32(weights[_U(at_weight + 1)])
    at_weight += 2
    for i in range(pairs):
        two = load32(scratch, LANES * (_PAIR + i))
        shift_mean = two_products(shift_mean, two, weights[_U(at_weight)])
        shift_scale = two_products(shift_scale, two, weights[_U(at_weight + 1)])
        at_weight += 2

    # The mean, and the table.
    value = shift_right(shift_mean, splat32(13))
    value = minimum(maximum(value, splat32(-MEAN_LIMIT)), splat32(MEAN_LIMIT))
    value = shift_left(mul(value, add(fine, splat32(128))), splat32(4))
    mean = add(linear, shift_right(value, subtract(splat32(19), exponent)))
    mean = minimum(maximum(mean, zero), most)
    whole = shift_right(add(mean, splat32(8)), splat32(4))
    rest = subtract(mean, shift_left(whole, splat32(4)))
    rest = add(mul(rest, splat32(plane[_FRACTION])), splat32(1 << 15))
    rest = shift_right(rest, splat32(16))
    value = shift_right(shift_scale, splat32(16))
    value = minimum(maximum(value, splat32(-SCALE_LIMIT)), splat32(SCALE_LIMIT))
    size = subtract(add(octaves, value), splat32(plane[_OCTAVES] - 164))
    size = minimum(maximum(shift_right(size, splat32(3)), zero), splat32(27 + 4 * LARGEST_RAW))
    raw = maximum(shift_right(subtract(size, splat32(24)), splat32(2)), zero)
    size = subtract(size, shift_left(raw, splat32(2)))
    rest = add(rest, shift_left(minimum(raw, splat32(1)), splat32(2)))
    rest = add(rest, shift_right(shift_left(splat32(1), raw), splat32(1)))
    rest = shift_right(rest, raw)
    store32(scratch, MEAN, whole)
    store32(scratch, LINEAR, linear)
    store32(scratch, TABLE, add(mul(size, splat32(FRACTIONS)), magnitude(rest)))
    store32(scratch, RAW, raw)
    store32(scratch, FLIP, shift_right(rest, splat32(31)))
