"""The encoder of coefficients: chooses each symbol, and notes it for the writer."""

import numpy as np

from numcodecs_neural.compilation import Integer, inlined, outermost, readable
from numcodecs_neural.dct.context.dec_kernels import ESCAPE
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
    ENERGY_LIMIT,
    ENTRIES,
    INDEXES,
    KNOWN_LIMIT,
    LANES,
    ROW,
)
from numcodecs_neural.dct.context.means import (
    edges_of,
    eighths_of,
    mean_of,
    note_constant,
    with_other_axes,
)
from numcodecs_neural.vectors import types

__all__ = ["BITS", "COUNT", "FREQUENCY_BITS", "encode_constants", "encode_details", "write_words"]

COUNT, BITS = range(2)
FREQUENCY_BITS = 15
_SHORTS, _WORDS = readable(types.int16), readable(types.int32)
_TABLE = readable(types.int64, 2)
_PLAIN = types.Array(types.uint32, 1, "C")
_INT = types.int64
_START, _LENGTH, _PLACE = DIAGONAL["start"], DIAGONAL["length"], DIAGONAL["place"]
_AXIS, _FLAGGED, _FAMILY = COLUMN["axis"], COLUMN["is_flagged"], COLUMN["family"]
_FIRST, _DIAGONALS = COLUMN["first_diagonal"], COLUMN["diagonals"]
_SCALE = COLUMN["energy_scale"]


@inlined(types.void, _INT, _INT, _SHORTS, WORDS, STATE)
def note_entry(
    table: Integer, entry: Integer, tables: Integer, notes: Integer, at: Integer
) -> None:
    """Note a symbol for the writer."""
    start = np.int64(tables[table * ROW + entry])
    frequency = np.int64(tables[table * ROW + entry + 1]) - start
    notes[at[COUNT]] = (start << FREQUENCY_BITS) | frequency
    at[COUNT] += 1


@inlined(types.void, _INT, _INT, _PLAIN, STATE)
def put_bits(value: Integer, count: Integer, plain: Integer, at: Integer) -> None:
    """Append up to 16 plain bits; what lies behind the end is cleared."""
    place = at[BITS]
    word, shift = place >> 5, place & 31
    both = (np.int64(plain[word]) & ((1 << shift) - 1)) | (value << shift)
    plain[word] = np.uint32(both & 0xFFFFFFFF)
    plain[word + 1] = np.uint32(both >> 32)
    at[BITS] = place + count


@inlined(types.void, _INT, _PLAIN, STATE)
def put_escape(value: Integer, plain: Integer, at: Integer) -> None:
    """Append a number in Exp-Golomb code."""
    zeros = 0
    while (value + 1) >> (zeros + 1):
        zeros += 1
    put_bits(0, zeros, plain, at)
    put_bits(1, 1, plain, at)
    put_bits((value + 1) - (1 << zeros), zeros, plain, at)


@inlined(_INT, _INT, _INT, _INT, _WORDS)
def cost_of(size: Integer, table: Integer, extra: Integer, costs: Integer) -> Integer:
    """Return the bits of a magnitude and its sign, in 1/256."""
    entry = size >> extra
    if entry < ESCAPE:
        return np.int64(costs[table * ENTRIES + entry]) + 256 * (extra + (size > 0))
    rest, zeros = entry - ESCAPE + 1, 0
    while rest >> (zeros + 1):
        zeros += 1
    return np.int64(costs[table * ENTRIES + ESCAPE]) + 256 * (extra + 2 + 2 * zeros)


@inlined(types.UniTuple(_INT, 2), _INT, _INT, _INT, _INT, _WORDS)
def chosen(
    target: Integer, table: Integer, extra: Integer, price: Integer, costs: Integer
) -> Integer:
    """Return the magnitude for a coefficient, in sixteenths of its step, and its cost.

    The nearest, or the one below it, or nothing: whichever has the least of squared error in 256ths
    of a squared step, and bits by their price.
    """
    best = (target + 8) >> 4
    if best == 0:
        bits = np.int64(costs[table * ENTRIES]) + 256 * extra
        return best, target * target + ((price * bits) >> 8)
    least = (target - 16 * best) ** 2
    if price == 0:
        return best, least
    least += (price * cost_of(best, table, extra, costs)) >> 8
    below = best - 1
    other = (target - 16 * below) ** 2 + ((price * cost_of(below, table, extra, costs)) >> 8)
    if other < least:
        best, least = below, other
    if below > 0 and target < 40:
        other = target * target + ((price * cost_of(0, table, extra, costs)) >> 8)
        if other < least:
            best, least = 0, other
    return best, least


