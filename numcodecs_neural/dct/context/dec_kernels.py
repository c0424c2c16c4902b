"""The decoder of coefficients, block by block: symbols from words and bits (SPEC.md, section 9)."""

import numpy as np

from numcodecs_neural.compilation import Integer, inlined, outermost, readable
from numcodecs_neural.dct.context.kernels import (
    COLUMN,
    DIAGONAL,
    EXTRA,
    SHORTS,
    STATE,
    WORDS,
    energy_of,
    flag_index,
    hidden_layers,
    indexes_of_diagonal,
    place_of,
    scales_of_pass,
)
from numcodecs_neural.dct.context.limits import (
    BAD_ESCAPE,
    BIT,
    BITS_LEFT,
    COUNT,
    DONE,
    ENERGY_LIMIT,
    ENTRIES,
    INDEXES,
    KNOWN_LIMIT,
    LANES,
    ROW,
    STATUS,
    TRUNCATED,
    WORD,
    WORDS_LEFT,
)
from numcodecs_neural.dct.context.means import (
    edges_of,
    eighths_of,
    mean_of,
    note_constant,
    with_other_axes,
)
from numcodecs_neural.vectors import not_above, types

__all__ = ["ESCAPE", "decode_constants", "decode_details"]

ESCAPE = ENTRIES - 1
LARGEST_ESCAPE = 14
"""Bits below the highest one of an escape: coefficients fit int16."""

LARGEST = 32767

_SHORTS, _WORDS = readable(types.int16), readable(types.int32)
_CODE, _BITS = readable(types.uint16), readable(types.uint32)
_TABLE = readable(types.int64, 2)
_INT = types.int64
_START, _LENGTH, _PLACE = DIAGONAL["start"], DIAGONAL["length"], DIAGONAL["place"]
_AXIS, _FLAGGED, _FAMILY = COLUMN["axis"], COLUMN["is_flagged"], COLUMN["family"]
_FIRST, _DIAGONALS = COLUMN["first_diagonal"], COLUMN["diagonals"]
_SCALE = COLUMN["energy_scale"]


@inlined(_INT, _INT, _SHORTS, _CODE, STATE, STATE)
def next_entry(
    table: Integer, tables: Integer, words: Integer, lanes: Integer, at: Integer
) -> Integer:
    """Take the next symbol of a table off its lane."""
    lane, row = at[COUNT] & (LANES - 1), table * ROW
    state = lanes[lane]
    slot = state & 16383
    entry = not_above(tables, row + 1, slot)
    start = np.int64(tables[row + entry])
    frequency = np.int64(tables[row + entry + 1]) - start
    state = frequency * (state >> 14) + slot - start
    if state < 65536:
        state = (state << 16) | np.int64(words[at[WORD]])
        at[WORD] += 1
    lanes[lane] = state
    at[COUNT] += 1
    return entry


@inlined(_INT, _INT, _BITS, STATE)
def next_bits(count: Integer, bits: Integer, at: Integer) -> Integer:
    """Take up to 16 plain bits, the lowest first."""
    place = at[BIT]
    word = place >> 5
    both = np.int64(bits[word]) | (np.int64(bits[word + 1]) << 32)
    at[BIT] = place + count
    return (both >> (place & 31)) & ((1 << count) - 1)


@inlined(_INT, _BITS, STATE)
def next_escape(bits: Integer, at: Integer) -> Integer:
    """Take a number in Exp-Golomb code: zeros, a one, and as many bits as there were zeros."""
    zeros = 0
    while next_bits(1, bits, at) == 0:
        zeros += 1
        if zeros > LARGEST_ESCAPE:
            at[STATUS] = BAD_ESCAPE
            return 0
    return (1 << zeros) - 1 + next_bits(zeros, bits, at)


