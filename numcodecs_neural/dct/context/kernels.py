"""What coder and decoder of coefficients compute alike: from what is known, how a symbol is coded.

The arrays, by names that all kernels share:

- ``shape``: rows and columns of blocks, axes, width of the hidden layers.
- ``known``: int16, the magnitudes decoded so far, limited; zero where nothing is known. By axis, by
  diagonal, by block with a border of one block on all sides, as many as the diagonal has. So those
  of neighbouring blocks lie close together. Some zeros stand before and behind all.
- ``small``, ``large``: int16 and int32 numbers of the weights, each part at an offset.
- ``sums``: int32, for each block the sums of the first layer.
- ``energy``: int16, the energies of a pass by block, with the same border; those of even and of odd
  passes one behind the other.
"""

import numpy as np

from numcodecs_neural.compilation import Integer, inlined, readable
from numcodecs_neural.dct.context.limits import HIDDEN_LIMIT, INDEXES, MARGIN
from numcodecs_neural.vectors import (
    add,
    bits_of_one,
    float_bits,
    load16,
    load32,
    maximum,
    minimum,
    mul,
    narrow,
    pair_of,
    pair_products,
    shift_right,
    splat32,
    store16,
    store32,
    tile_products,
    total_product,
    types,
    widen_unsigned,
)

__all__ = [
    "COLUMN",
    "DIAGONAL",
    "EXTRA",
    "FLAG_LEVELS",
    "SHORTS",
    "STATE",
    "WORDS",
    "energy_of",
    "flag_index",
    "hidden_layers",
    "indexes_of_diagonal",
    "place_of",
    "scales_of_pass",
]

FLAG_LEVELS = 64
EXTRA = 17
"""Where a symbol table, behind where its 16 entries begin and the last one ends, says how many low
bits of a magnitude are plain."""

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
        (
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
        )
    )
}
# Columns of the table of diagonals.
DIAGONAL = {
    name: number
    for number, name in enumerate(
        (
            "start",
            "length",
            "place",
            "one_start",
            "one_length",
            "one_shift",
            "two_start",
            "two_length",
            "two_shift",
            "is_first",
            "elements",
            "base",
            "slopes",
            "floor",
        )
    )
}
_SPREAD, _OWN, _LAYER, _HEADS = (COLUMN[n] for n in ("spread", "own", "layer", "heads"))
_BIAS, _LAYER_BIAS = COLUMN["bias"], COLUMN["layer_bias"]
_AXIS, _LENGTH = COLUMN["axis"], COLUMN["length"]
_FLAG, _FLAG_BIAS, _SCALE = COLUMN["flag"], COLUMN["flag_bias"], COLUMN["energy_scale"]
_D_START, _D_LENGTH = DIAGONAL["start"], DIAGONAL["length"]
_D_ONE, _D_ONE_LENGTH = DIAGONAL["one_start"], DIAGONAL["one_length"]
_D_TWO, _D_TWO_LENGTH = DIAGONAL["two_start"], DIAGONAL["two_length"]
_D_ONE_SHIFT, _D_TWO_SHIFT = DIAGONAL["one_shift"], DIAGONAL["two_shift"]
_D_FIRST, _D_ELEMENTS = DIAGONAL["is_first"], DIAGONAL["elements"]
_D_BASE, _D_SLOPES, _D_FLOOR = DIAGONAL["base"], DIAGONAL["slopes"], DIAGONAL["floor"]


@inlined(_INT, _INT, _INT)
def energy_of(total: Integer, scale: Integer) -> Integer:
    """Return the logarithm of a pass's mean magnitude in a block, in sixteenths of an octave."""
    return (bits_of_one(total * scale + 64) >> 19) - ((127 + 6) << 4)


@inlined(types.void, _INT, _INT, _INT, _INT, _INT, _SHORTS, WORDS, SHORTS)
def spread_energies(
    at: Integer,
    wide: Integer,
    to: Integer,
    width: Integer,
    spread: Integer,
    small: Integer,
    sums: Integer,
    energy: Integer,
) -> None:
    """Add to the sums of a block what the energies of a pass around it say of later passes."""
    above, below = at - wide - 1, at + wide - 1
    one, two = pair_of(energy, above), pair_of(energy, above + 2)
    three, four = pair_of(energy, at - 1), pair_of(energy, at + 1)
    five, six = pair_of(energy, below), pair_of(energy, below + 2)
    if (one | two | three | four | five | six) == 0:
        return
    for group in range(0, width, 16):
        total = load32(sums, to + group)
        weights = spread + 12 * group
        total = pair_products(total, one, small, weights)
        total = pair_products(total, two, small, weights + 32)
        total = pair_products(total, three, small, weights + 64)
        total = pair_products(total, four, small, weights + 96)
        total = pair_products(total, five, small, weights + 128)
        total = pair_products(total, six, small, weights + 160)
        store32(sums, to + group, total)


