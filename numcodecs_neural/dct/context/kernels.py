"""What coder and decoder of coefficients compute alike: from what is known, how a symbol is coded.

The arrays, by names that all kernels share:

- ``shape``: rows and columns of blocks, axes, width of the hidden layers.
- ``known``: int16, the magnitudes decoded so far, limited; zero where nothing is known. By axis, by
  block with a border of one block on all sides, 288 numbers: 16 zeros, the coefficients diagonal by
  diagonal, 16 zeros.
- ``small``, ``large``: int16 and int32 numbers of the weights, each part at an offset.
- ``sums``: int32, for each block the sums of the first layer; ``energy``: int16, the energies of a
  pass by block, with the same border.
"""

import numpy as np
from numba import types

from numcodecs_neural.compilation import Integer, inlined, readable
from numcodecs_neural.vectors import (
    add,
    float_bits,
    load16,
    load32,
    maximum,
    minimum,
    mul,
    narrow,
    products,
    shift_right,
    splat32,
    store16,
    store32,
    tile_products,
    total_product,
    widen_unsigned,
)

__all__ = [
    "BLOCK",
    "COLUMN",
    "DIAGONAL",
    "ENERGY_LIMIT",
    "FEATURES",
    "FLAG_LEVELS",
    "HIDDEN_LIMIT",
    "INDEXES",
    "KNOWN_LIMIT",
    "MARGIN",
    "SHORTS",
    "STATE",
    "WORDS",
    "energy_of",
    "flag_index",
    "hidden_layers",
    "indexes_of_diagonal",
    "scales_of_pass",
    "spread_energies",
]

MARGIN = 16
BLOCK = 256 + 2 * MARGIN
"""Numbers of `known` for each block."""

KNOWN_LIMIT, ENERGY_LIMIT, HIDDEN_LIMIT = 63, 255, 16383
INDEXES, FLAG_LEVELS = 64, 64
FEATURES = 14

SHORTS = types.Array(types.int16, 1, "C")
WORDS = types.Array(types.int32, 1, "C")
STATE = types.Array(types.int64, 1, "C")
_SHORTS, _WORDS = readable(types.int16), readable(types.int32)
_TABLE = readable(types.int64, 2)
_INT = types.int64

# Columns of the table of passes: what each pass is, and where its numbers begin.
COLUMN = {
    name: number
    for number, name in enumerate(
        [
            "axis",
            "length",
            "is_flagged",
            "family",
            "first_diagonal",
            "diagonals",
            "spread",
            "own",
            "layer",
            "heads",
            "flag",
            "bias",
            "layer_bias",
            "flag_bias",
            "energy_scale",
            "start",
        ]
    )
}
# Columns of the table of diagonals.
DIAGONAL = {
    name: number
    for number, name in enumerate(
        [
            "start",
            "length",
            "place",
            "back_one",
            "back_two",
            "is_first",
            "elements",
            "base",
            "slopes",
            "floor",
        ]
    )
}
_SPREAD, _OWN, _LAYER, _HEADS = (COLUMN[n] for n in ("spread", "own", "layer", "heads"))
_BIAS, _LAYER_BIAS = COLUMN["bias"], COLUMN["layer_bias"]
_AXIS, _LENGTH = COLUMN["axis"], COLUMN["length"]
_FLAG, _FLAG_BIAS, _SCALE = COLUMN["flag"], COLUMN["flag_bias"], COLUMN["energy_scale"]
_D_START, _D_ONE, _D_TWO = DIAGONAL["start"], DIAGONAL["back_one"], DIAGONAL["back_two"]
_D_FIRST, _D_ELEMENTS = DIAGONAL["is_first"], DIAGONAL["elements"]
_D_BASE, _D_SLOPES, _D_FLOOR = DIAGONAL["base"], DIAGONAL["slopes"], DIAGONAL["floor"]


