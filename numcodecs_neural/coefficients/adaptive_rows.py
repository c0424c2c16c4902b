"""The adaptive coder of one row of blocks, as SPEC.md says it: encoder and decoder in one.

These are plain functions of plain numbers. `adaptive_kernels` compiles them as they stand; without
numba they run on memoryviews. So they use no numpy and no slices, and every position in an array
is bounded by how it is computed.

An encoder reads the coefficients and hands each bit to `code_bit`, which returns it; a decoder
gets the bits from there and stores the coefficients. What is the same for both is written once.
"""

from typing import Any

from numcodecs_neural.coefficients.adaptive_constants import (
    BASIS,
    BUCKETS,
    COUNT,
    COUNT_ROWS,
    LEVEL,
    LEVELS,
    MANTISSA,
    MANTISSA_ROWS,
    ORDER,
    RATES,
    SIGN,
    SIGN_ROWS,
    SQUASH,
)

__all__ = [
    "BAD_VALUE",
    "CODE",
    "DECODES",
    "NO_WORDS",
    "POSITION",
    "RANGE",
    "STATUS",
    "WORK",
    "advance",
    "begin_block",
    "bucket",
    "code_ac",
    "code_bit",
    "code_count",
    "code_dc",
    "code_level",
    "code_mantissa",
    "code_row",
    "code_sign",
    "code_value",
    "count_of",
    "end_block",
    "explain",
    "learned",
    "place_dc",
    "place_guesses",
    "place_level",
    "place_signs",
    "predicted",
    "signed_bucket",
    "skip_block",
    "slope_of",
    "take_sign",
    "twin_of_dc",
]

# What the array of numbers holds: the state of the arithmetic coder.
CODE, RANGE, POSITION, DECODES, STATUS = range(5)
NO_WORDS, BAD_VALUE = 1, 2

# What the work array holds. Of the borders, in 512ths of a sample times a basis function: what is
# still to be explained across the left border and down the upper one, and what this block leaves.
_ACROSS, _DOWN, _RIGHT, _BOTTOM, _MAGNITUDES = 0, 8, 16, 24, 32
# Five contexts of levels and five of the sign, and what a known sign is compared with.
_LEVEL, _SIGN, _GUESS, _TWIN, _NEAR_SUM, _NEAR_SIZE = 96, 101, 106, 107, 108, 109
WORK = 110

_LIMIT = 1 << 24  # of borders
_WIDTH_LIMIT, _CARRY, _LOW = 1 << 32, 1 << 48, (1 << 32) - 1
_RATE, _HALF = 14, 1 << 17  # of weights, which learn in 2**18ths

_L0, _L1, _L2, _L3, _L4 = LEVEL
_C0, _C1, _C2, _C3, _C4 = COUNT
_S0, _S1, _S2, _S3, _S4 = SIGN
_M0, _M1, _M2, _M3, _M4 = MANTISSA

Array = Any
Coder = Any
Integer = Any


def learned(constants: Array, entry: Integer, target: Integer) -> Integer:
    """Return a probability moved towards 0 or 2**22 - 1: by 1 / n first, at last by 1 / 1000."""
    count = entry & 1023
    value = entry >> 10
    value += ((target - value) * constants[RATES + count]) >> 16
    return (value << 10) | (count + 1 if count < 1000 else count)


def advance(numbers: Array, words: Array, share: Integer, bit: Integer) -> Integer:
    """Code a bit that is 1 with a probability of `share` in 65536ths, and return it."""
    width = numbers[RANGE]
    bound = (width >> 16) * share
    code = numbers[CODE]
    if numbers[DECODES]:
        bit = 1 if code < bound else 0
        if bit == 0:
            code -= bound
    elif bit == 0:
        code += bound
    width = bound if bit else width - bound
    if width < _WIDTH_LIMIT:
        width <<= 16
        position = numbers[POSITION]
        if numbers[DECODES]:
            if position < words.shape[0]:
                code = (code << 16) | words[position]
            else:
                code <<= 16
                numbers[STATUS] = NO_WORDS
        else:
            if code >= _CARRY:
                code -= _CARRY
                carried = position - 1
                while words[carried] == 65535:
                    words[carried] = 0
                    carried -= 1
                words[carried] += 1
            words[position] = code >> 32
            code = (code & _LOW) << 16
        numbers[POSITION] = position + 1
    numbers[CODE] = code
    numbers[RANGE] = width
    return bit