@inlined(
    types.void, _INT, _INT, _INT, _INT, _INT, _INT, _TABLE, _SHORTS, _WORDS, WORDS, SHORTS, SHORTS
)
def _first_layer(
    width: Integer,
    number: Integer,
    at: Integer,
    left: Integer,
    wide: Integer,
    to: Integer,
    passes: Integer,
    small: Integer,
    large: Integer,
    sums: Integer,
    energy: Integer,
    hidden: Integer,
) -> None:
    """Compute the first hidden layer: what earlier passes gave, and this pass in known blocks."""
    own, bias = passes[number, _OWN], passes[number, _BIAS]
    one, two = pair_of(energy, at - wide - 1), (left << 16) | np.int64(energy[at - wide + 1])
    for group in range(0, width, 16):
        total = add(load32(sums, to + group), load32(large, bias + group))
        weights = own + 4 * group
        total = pair_products(total, one, small, weights)
        total = pair_products(total, two, small, weights + 32)
        total = minimum(maximum(shift_right(total, splat32(8)), splat32(0)), splat32(HIDDEN_LIMIT))
        store16(hidden, group, narrow(total))


@inlined(types.void, _INT, _INT, _INT, _TABLE, _SHORTS, _WORDS, SHORTS)
def _second_layer(
    width: Integer,
    second: Integer,
    number: Integer,
    passes: Integer,
    small: Integer,
    large: Integer,
    hidden: Integer,
) -> None:
    """Compute the second hidden layer from the first one, behind which it comes."""
    layer, bias = passes[number, _LAYER], passes[number, _LAYER_BIAS]
    for group in range(0, second, 16):
        total = load32(large, bias + group)
        for unit in range(0, width, 16):
            total = tile_products(total, hidden, unit, small, layer + width * group + 16 * unit)
        total = minimum(maximum(shift_right(total, splat32(10)), splat32(0)), splat32(HIDDEN_LIMIT))
        store16(hidden, width + group, narrow(total))


@inlined(
    types.void, _INT, _INT, _INT, _INT, _INT, _INT, _INT, _INT, _TABLE, _SHORTS, _WORDS, WORDS,
    SHORTS, SHORTS,
)  # fmt: skip
def _layers(
    width: Integer,
    second: Integer,
    number: Integer,
    block: Integer,
    here: Integer,
    left: Integer,
    wide: Integer,
    plane: Integer,
    passes: Integer,
    small: Integer,
    large: Integer,
    sums: Integer,
    energy: Integer,
    hidden: Integer,
) -> None:
    """Compute both hidden layers for widths that may be constants."""
    to = block * width
    if number:
        before, spread = here + (~number & 1) * plane, passes[number - 1, _SPREAD]
        spread_energies(before, wide, to, width, spread, small, sums, energy)
    at = here + (number & 1) * plane
    _first_layer(width, number, at, left, wide, to, passes, small, large, sums, energy, hidden)
    _second_layer(width, second, number, passes, small, large, hidden)


@inlined(
    types.void, _INT, _INT, _INT, _INT, _INT, _INT, _TABLE, _SHORTS, _WORDS, WORDS, SHORTS, SHORTS
)
def hidden_layers(
    number: Integer,
    block: Integer,
    here: Integer,
    left: Integer,
    wide: Integer,
    plane: Integer,
    passes: Integer,
    small: Integer,
    large: Integer,
    sums: Integer,
    energy: Integer,
    hidden: Integer,
) -> None:
    """Compute both hidden layers of a pass in a block; `hidden` takes one behind the other.

    Parameters
    ----------
    number, block, here : int
        The pass; the block, counted without and with borders.
    left : int
        The energy of this pass in the block to the left. It is not loaded: it was stored just now,
        and a load of two energies at once waits until such a store is done.
    wide, plane : int
        Blocks of a row, and of the image, with borders.
    """
    width, second = passes[-1, 0], passes[-1, 1]
    if width == 32 and second == 32:  # constants, with which LLVM unrolls the loops
        _layers(
            32, 32, number, block, here, left, wide, plane, passes, small, large, sums, energy,
            hidden,
        )  # fmt: skip
    else:
        _layers(
            width, second, number, block, here, left, wide, plane, passes, small, large, sums,
            energy, hidden,
        )  # fmt: skip


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


@inlined(types.void, _INT, _INT, _INT, _INT, _SHORTS, SHORTS, WORDS)
def _scales(
    width: Integer,
    second: Integer,
    length: Integer,
    heads: Integer,
    small: Integer,
    hidden: Integer,
    scales: Integer,
) -> None:
    """Compute the scales of a pass for widths that may be constants."""
    for group in range(0, length, 16):
        total = splat32(0)
        weights = heads + second * group
        for unit in range(0, second, 16):
            total = tile_products(total, hidden, width + unit, small, weights + 16 * unit)
        store32(scales, group, shift_right(total, splat32(12)))


