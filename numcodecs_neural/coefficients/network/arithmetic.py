"""Small functions of the context model, of sixteen blocks at once (SPEC.md, section 8.6).

No result leaves int32. Import it only when coefficients are coded, since it imports numba.
"""

from numcodecs_neural.coefficients.network.tables import OCTAVE
from numcodecs_neural.compilation import Integer, inlined
from numcodecs_neural.vectors import (
    FLOATS,
    INT32S,
    add,
    bits_of,
    both,
    either,
    floats_of,
    magnitude,
    maximum,
    minimum,
    mul,
    select,
    shift_left,
    shift_right,
    splat32,
    subtract,
    types,
)

__all__ = [
    "COMPANDED_LIMIT",
    "MAGNITUDE_LIMIT",
    "NOTHING",
    "clamped",
    "companded",
    "doubled",
    "gate_of",
    "level_of",
    "log2_of",
    "log2_of_floats",
    "paired",
    "rounded",
    "scaled",
    "spread_of",
]

NOTHING = -115
"""The level of magnitudes that are all zero."""
COMPANDED_LIMIT, MAGNITUDE_LIMIT = 300, 12800
_STEEPNESS = 23  # units of a level or companded value to an octave
_DIFFERENCE_LIMIT, _STEPS_LIMIT = (1 << 17) - 1, (1 << 15) - 1


@inlined(INT32S, INT32S, types.int64)
def clamped(vector: Integer, limit: Integer) -> Integer:
    """Return what lies within ``[-limit, limit]``."""
    return minimum(maximum(vector, splat32(-limit)), splat32(limit))


@inlined(INT32S, INT32S, types.int64)
def rounded(vector: Integer, shift: Integer) -> Integer:
    """Return ``vector / 2^shift``, rounded; the shift is at least 1."""
    return shift_right(add(vector, splat32(1 << (shift - 1))), splat32(shift))


@inlined(INT32S, FLOATS)
def log2_of_floats(values: Integer) -> Integer:
    """Return 256 log2 of floats of at least 1, by a parabola through each octave."""
    eighths = shift_right(bits_of(values), splat32(15))
    mantissa = both(eighths, splat32(255))
    bend = mul(mul(mantissa, subtract(splat32(256), mantissa)), splat32(11))
    return add(subtract(eighths, splat32(127 << 8)), shift_right(bend, splat32(13)))


@inlined(INT32S, INT32S)
def log2_of(values: Integer) -> Integer:
    """Return 256 log2 of positive integers."""
    return log2_of_floats(floats_of(values))


@inlined(INT32S, INT32S)
def companded(values: Integer) -> Integer:
    """Return logarithms, with their signs, of coefficients in sixteenths."""
    logs = subtract(log2_of(add(magnitude(values), splat32(64))), splat32(1536))
    size = shift_right(add(mul(logs, splat32(_STEEPNESS)), splat32(128)), splat32(8))
    size = minimum(size, splat32(COMPANDED_LIMIT))
    return select(values, subtract(splat32(0), size), size)


@inlined(INT32S, INT32S, types.int64, types.int64)
def level_of(energy: Integer, size: Integer, log: Integer) -> Integer:
    """Return logarithms of mean magnitudes of a group, from the sums of its magnitudes.

    `size` is how many a group has, and `log` is 256 log2 of that. Both are larger where magnitudes
    count finer fractions of steps.
    """
    logs = subtract(log2_of(add(energy, splat32(size))), splat32(log + 1280))
    return shift_right(add(mul(logs, splat32(_STEEPNESS)), splat32(128)), splat32(8))


@inlined(INT32S, INT32S)
def gate_of(outputs: Integer) -> Integer:
    """Return 4096 times the logistic function of outputs in 1/256, by a polynomial within 4."""
    z = clamped(outputs, 1024)
    square = shift_right(mul(z, z), splat32(8))
    inner = subtract(splat32(918), shift_right(mul(square, splat32(27)), splat32(8)))
    slope = subtract(splat32(3969), shift_right(mul(square, inner), splat32(10)))
    return add(splat32(2048), shift_right(mul(z, slope), splat32(10)))


@inlined(INT32S, INT32S, INT32S)
def spread_of(scales: Integer, shifts: Integer) -> Integer:
    """Return what outputs, counting scales in 1/256, are in 1/32 of a step.

    `scales` are numbers of log-scales, `shifts` outputs.
    """
    octaves = shift_right(mul(subtract(scales, splat32(28)), splat32(OCTAVE)), splat32(7))
    mantissa = add(splat32(256), both(octaves, splat32(255)))
    product = mul(clamped(shifts, 2047), mantissa)
    return shift_right(product, subtract(splat32(11), shift_right(octaves, splat32(8))))


@inlined(INT32S, INT32S, types.int64, types.int64)
def scaled(differences: Integer, factor: Integer, shift: Integer) -> Integer:
    """Return dequantised differences, in sixteenths, as sixteenths of a step."""
    product = mul(clamped(differences, _DIFFERENCE_LIMIT), splat32(factor))
    return clamped(rounded(product, shift), _STEPS_LIMIT)


@inlined(INT32S, INT32S)
def doubled(values: Integer) -> Integer:
    """Return the magnitudes of sixteenths of a step in 1/32, limited."""
    return minimum(shift_left(magnitude(values), splat32(1)), splat32(MAGNITUDE_LIMIT))


@inlined(INT32S, INT32S, INT32S)
def paired(low: Integer, high: Integer) -> Integer:
    """Return pairs of int16, as `vectors.lane_products` takes them."""
    return either(both(low, splat32(0xFFFF)), shift_left(high, splat32(16)))