@inlined(
    _INT, _INT, _INT, _INT, _INT, WORDS, _SHORTS, _CODE, _BITS, STATE, STATE, SHORTS, SHORTS
)  # fmt: skip
def decode_diagonal(
    length: Integer,
    family: Integer,
    start: Integer,
    place: Integer,
    indexes: Integer,
    tables: Integer,
    words: Integer,
    bits: Integer,
    lanes: Integer,
    at: Integer,
    known: Integer,
    coefficients: Integer,
) -> Integer:
    """Decode the coefficients of a diagonal, and return the sum of their limited magnitudes.

    What `next_entry` and `next_bits` do is written out here, without branches where chance rules:
    half the time of decoding is spent in this loop.
    """
    count, word, bit, total = at[COUNT], at[WORD], at[BIT], 0
    for i in range(length):
        row = (family * INDEXES + np.int64(indexes[i])) * ROW
        lane = (count + i) & (LANES - 1)
        state = lanes[lane]
        slot = state & 16383
        entry = not_above(tables, row + 1, slot)
        first = np.int64(tables[row + entry])
        frequency = np.int64(tables[row + entry + 1]) - first
        state = frequency * (state >> 14) + slot - first
        is_low = np.int64(state < 65536)
        state = (state << (16 * is_low)) | (np.int64(words[word]) & -is_low)
        word += is_low
        lanes[lane] = state
        extra = np.int64(tables[row + EXTRA])
        size = entry << extra
        if extra:
            at[BIT] = bit
            size += next_bits(extra, bits, at)
            bit = at[BIT]
        if entry == ESCAPE:
            at[BIT] = bit
            size = min(size + (next_escape(bits, at) << extra), LARGEST + 1)
            bit = at[BIT]
        is_coded = np.int64(size > 0)
        sign = np.int64(bits[bit >> 5] >> np.uint32(bit & 31)) & is_coded
        bit += is_coded
        known[start + i] = min(size, KNOWN_LIMIT)
        total += min(size, ENERGY_LIMIT)
        coefficients[place + 15 * i] = (size ^ -sign) + sign
        if size > LARGEST:
            at[STATUS] = BAD_ESCAPE
    at[COUNT], at[WORD], at[BIT] = count + length, word, bit
    return total