@inlined(types.void, _INT, _TABLE, _SHORTS, SHORTS, WORDS)
def scales_of_pass(
    number: Integer, passes: Integer, small: Integer, hidden: Integer, scales: Integer
) -> None:
    """Compute what the hidden layers say of the scale of each coefficient of a pass."""
    width, second = passes[-1, 0], passes[-1, 1]
    length, heads = passes[number, _LENGTH], passes[number, _HEADS]
    if width == 32 and second == 32:
        _scales(32, 32, length, heads, small, hidden, scales)
    else:
        _scales(width, second, length, heads, small, hidden, scales)


@inlined(_INT, _INT, _INT, _INT, _INT, _INT)
def place_of(
    axis: Integer, start: Integer, here: Integer, length: Integer, plane: Integer
) -> Integer:
    """Return where a block's coefficients of a diagonal lie in `known`."""
    return MARGIN + (axis * 256 + start) * plane + here * length


@inlined(
    types.void, _INT, _INT, _INT, _INT, _INT, _TABLE, _SHORTS, _WORDS, SHORTS, WORDS, _INT, WORDS
)
def indexes_of_diagonal(
    diagonal: Integer,
    axis: Integer,
    here: Integer,
    wide: Integer,
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
    axis, here, wide, plane : int
        Axis; the block, and how many blocks there are in a row and in the image, with borders.
    scales, scale : ndarray, int
        What the hidden layers say, and where the diagonal begins there.
    indexes : ndarray
        Of 16 numbers, of which those that the diagonal has count.
    """
    length, beside = diagonals[diagonal, _D_LENGTH], diagonals[diagonal, _D_ONE_LENGTH]
    own = place_of(axis, diagonals[diagonal, _D_START], here, length, plane)
    one = place_of(axis, diagonals[diagonal, _D_ONE], here, beside, plane)
    one += diagonals[diagonal, _D_ONE_SHIFT]
    two = place_of(
        axis, diagonals[diagonal, _D_TWO], here, diagonals[diagonal, _D_TWO_LENGTH], plane
    )
    two += diagonals[diagonal, _D_TWO_SHIFT]
    below = wide * length
    w = diagonals[diagonal, _D_ELEMENTS]
    total = load16(small, diagonals[diagonal, _D_FLOOR])
    total = add(total, mul(load16(known, own - below), load16(small, w + 144)))
    total = add(total, mul(load16(known, own - below - length), load16(small, w + 176)))
    total = add(total, mul(load16(known, own - below + length), load16(small, w + 192)))
    if axis:
        first = own - axis * 256 * plane
        total = add(total, mul(load16(known, first), load16(small, w + 208)))
        around = add(load16(known, first - below), load16(known, first + below))
        around = add(around, load16(known, first - length))
        around = add(around, load16(known, first + length))
        total = add(total, mul(around, load16(small, w + 224)))
        if axis == 2:
            total = add(total, mul(load16(known, own - 256 * plane), load16(small, w + 240)))
    below = wide * beside
    if diagonals[diagonal, _D_FIRST]:
        around = add(load16(known, one + below), load16(known, one + beside))
        total = add(total, mul(around, load16(small, w + 112)))
        around = add(load16(known, one + 1 + below), load16(known, one + 1 + beside))
        total = add(total, mul(around, load16(small, w + 128)))
    around = add(load16(known, one - below), load16(known, one - beside))
    total = add(total, mul(around, load16(small, w + 80)))
    around = add(load16(known, one + 1 - below), load16(known, one + 1 - beside))
    total = add(total, mul(around, load16(small, w + 96)))
    total = add(total, mul(load16(known, two + 1), load16(small, w + 32)))
    total = add(total, mul(load16(known, two), load16(small, w + 48)))
    total = add(total, mul(load16(known, two + 2), load16(small, w + 64)))
    total = add(total, mul(load16(known, own - length), load16(small, w + 160)))
    total = add(total, mul(load16(known, one), load16(small, w)))
    total = add(total, mul(load16(known, one + 1), load16(small, w + 16)))
    octaves = add(shift_right(float_bits(widen_unsigned(total)), splat32(16)), splat32(-(135 << 7)))
    level = mul(octaves, load32(large, diagonals[diagonal, _D_SLOPES]))
    level = shift_right(level, splat32(8))
    level = add(level, load32(large, diagonals[diagonal, _D_BASE]))
    level = shift_right(add(level, load32(scales, scale)), splat32(6))
    store32(indexes, 0, minimum(maximum(level, splat32(0)), splat32(INDEXES - 1)))