def code_bit(
    numbers: Array,
    words: Array,
    constants: Array,
    probabilities: Array,
    weights: Array,
    row: Integer,
    c0: Integer,
    c1: Integer,
    c2: Integer,
    c3: Integer,
    c4: Integer,
    bit: Integer,
) -> Integer:
    """Code a bit under five contexts, whose votes are weighed, and learn from it."""
    p0, p1, p2 = probabilities[c0] + 0, probabilities[c1] + 0, probabilities[c2] + 0
    p3, p4 = probabilities[c3] + 0, probabilities[c4] + 0
    v0, v1, v2 = constants[p0 >> 20], constants[p1 >> 20], constants[p2 >> 20]
    v3, v4 = constants[p3 >> 20], constants[p4 >> 20]
    w0, w1, w2 = weights[row, 0] + 0, weights[row, 1] + 0, weights[row, 2] + 0
    w3, w4 = weights[row, 3] + 0, weights[row, 4] + 0

    vote = (w0 * v0 + w1 * v1 + w2 * v2 + w3 * v3 + w4 * v4) >> 16
    share = constants[SQUASH + 2048 + min(max(vote, -2048), 2047)]
    bit = advance(numbers, words, share, bit)

    error = ((bit << 16) - share) * _RATE
    weights[row, 0] = w0 + ((error * v0 + _HALF) >> 18)
    weights[row, 1] = w1 + ((error * v1 + _HALF) >> 18)
    weights[row, 2] = w2 + ((error * v2 + _HALF) >> 18)
    weights[row, 3] = w3 + ((error * v3 + _HALF) >> 18)
    weights[row, 4] = w4 + ((error * v4 + _HALF) >> 18)
    target = (bit << 22) - bit
    probabilities[c0] = learned(constants, p0, target)
    probabilities[c1] = learned(constants, p1, target)
    probabilities[c2] = learned(constants, p2, target)
    probabilities[c3] = learned(constants, p3, target)
    probabilities[c4] = learned(constants, p4, target)
    return bit


def bucket(constants: Array, value: Integer) -> Integer:
    """Return the size of a number in 16 ranges."""
    return constants[BUCKETS + min(abs(value), 255)]


def signed_bucket(constants: Array, value: Integer) -> Integer:
    """Return sign and size of a number in 31 ranges, 1 to 31."""
    size = bucket(constants, value)
    return 16 + size if value > 0 else 16 - size