@inlined(_INT, _INT, _INT, _BITS, STATE)
def signed_rest(entry: Integer, extra: Integer, bits: Integer, at: Integer) -> Integer:
    """Return by how much a symbol differs from what was expected."""
    if entry < ESCAPE:
        return ((entry - ESCAPE // 2) << extra) + next_bits(extra, bits, at)
    size = ((ESCAPE // 2) << extra) + 1 + next_bits(extra, bits, at)
    size += next_escape(bits, at) << extra
    sign = next_bits(1, bits, at)
    return (size ^ -sign) + sign


@inlined(types.boolean, STATE)
def is_over(at: Integer) -> Integer:
    """Whether more was taken than there is; both arrays have a reserve for a block behind it."""
    if at[WORD] > at[WORDS_LEFT] or at[BIT] > at[BITS_LEFT]:
        at[STATUS] = TRUNCATED
    return at[STATUS] != DONE


@outermost(
    types.void, STATE, SHORTS, SHORTS, WORDS, SHORTS, SHORTS, WORDS, WORDS,
    _TABLE, _TABLE, _SHORTS, _WORDS, _SHORTS, _CODE, _BITS, STATE, STATE,
)  # fmt: skip
def decode_details(
    shape: Integer,
    coefficients: Integer,
    known: Integer,
    sums: Integer,
    energy: Integer,
    hidden: Integer,
    scales: Integer,
    indexes: Integer,
    passes: Integer,
    diagonals: Integer,
    small: Integer,
    large: Integer,
    tables: Integer,
    words: Integer,
    bits: Integer,
    lanes: Integer,
    at: Integer,
) -> None:
    """Decode every coefficient but the constant parts."""
    rows, columns, axes = shape[0], shape[1], shape[2]
    wide = columns + 2
    plane = (rows + 2) * wide
    for number in range(passes.shape[0] - 1 - axes):
        axis = passes[number, _AXIS]
        first, last = passes[number, _FIRST], passes[number, _FIRST] + passes[number, _DIAGONALS]
        family = passes[number, _FAMILY]
        flags = passes[-1, 2]
        now = (number & 1) * plane
        for row in range(rows):
            left = 0
            for column in range(columns):
                block, here = row * columns + column, (row + 1) * wide + column + 1
                hidden_layers(
                    number, block, here, left, wide, plane, passes, small, large, sums, energy,
                    hidden,
                )  # fmt: skip
                if passes[number, _FLAGGED]:
                    level = flag_index(number, passes, small, large, hidden)
                    is_empty = next_entry(flags + level, tables, words, lanes, at) == 0
                    if is_over(at):
                        return
                    if is_empty:
                        left = 0
                        energy[now + here] = 0
                        continue
                scales_of_pass(number, passes, small, hidden, scales)
                target = (block * axes + axis) * 256
                scale, total = 0, 0
                for diagonal in range(first, last):
                    indexes_of_diagonal(
                        diagonal, axis, here, wide, plane, diagonals, small, large, known, scales,
                        scale, indexes,
                    )  # fmt: skip
                    length = diagonals[diagonal, _LENGTH]
                    start = place_of(axis, diagonals[diagonal, _START], here, length, plane)
                    place = target + diagonals[diagonal, _PLACE]
                    total += decode_diagonal(
                        length, family, start, place, indexes, tables, words, bits, lanes, at,
                        known, coefficients,
                    )  # fmt: skip
                    scale += length
                    if is_over(at):
                        return
                left = energy_of(total, passes[number, _SCALE])
                energy[now + here] = left


@outermost(
    types.void, STATE, SHORTS, SHORTS, WORDS, SHORTS, SHORTS, WORDS, WORDS,
    _TABLE, _TABLE, _SHORTS, _WORDS, _SHORTS, _CODE, _BITS, STATE, STATE,
    STATE, STATE, STATE, STATE, STATE,
)  # fmt: skip
def decode_constants(
    shape: Integer,
    coefficients: Integer,
    known: Integer,
    sums: Integer,
    energy: Integer,
    hidden: Integer,
    scales: Integer,
    indexes: Integer,
    passes: Integer,
    diagonals: Integer,
    small: Integer,
    large: Integer,
    tables: Integer,
    words: Integer,
    bits: Integer,
    lanes: Integer,
    at: Integer,
    steps: Integer,
    turn: Integer,
    weights: Integer,
    edges: Integer,
    missed: Integer,
) -> None:
    """Decode the constant part of every block, when all else is known."""
    rows, columns, axes = shape[0], shape[1], shape[2]
    wide = columns + 2
    plane = (rows + 2) * wide
    edges_of(rows, columns, axes, coefficients, steps, turn, weights, edges)
    for number in range(passes.shape[0] - 1 - axes, passes.shape[0] - 1):
        axis = passes[number, _AXIS]
        diagonal = passes[number, _FIRST]
        step = steps[axis * 256]
        now = (number & 1) * plane
        for row in range(rows):
            left = 0
            for column in range(columns):
                block, here = row * columns + column, (row + 1) * wide + column + 1
                hidden_layers(
                    number, block, here, left, wide, plane, passes, small, large, sums, energy,
                    hidden,
                )  # fmt: skip
                scales_of_pass(number, passes, small, hidden, scales)
                indexes_of_diagonal(
                    diagonal, axis, here, wide, plane, diagonals, small, large, known, scales, 0,
                    indexes,
                )  # fmt: skip
                expected = mean_of(row, column, columns, axis, axes, weights, edges)
                expected = with_other_axes(expected, block, axis, axes, weights, missed)
                eighths = eighths_of(expected, step)
                whole = (eighths + 4) >> 3
                fraction = eighths - 8 * whole
                index = np.int64(indexes[0])
                table = passes[-1, 3] + abs(fraction) * INDEXES + index
                entry = next_entry(table, tables, words, lanes, at)
                extra = np.int64(tables[table * ROW + EXTRA])
                rest = signed_rest(entry, extra, bits, at)
                symbol = whole + (-rest if fraction < 0 else rest)
                if abs(symbol) > LARGEST:
                    at[STATUS] = BAD_ESCAPE
                if is_over(at):
                    return
                coefficients[(block * axes + axis) * 256] = symbol
                own = place_of(axis, 0, here, 1, plane)
                known[own] = min(abs(symbol - whole), KNOWN_LIMIT)
                left = energy_of(min(abs(symbol), ENERGY_LIMIT), passes[number, _SCALE])
                energy[now + here] = left
                note_constant(symbol, expected, step, block, axis, axes, edges, missed)