@outermost(
    types.void, STATE, SHORTS, SHORTS, WORDS, SHORTS, SHORTS, WORDS, WORDS,
    _TABLE, _TABLE, _SHORTS, _WORDS, _SHORTS, _WORDS, _WORDS, _WORDS, WORDS, _PLAIN, STATE,
)  # fmt: skip
def encode_details(
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
    costs: Integer,
    targets: Integer,
    prices: Integer,
    notes: Integer,
    plain: Integer,
    at: Integer,
) -> None:
    """Choose and note every coefficient but the constant parts.

    Parameters
    ----------
    targets : (blocks, axes, 256) int32, flat
        Coefficients in sixteenths of their steps.
    prices : (blocks,) int32
        What a bit is worth in each block, in 256ths of a squared step.
    """
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
                left, energy[now + here] = 0, 0
                target = (block * axes + axis) * 256
                price = np.int64(prices[block])
                count, bit, level = at[COUNT], at[BITS], 0
                spent: Integer = 0
                nothing: Integer = 0
                if passes[number, _FLAGGED]:
                    largest: Integer = 0
                    for diagonal in range(first, last):
                        place = target + diagonals[diagonal, _PLACE]
                        for i in range(diagonals[diagonal, _LENGTH]):
                            largest = max(largest, abs(np.int64(targets[place + 15 * i])))
                        if largest >= 8:
                            break
                    level = flags + flag_index(number, passes, small, large, hidden)
                    if largest < 8:
                        note_entry(level, 0, tables, notes, at)
                        continue
                    note_entry(level, 1, tables, notes, at)
                scales_of_pass(number, passes, small, hidden, scales)
                scale, total = 0, 0
                for diagonal in range(first, last):
                    indexes_of_diagonal(
                        diagonal, axis, here, wide, plane, diagonals, small, large, known, scales,
                        scale, indexes,
                    )  # fmt: skip
                    length = diagonals[diagonal, _LENGTH]
                    start = place_of(axis, diagonals[diagonal, _START], here, length, plane)
                    place = target + diagonals[diagonal, _PLACE]
                    for i in range(diagonals[diagonal, _LENGTH]):
                        index = np.int64(indexes[i])
                        table = family * INDEXES + index
                        extra = np.int64(tables[table * ROW + EXTRA])
                        wanted = np.int64(targets[place + 15 * i])
                        size, least = chosen(abs(wanted), table, extra, price, costs)
                        spent += least
                        nothing += wanted * wanted
                        entry = min(size >> extra, ESCAPE)
                        note_entry(table, entry, tables, notes, at)
                        if extra:
                            put_bits(size & ((1 << extra) - 1), extra, plain, at)
                        if entry == ESCAPE:
                            put_escape((size >> extra) - ESCAPE, plain, at)
                        if size:
                            put_bits(wanted < 0, 1, plain, at)
                            known[start + i] = min(size, KNOWN_LIMIT)
                            total += min(size, ENERGY_LIMIT)
                            coefficients[place + 15 * i] = -size if wanted < 0 else size
                    scale += diagonals[diagonal, _LENGTH]
                if passes[number, _FLAGGED]:
                    spent += (price * np.int64(costs[level * ENTRIES + 1])) >> 8
                    nothing += (price * np.int64(costs[level * ENTRIES])) >> 8
                    if total == 0 or nothing <= spent:
                        at[COUNT], at[BITS], total = count, bit, 0
                        note_entry(level, 0, tables, notes, at)
                        for diagonal in range(first, last):
                            length = diagonals[diagonal, _LENGTH]
                            start = place_of(axis, diagonals[diagonal, _START], here, length, plane)
                            place = target + diagonals[diagonal, _PLACE]
                            for i in range(diagonals[diagonal, _LENGTH]):
                                known[start + i] = 0
                                coefficients[place + 15 * i] = 0
                        continue
                left = energy_of(total, passes[number, _SCALE])
                energy[now + here] = left


@outermost(
    types.void, STATE, SHORTS, SHORTS, WORDS, SHORTS, SHORTS, WORDS, WORDS,
    _TABLE, _TABLE, _SHORTS, _WORDS, _SHORTS, _WORDS, _WORDS, _WORDS, WORDS, _PLAIN, STATE,
    STATE, STATE, STATE, STATE, STATE,
)  # fmt: skip
def encode_constants(
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
    costs: Integer,
    targets: Integer,
    prices: Integer,
    notes: Integer,
    plain: Integer,
    at: Integer,
    steps: Integer,
    turn: Integer,
    weights: Integer,
    edges: Integer,
    missed: Integer,
) -> None:
    """Note the constant part of every block: the nearest multiple of its step."""
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
                extra = np.int64(tables[table * ROW + EXTRA])
                symbol = (np.int64(targets[(block * axes + axis) * 256]) + 8) >> 4
                rest = whole - symbol if fraction < 0 else symbol - whole
                bucket = rest >> extra
                low = (1 << extra) - 1
                half = ESCAPE // 2
                if -half <= bucket <= half:
                    note_entry(table, bucket + half, tables, notes, at)
                    put_bits(rest & low, extra, plain, at)
                else:
                    note_entry(table, ESCAPE, tables, notes, at)
                    over = abs(rest) - (half << extra) - 1
                    put_bits(over & low, extra, plain, at)
                    put_escape(over >> extra, plain, at)
                    put_bits(rest < 0, 1, plain, at)
                coefficients[(block * axes + axis) * 256] = symbol
                own = place_of(axis, 0, here, 1, plane)
                known[own] = min(abs(symbol - whole), KNOWN_LIMIT)
                left = energy_of(min(abs(symbol), ENERGY_LIMIT), passes[number, _SCALE])
                energy[now + here] = left
                note_constant(symbol, expected, step, block, axis, axes, edges, missed)


@outermost(_INT, _WORDS, _INT, types.Array(types.uint16, 1, "C"), STATE)
def write_words(notes: Integer, count: Integer, words: Integer, lanes: Integer) -> Integer:
    """Write noted symbols from the last to the first; return where the words begin."""
    start = len(words)
    for i in range(count - 1, -1, -1):
        frequency = np.int64(notes[i]) & ((1 << FREQUENCY_BITS) - 1)
        first = np.int64(notes[i]) >> FREQUENCY_BITS
        state = lanes[i & (LANES - 1)]
        if state >= frequency << 18:
            start -= 1
            words[start] = state & 0xFFFF
            state >>= 16
        lanes[i & (LANES - 1)] = ((state // frequency) << 14) + first + state % frequency
    return start