def code_count(
    coder: Coder, upper: Integer, left: Integer, twin: Integer, count: Integer
) -> Integer:
    """Code how many of the 63 coefficients besides DC are not 0."""
    numbers, words, constants, probabilities, weights = coder
    mean = (upper + left + 1) >> 1
    c0 = _C0 + mean * 64
    c1 = _C1 + ((upper >> 3) * 8 + (left >> 3)) * 64
    c2 = _C2 + twin * 64
    c3 = _C3 + ((mean >> 3) * 8 + (twin >> 3)) * 64
    c4 = _C4 + ((mean + 2 * twin + 1) // 3) * 64
    node = 1
    for place in range(6):
        bit = (count >> (5 - place)) & 1
        node = 2 * node + code_bit(
            numbers,
            words,
            constants,
            probabilities,
            weights,
            COUNT_ROWS + node,
            c0 + node,
            c1 + node,
            c2 + node,
            c3 + node,
            c4 + node,
            bit,
        )
    return node - 64


def take_sign(constants: Array, work: Array, k: Integer, sign: Integer, has_twin: Integer) -> None:
    """Replace contexts by what they say to a number of this sign."""
    if k > 0:
        work[_LEVEL + 3] = signed_bucket(constants, (work[_GUESS] * sign) >> 1) >> 1
    if has_twin:
        work[_LEVEL + 4] = signed_bucket(constants, work[_TWIN] * sign) >> 1
    elif k > 0:
        agrees = 1 if work[_NEAR_SUM] * sign > 0 else 0
        work[_LEVEL + 4] = 2 * min(bucket(constants, work[_NEAR_SIZE]), 7) + agrees


def code_level(
    numbers: Array,
    words: Array,
    constants: Array,
    probabilities: Array,
    weights: Array,
    work: Array,
    k: Integer,
    level: Integer,
    bit: Integer,
) -> Integer:
    """Code whether a magnitude has more bits than `level`; its contexts are in the work array."""
    cell = min(level, LEVELS - 1) * 64 + k
    return code_bit(
        numbers,
        words,
        constants,
        probabilities,
        weights,
        cell,
        _L0 + cell * 16 + work[_LEVEL],
        _L1 + cell * 16 + work[_LEVEL + 1],
        _L2 + cell * 16 + work[_LEVEL + 2],
        _L3 + cell * 16 + work[_LEVEL + 3],
        _L4 + cell * 16 + work[_LEVEL + 4],
        bit,
    )


def code_sign(
    numbers: Array,
    words: Array,
    constants: Array,
    probabilities: Array,
    weights: Array,
    work: Array,
    k: Integer,
    bit: Integer,
) -> Integer:
    """Code whether a coefficient is negative, and return its sign."""
    negative = code_bit(
        numbers,
        words,
        constants,
        probabilities,
        weights,
        SIGN_ROWS + k,
        _S0 + k * 32 + work[_SIGN],
        _S1 + k * 32 + work[_SIGN + 1],
        _S2 + k * 32 + work[_SIGN + 2],
        _S3 + k * 32 + work[_SIGN + 3],
        _S4 + k * 9 + work[_SIGN + 4],
        bit,
    )
    return 1 - 2 * negative


def code_mantissa(
    numbers: Array,
    words: Array,
    constants: Array,
    probabilities: Array,
    weights: Array,
    work: Array,
    k: Integer,
    level: Integer,
    size: Integer,
) -> Integer:
    """Code the bits of a magnitude of `level` bits below the highest one, and return it."""
    prefix = 1
    for place in range(level - 2, -1, -1):
        cell = (level - 1) * 11 + place
        short = min(prefix, 63)
        guess = prefix * 16 + work[_LEVEL + 3] if prefix < 16 else 256 + place
        prefix = 2 * prefix + code_bit(
            numbers,
            words,
            constants,
            probabilities,
            weights,
            MANTISSA_ROWS + cell,
            _M0 + k * 64 + short,
            _M1 + k * 121 + cell,
            _M2 + guess,
            _M3 + work[_LEVEL] * 64 + short,
            _M4 + k * 11 + place,
            (size >> place) & 1,
        )
    return prefix


def code_value(
    numbers: Array,
    words: Array,
    constants: Array,
    probabilities: Array,
    weights: Array,
    work: Array,
    k: Integer,
    has_twin: Integer,
    value: Integer,
) -> Integer:
    """Code a coefficient, or the error of DC, that is known to be other than 0.

    First its sign, then how many bits its magnitude has, in unary, then those below the highest.
    """
    size, bits = abs(value), 0
    while size >> bits:
        bits += 1
    below = 1 if value < 0 else 0
    sign = code_sign(numbers, words, constants, probabilities, weights, work, k, below)
    take_sign(constants, work, k, sign, has_twin)
    level, most = 1, 10 if k > 0 else 11
    while level < most:
        longer = 1 if bits > level else 0
        more = code_level(numbers, words, constants, probabilities, weights, work, k, level, longer)
        if more == 0:
            break
        level += 1
    return sign * code_mantissa(
        numbers, words, constants, probabilities, weights, work, k, level, size
    )


def slope_of(products: Array, totals: Array, current: Integer, column: Integer) -> Integer:
    """Return 256 times the regression of coefficients on their twins, in blocks coded before."""
    other = 1 - current
    mixed = products[other, column + 1, 0] + products[current, column, 0] + (totals[0] >> 5)
    mixed += (products[other, column, 0] + products[other, column + 2, 0]) >> 1
    square = products[other, column + 1, 1] + products[current, column, 1] + (totals[1] >> 5)
    square += (products[other, column, 1] + products[other, column + 2, 1]) >> 1
    if square <= 0:
        return 256
    return min(max((mixed * 256) // square, -1024), 1024)


def place_level(
    constants: Array,
    work: Array,
    blocks: Array,
    ratios: Array,
    spreads: Array,
    place: Any,
    k: Integer,
    rest: Integer,
) -> None:
    """Put the contexts of coefficient k, in zigzag order, into the work array.

    `rest` is how many of it and those after it are not 0.
    """
    row, column, known = place
    z = constants[ORDER + k]
    u, v = z & 7, z >> 3
    current, other = row & 1, 1 - (row & 1)
    near = 2 * (spreads[other, column + 1, z] + spreads[current, column, z])
    near = near if known == 3 else 2 * near
    near += spreads[other, column, z] + spreads[other, column + 2, z]
    inside = 0
    if u > 0:
        inside += 2 * work[_MAGNITUDES + z - 1] * ratios[0, z]
        if v > 0:
            inside += work[_MAGNITUDES + z - 9] * ratios[2, z]
        if u > 1:
            inside += work[_MAGNITUDES + z - 2] * ratios[3, z]
    if v > 0:
        inside += 2 * work[_MAGNITUDES + z - 8] * ratios[1, z]
        if v > 1:
            inside += work[_MAGNITUDES + z - 16] * ratios[4, z]
    zeros = 64 - k - rest
    work[_LEVEL] = bucket(constants, near >> 4)
    work[_LEVEL + 1] = bucket(constants, inside >> 4)
    work[_LEVEL + 2] = 12 + zeros if zeros < 3 else bucket(constants, rest)

    left = blocks[row, column - 1, z] + 0 if known & 1 else 0
    upper = blocks[row - 1, column, z] + 0 if known & 2 else 0
    work[_NEAR_SUM], work[_NEAR_SIZE] = left + upper, abs(left) + abs(upper)
    work[_LEVEL + 4] = 4 * min(abs(left), 3) + min(abs(upper), 3)
    signs = 3 * ((left > 0) - (left < 0)) + (upper > 0) - (upper < 0)
    work[_SIGN + 4] = signs + 4


def predicted(
    constants: Array, work: Array, inverses: Array, known: Integer, k: Integer
) -> Integer:
    """Return coefficient k as the borders have it, in eighths of a step."""
    z = constants[ORDER + k]
    u, v = z & 7, z >> 3
    left = constants[BASIS + u] * work[_ACROSS + v] if known & 1 else 0
    upper = constants[BASIS + v] * work[_DOWN + u] if known & 2 else 0
    return ((left + upper) * inverses[known, z]) >> 33


def place_guesses(
    constants: Array, work: Array, guess: Integer, twin: Integer, has_twin: Integer
) -> None:
    """Put into the work array what borders and twin say of a coefficient, in eighths of a step."""
    work[_GUESS], work[_TWIN] = guess, twin
    work[_LEVEL + 3] = bucket(constants, guess >> 1)
    if has_twin:
        work[_LEVEL + 4] = bucket(constants, twin)


def place_signs(
    constants: Array, work: Array, inverses: Array, known: Integer, k: Integer, base: Integer
) -> None:
    """Put into the work array what each of them says of the sign of a difference to `base`."""
    z = constants[ORDER + k]
    u, v = z & 7, z >> 3
    left = upper = 0
    if known & 1:
        left = ((constants[BASIS + u] * work[_ACROSS + v] * inverses[1, z]) >> 33) - base
    if known & 2:
        upper = ((constants[BASIS + v] * work[_DOWN + u] * inverses[2, z]) >> 33) - base
    work[_SIGN] = signed_bucket(constants, left)
    work[_SIGN + 1] = signed_bucket(constants, upper)
    work[_SIGN + 2] = signed_bucket(constants, work[_GUESS])
    work[_SIGN + 3] = signed_bucket(constants, work[_TWIN])


def twin_of_dc(blocks: Array, twins: Array, place: Any, slope: Integer) -> Integer:
    """Return DC as the neighbours' with the twin's differences to them, in eighths of a step."""
    row, column, known = place
    here = twins[row, column, 0] + 0
    left = upper = 0
    if known & 1:
        left = blocks[row, column - 1, 0] * 8 + (((here - twins[row, column - 1, 0]) * slope) >> 8)
    if known & 2:
        upper = blocks[row - 1, column, 0] * 8 + (((here - twins[row - 1, column, 0]) * slope) >> 8)
    return (left + upper) >> 1 if known == 3 else left + upper


def place_dc(
    constants: Array, work: Array, inverses: Array, known: Integer, count: Integer
) -> None:
    """Put the contexts of DC into the work array: how badly the other coefficients fit."""
    spread = 0
    for n in range(1, 8):
        spread += abs(work[_ACROSS + n]) + abs(work[_DOWN + n])
    spread = (spread * inverses[known, 0]) >> 24
    gap = ((work[_ACROSS] - work[_DOWN]) * inverses[3, 0]) >> 28 if known == 3 else 0
    work[_LEVEL] = bucket(constants, spread >> 2)
    work[_LEVEL + 1] = bucket(constants, gap)
    work[_LEVEL + 2] = bucket(constants, count)
    work[_LEVEL + 3] = bucket(constants, spread >> 1)
    work[_SIGN + 4] = 0


def explain(constants: Array, work: Array, steps: Array, k: Integer, value: Integer) -> None:
    """Take a coefficient off what is to be explained, and add it to what the block leaves."""
    z = constants[ORDER + k]
    u, v = z & 7, z >> 3
    across = value * steps[z] * constants[BASIS + u]
    down = value * steps[z] * constants[BASIS + v]
    work[_ACROSS + v] = min(max(work[_ACROSS + v] - across, -_LIMIT), _LIMIT)
    work[_DOWN + u] = min(max(work[_DOWN + u] - down, -_LIMIT), _LIMIT)
    work[_RIGHT + v] += -across if u & 1 else across
    work[_BOTTOM + u] += -down if v & 1 else down


def begin_block(work: Array, bottoms: Array, column: Integer, known: Integer) -> None:
    """Set borders to what the neighbours leave, and magnitudes to 0."""
    for n in range(8):
        left = work[_RIGHT + n] if known & 1 else 0
        upper = bottoms[column, n] if known & 2 else 0
        work[_ACROSS + n] = min(max(left, -_LIMIT), _LIMIT)
        work[_DOWN + n] = min(max(upper, -_LIMIT), _LIMIT)
        work[_RIGHT + n] = 0
        work[_BOTTOM + n] = 0
    for n in range(64):
        work[_MAGNITUDES + n] = 0


def end_block(work: Array, lines: Any, row: Integer, column: Integer) -> None:
    """Keep for blocks to come: the lower border, and magnitudes that are spread a little."""
    spreads, _, _, _, bottoms = lines
    for n in range(8):
        bottoms[column, n] = work[_BOTTOM + n]
    for z in range(1, 64):
        u, v = z & 7, z >> 3
        spread = 4 * work[_MAGNITUDES + z]
        if u > 0:
            spread += work[_MAGNITUDES + z - 1]
        if u < 7:
            spread += work[_MAGNITUDES + z + 1]
        if v > 0:
            spread += work[_MAGNITUDES + z - 8]
        if v < 7:
            spread += work[_MAGNITUDES + z + 8]
        spreads[row & 1, column + 1, z] = spread


def skip_block(lines: Any, row: Integer, column: Integer) -> None:
    """Leave of a block that is not coded what one of zeros would leave."""
    spreads, counts, products, _, _ = lines
    for z in range(1, 64):
        spreads[row & 1, column + 1, z] = 0
    counts[row & 1, column + 1] = 0
    products[row & 1, column + 1, 0] = 0
    products[row & 1, column + 1, 1] = 0


def count_of(coder: Coder, plane: Any, lines: Any, place: Any, has_twin: Integer) -> Integer:
    """Code how many coefficients of a block are not 0."""
    blocks, _, _, twin_counts, _, _, _ = plane
    counts = lines[1]
    row, column, known = place
    current, other = row & 1, 1 - (row & 1)
    count = 0
    if coder[0][DECODES] == 0:
        for z in range(1, 64):
            count += 1 if blocks[row, column, z] != 0 else 0
    upper, left = counts[other, column + 1], counts[current, column]
    if known & 2 == 0:
        upper = left
    if known & 1 == 0:
        left = upper
    if has_twin:
        twin = twin_counts[row, column]
    else:
        twin = (counts[other, column] + counts[other, column + 2] + 1) >> 1
    count = code_count(coder, upper, left, twin, count)
    counts[current, column + 1] = count
    return count


def code_ac(
    coder: Coder,
    work: Array,
    plane: Any,
    lines: Any,
    place: Any,
    slope: Integer,
    has_twin: Integer,
    count: Integer,
) -> None:
    """Code the coefficients besides DC, in zigzag order, until no other is left."""
    numbers, words, constants, probabilities, weights = coder
    blocks, _, twins, _, steps, inverses, ratios = plane
    spreads, _, products, totals, _ = lines
    row, column, known = place
    mixed = square = 0
    k = 1
    while count > 0:
        z = constants[ORDER + k]
        place_level(constants, work, blocks, ratios, spreads, place, k, count)
        twin = twins[row, column, z] + 0 if has_twin else 0
        guess = predicted(constants, work, inverses, known, k)
        place_guesses(constants, work, guess, (twin * slope) >> 8, has_twin)
        value = blocks[row, column, z] + 0
        more = 1
        if count < 64 - k:
            more = 1 if value != 0 else 0
            more = code_level(numbers, words, constants, probabilities, weights, work, k, 0, more)
        if more:
            place_signs(constants, work, inverses, known, k, 0)
            value = code_value(
                numbers, words, constants, probabilities, weights, work, k, has_twin, value
            )
            count -= 1
            blocks[row, column, z] = value
            work[_MAGNITUDES + z] = abs(value)
            explain(constants, work, steps, k, value)
        mixed += 8 * value * twin
        square += twin * twin
        k += 1
    if has_twin:
        products[row & 1, column + 1, 0] = mixed
        products[row & 1, column + 1, 1] = square
        totals[0] += mixed - (totals[0] >> 5)
        totals[1] += square - (totals[1] >> 5)


def code_dc(
    coder: Coder,
    work: Array,
    plane: Any,
    place: Any,
    slope: Integer,
    has_twin: Integer,
    count: Integer,
) -> None:
    """Code DC, as the error of what the borders say now that the others are known."""
    numbers, words, constants, probabilities, weights = coder
    blocks, _, twins, _, steps, inverses, _ = plane
    row, column, known = place
    work[_LEVEL + 4] = 0  # stays without a twin
    guess = predicted(constants, work, inverses, known, 0)
    base = min(max((guess + 4) >> 3, -1024), 1023)
    twin = twin_of_dc(blocks, twins, place, slope) - 8 * base if has_twin and known else 0
    place_guesses(constants, work, guess - 8 * base, twin, has_twin)
    place_dc(constants, work, inverses, known, count)
    error = blocks[row, column, 0] - base
    more = 1 if error != 0 else 0
    if code_level(numbers, words, constants, probabilities, weights, work, 0, 0, more):
        place_signs(constants, work, inverses, known, 0, 8 * base)
        error = code_value(
            numbers, words, constants, probabilities, weights, work, 0, has_twin, error
        )
    else:
        error = 0
    value = base + error
    if value < -1024 or value > 1023:
        numbers[STATUS] = BAD_VALUE
        value = 0
    blocks[row, column, 0] = value
    explain(constants, work, steps, 0, value)


def code_row(
    coder: Coder, work: Array, plane: Any, lines: Any, row: Integer, has_twin: Integer
) -> None:
    """Code a row of blocks of a component."""
    _, coded, _, _, _, _, _ = plane
    _, _, products, totals, bottoms = lines
    for column in range(coded.shape[1]):
        if coded[row, column] == 0:
            skip_block(lines, row, column)
            continue
        known = 1 if column > 0 and coded[row, column - 1] else 0
        known += 2 if row > 0 and coded[row - 1, column] else 0
        place = (row, column, known)
        count = count_of(coder, plane, lines, place, has_twin)
        begin_block(work, bottoms, column, known)
        slope = slope_of(products, totals, row & 1, column) if has_twin else 256
        code_ac(coder, work, plane, lines, place, slope, has_twin, count)
        code_dc(coder, work, plane, place, slope, has_twin, count)
        end_block(work, lines, row, column)
        if coder[0][STATUS] != 0:
            return