@inlined(_INT, _INT, _INT)
def energy_of(total: Integer, scale: Integer) -> Integer:
    """Return the logarithm of the mean magnitude of a pass in a block, in sixteenths of an octave."""
    bits = np.int64(total * scale + 64)
    exponent = 0
    while bits >> (exponent + 1):
        exponent += 1
    fraction = ((bits << 4) >> exponent) & 15
    return (exponent - 6) * 16 + fraction


@inlined(types.void, _INT, _INT, SHORTS, WORDS, _INT, _SHORTS, _INT)
def spread_energies(
    rows: Integer,
    columns: Integer,
    energy: Integer,
    sums: Integer,
    width: Integer,
    small: Integer,
    spread: Integer,
) -> None:
    """Add to the sums of every block what the energies around it contribute to later passes."""
    wide = columns + 2
    for row in range(rows):
        for column in range(columns):
            at = row * wide + column  # of the block above and to the left
            to = (row * columns + column) * width
            for group in range(0, width, 16):
                total = load32(sums, to + group)
                weights = spread + 12 * group
                total = products(total, energy, at, small, weights)
                total = products(total, energy, at + 2, small, weights + 32)
                total = products(total, energy, at + wide, small, weights + 64)
                total = products(total, energy, at + wide + 2, small, weights + 96)
                total = products(total, energy, at + 2 * wide, small, weights + 128)
                total = products(total, energy, at + 2 * wide + 2, small, weights + 160)
                store32(sums, to + group, total)


@inlined(types.void, _INT, _INT, _INT, _INT, _TABLE, _SHORTS, _WORDS, WORDS, SHORTS, SHORTS)
def hidden_layers(
    number: Integer,
    at: Integer,
    wide: Integer,
    to: Integer,
    passes: Integer,
    small: Integer,
    large: Integer,
    sums: Integer,
    energy: Integer,
    hidden: Integer,
) -> None:
    """Compute both hidden layers of a pass in a block; `hidden` takes one behind the other."""
    width, second = passes[-1, 0], passes[-1, 1]
    own, layer = passes[number, _OWN], passes[number, _LAYER]
    bias, layer_bias = passes[number, _BIAS], passes[number, _LAYER_BIAS]
    zero, limit = splat32(0), splat32(HIDDEN_LIMIT)
    for group in range(0, width, 16):
        total = add(load32(sums, to + group), load32(large, bias + group))
        weights = own + 8 * group
        total = products(total, energy, at - wide - 1, small, weights)
        total = products(total, energy, at - wide + 1, small, weights + 32)
        total = products(total, energy, at - 1, small, weights + 64)
        total = minimum(maximum(shift_right(total, splat32(8)), zero), limit)
        store16(hidden, group, narrow(total))
    for group in range(0, second, 16):
        total = load32(large, layer_bias + group)
        for unit in range(0, width, 16):
            total = tile_products(total, hidden, unit, small, layer + width * group + 16 * unit)
        total = minimum(maximum(shift_right(total, splat32(10)), zero), limit)
        store16(hidden, width + group, narrow(total))


