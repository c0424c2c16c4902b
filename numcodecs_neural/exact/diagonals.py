"""Samples of a diagonal in memory, `LANES` at once, and the margins that continue them.

Compiled kernels take 16, and those that numpy runs as many as the longest diagonal has.

The arrays, by names that both kernels share:

- ``values``, ``errors``: int16, planes in memory as `layout` says, one behind the other: samples,
  without a sign, and by how much, in sixteenths, each exceeds its linear prediction.
- ``offsets``: how far neighbours lie from a sample.
- ``plane``: int64, what `PLANE` names.
- ``terms``: int32, the coefficients of the linear prediction.
- ``weights``: int32, those of the network as `model` lays them out.
- ``scratch``: int32, what one step hands to the next; `prediction` fills it.
"""

from numcodecs_neural.compilation import Integer, inlined, readable
from numcodecs_neural.exact.layout import FIRST_ROW, MARGIN
from numcodecs_neural.vectors import (
    LANES,
    add,
    load32,
    maximum,
    minimum,
    mul,
    narrow,
    shift_left,
    shift_right,
    splat32,
    store16,
    subtract,
    types,
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
    "READ",
    "READ_SHORTS",
    "SCRATCH",
    "SHORTS",
    "TABLE",
    "continue_diagonal",
    "finish",
    "first_of_diagonal",
    "last_of_diagonal",
    "place",
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
_MOST, _ERROR = PLANE["most"], PLANE["error"]

_ERROR_LIMIT = 32767

_OUT = 128
"""Vectors of the scratch memory in which a prediction is made, before those that it leaves."""

MEAN, LINEAR, TABLE, RAW, FLIP, NUMBER = (_OUT + part for part in range(6))
SCRATCH = _OUT + 6
"""Vectors of the scratch memory, and how many it has. `prediction.predict` leaves there for each
sample: the nearest integer to the mean; the linear prediction in sixteenths; the table; how many
low bits are plain; -1 where signs are turned; and place for the number that is coded."""

_INT = types.int64
NUMBERS = types.Array(types.int32, 1, "C")
SHORTS = types.Array(types.int16, 1, "C")
PLACES = readable(types.int64)
READ, READ_SHORTS = readable(types.int32), readable(types.int16)


@inlined(_INT, PLACES, _INT)
def first_of_diagonal(plane: Integer, diagonal: Integer) -> Integer:
    """Return the lowest y of a diagonal."""
    return max(0, (diagonal - plane[_WIDTH] + 2) >> 1)


@inlined(_INT, PLACES, _INT)
def last_of_diagonal(plane: Integer, diagonal: Integer) -> Integer:
    """Return the highest y of a diagonal."""
    return min(plane[_HEIGHT] - 1, diagonal >> 1)


@inlined(types.void, _INT, _INT, PLACES, READ, SHORTS, SHORTS)
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
    number = load32(scratch, LANES * NUMBER)
    if coded:
        half = shift_right(shift_left(splat32(1), load32(scratch, LANES * RAW)), splat32(1))
        sign = add(shift_left(load32(scratch, LANES * FLIP), splat32(1)), splat32(1))
        number = mul(subtract(number, half), sign)
    number = minimum(maximum(number, splat32(-reach)), splat32(reach))
    value = add(load32(scratch, LANES * MEAN), mul(number, splat32(step)))
    value = minimum(maximum(value, splat32(0)), most)
    store16(values, at, narrow(value))
    error = subtract(shift_left(value, splat32(4)), load32(scratch, LANES * LINEAR))
    error = minimum(maximum(error, splat32(-_ERROR_LIMIT)), splat32(_ERROR_LIMIT))
    store16(errors, at, narrow(error))


@inlined(types.void, _INT, PLACES, SHORTS)
def _continue(diagonal: Integer, plane: Integer, into: Integer) -> None:
    """Store, in the margins, what continues a diagonal that is complete."""
    columns, width = plane[_COLUMNS], plane[_WIDTH]
    row = plane[_BASE] + (FIRST_ROW + diagonal) * columns + MARGIN
    at = row + (diagonal >> 1)
    if diagonal >> 1 < plane[_HEIGHT]:
        if diagonal & 1:
            into[at + 1] = into[at - columns]
        else:
            for j in range(-1, MARGIN - 1):
                into[at + j * columns + 1] = into[at]
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