@inlined(_INT, _INT, _TABLE, _SHORTS, _WORDS, SHORTS)
def flag_index(
    number: Integer, passes: Integer, small: Integer, large: Integer, hidden: Integer
) -> Integer:
    """Return which level of probability the flag of a pass has in a block."""
    width, second = passes[-1, 0], passes[-1, 1]
    flag = passes[number, _FLAG]
    total = np.int64(large[passes[number, _FLAG_BIAS]])
    for unit in range(0, second, 16):
        total += total_product(hidden, width + unit, small, flag + unit)
    return min(max((total >> 12) + FLAG_LEVELS // 2, 0), FLAG_LEVELS - 1)


@inlined(types.void, _INT, _TABLE, _SHORTS, SHORTS, WORDS)
def scales_of_pass(
    number: Integer, passes: Integer, small: Integer, hidden: Integer, scales: Integer
) -> None:
    """Compute what the hidden layers say of the scale of each coefficient of a pass."""
    width, second = passes[-1, 0], passes[-1, 1]
    heads = passes[number, _HEADS]
    padded = (passes[number, _LENGTH] + 15) // 16 * 16
    for group in range(0, padded, 16):
        total = splat32(0)
        weights = heads + second * group
        for unit in range(0, second, 16):
            total = tile_products(total, hidden, width + unit, small, weights + 16 * unit)
        store32(scales, group, shift_right(total, splat32(12)))


@inlined(
    types.void, _INT, _INT, _INT, _INT, _INT, _TABLE, _SHORTS, _WORDS, SHORTS, WORDS, _INT, WORDS
)
def indexes_of_diagonal(
    diagonal: Integer,
    axis: Integer,
    at: Integer,
    below: Integer,
    plane: Integer,
    diagonals: Integer,
    small: Integer,
    large: Integer,
    known: Integer,
    scales: Integer,
    scale: Integer,
    indexes: Integer,
) -> None:
    """Say how wide the distribution of each coefficient of a diagonal is.

    Parameters
    ----------
    diagonal : int
        Its row in the table.
    axis, at, below, plane : int
        Axis; where the block lies in `known`, and how far from it the block below, and the same
        block of the next axis.
    scales, scale : ndarray, int
        What the hidden layers say, and where the diagonal begins there.
    indexes : ndarray
        Of 16 numbers, of which those that the diagonal has count.
    """
    own = at + diagonals[diagonal, _D_START]
    one = at + diagonals[diagonal, _D_ONE]
    two = at + diagonals[diagonal, _D_TWO]
    w = diagonals[diagonal, _D_ELEMENTS]
    total = mul(load16(known, one), load16(small, w))
    total = add(total, mul(load16(known, one + 1), load16(small, w + 16)))
    total = add(total, mul(load16(known, two + 1), load16(small, w + 32)))
    total = add(total, mul(load16(known, two), load16(small, w + 48)))
    total = add(total, mul(load16(known, two + 2), load16(small, w + 64)))
    around = add(load16(known, one - below), load16(known, one - BLOCK))
    total = add(total, mul(around, load16(small, w + 80)))
    around = add(load16(known, one + 1 - below), load16(known, one + 1 - BLOCK))
    total = add(total, mul(around, load16(small, w + 96)))
    if diagonals[diagonal, _D_FIRST]:
        around = add(load16(known, one + below), load16(known, one + BLOCK))
        total = add(total, mul(around, load16(small, w + 112)))
        around = add(load16(known, one + 1 + below), load16(known, one + 1 + BLOCK))
        total = add(total, mul(around, load16(small, w + 128)))
    total = add(total, mul(load16(known, own - below), load16(small, w + 144)))
    total = add(total, mul(load16(known, own - BLOCK), load16(small, w + 160)))
    total = add(total, mul(load16(known, own - below - BLOCK), load16(small, w + 176)))
    total = add(total, mul(load16(known, own - below + BLOCK), load16(small, w + 192)))
    if axis:
        first = own - axis * plane
        total = add(total, mul(load16(known, first), load16(small, w + 208)))
        around = add(load16(known, first - below), load16(known, first + below))
        around = add(around, load16(known, first - BLOCK))
        around = add(around, load16(known, first + BLOCK))
        total = add(total, mul(around, load16(small, w + 224)))
        if axis == 2:
            total = add(total, mul(load16(known, own - plane), load16(small, w + 240)))
    total = add(total, load16(small, diagonals[diagonal, _D_FLOOR]))
    octaves = add(shift_right(float_bits(widen_unsigned(total)), splat32(16)), splat32(-(135 << 7)))
    wide = mul(octaves, load32(large, diagonals[diagonal, _D_SLOPES]))
    wide = shift_right(wide, splat32(8))
    wide = add(wide, load32(large, diagonals[diagonal, _D_BASE]))
    wide = shift_right(add(wide, load32(scales, scale)), splat32(6))
    store32(indexes, 0, minimum(maximum(wide, splat32(0)), splat32(INDEXES - 1)))
