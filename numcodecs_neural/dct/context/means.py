"""The constant part of a block, predicted from the edges of its neighbours and its own details.

Pixels go on across a block's border. What a block looks like at its upper and left edge is known
but for its constant part, and so is what the blocks above and left look like there: the constant
part is the one that makes them meet. Both are sums over the coefficients of a block's first column
and first row alone, so the prediction is a weighted sum of those.
"""

from numcodecs_neural.compilation import Integer, inlined, readable
from numcodecs_neural.dct.context.kernels import SHORTS, STATE
from numcodecs_neural.dct.context.limits import EDGES
from numcodecs_neural.vectors import types

__all__ = ["edges_of", "eighths_of", "mean_of", "note_constant", "with_other_axes"]

OWN, BELOW, RIGHT, CONSTANT = range(EDGES)

WEIGHTS = 4 * 16
"""Of the column above, the own column, the row to the left and the own row; then come those of the
constant parts of four neighbours, and of what other axes missed."""
CORNERS = WEIGHTS
OTHERS = WEIGHTS + 4

_LIMIT = 32767
_INT = types.int64
_SHORTS = readable(types.int16)
_VALUES = readable(types.int64)


@inlined(_INT, _INT, _INT)
def _limited(symbol: Integer, step: Integer) -> Integer:
    return min(max(symbol * step, -_LIMIT), _LIMIT)


@inlined(_INT, _INT, _INT, _INT, _INT, _INT, SHORTS, _VALUES, _VALUES)
def _turned(
    axis: Integer,
    axes: Integer,
    place: Integer,
    block: Integer,
    is_low: Integer,
    coefficients: Integer,
    steps: Integer,
    turn: Integer,
) -> Integer:
    """Return a coefficient times its step, in an axis of low frequencies."""
    at = block * axes * 256 + place
    if is_low:
        return _limited(coefficients[at + 256 * axis], steps[256 * axis + place])
    total = 0
    for other in range(axes):
        value = _limited(coefficients[at + 256 * other], steps[256 * other + place])
        total += turn[axis * axes + other] * value
    return (total + 4096) >> 13


@inlined(types.void, _INT, _INT, _INT, SHORTS, _VALUES, _VALUES, _VALUES, STATE)
def add_edges(
    block: Integer,
    k: Integer,
    axes: Integer,
    coefficients: Integer,
    steps: Integer,
    turn: Integer,
    weights: Integer,
    edges: Integer,
) -> None:
    """Add to a block's sums what its coefficients (k, 0) and (0, k) give."""
    is_low = k < 4 or axes == 1
    for axis in range(axes):
        w, at = axis * (OTHERS + 3) + k, (block * axes + axis) * EDGES
        down = _turned(axis, axes, 16 * k, block, is_low, coefficients, steps, turn)
        across = _turned(axis, axes, k, block, is_low, coefficients, steps, turn)
        edges[at + OWN] += weights[w + 16] * down + weights[w + 48] * across
        edges[at + BELOW] += weights[w] * down
        edges[at + RIGHT] += weights[w + 32] * across


@inlined(types.UniTuple(_INT, 3), _INT, SHORTS, _INT, _VALUES, _VALUES)
def _three_turned(
    k: Integer, coefficients: Integer, at: Integer, steps: Integer, turn: Integer
) -> Integer:
    """Do what `_turned` does for the place `at` of a block in all of three axes."""
    place = at % 256
    first = _limited(coefficients[at], steps[place])
    second = _limited(coefficients[at + 256], steps[place + 256])
    third = _limited(coefficients[at + 512], steps[place + 512])
    if k < 4:
        return first, second, third
    return (
        (turn[0] * first + turn[1] * second + turn[2] * third + 4096) >> 13,
        (turn[3] * first + turn[4] * second + turn[5] * third + 4096) >> 13,
        (turn[6] * first + turn[7] * second + turn[8] * third + 4096) >> 13,
    )


@inlined(types.void, _INT, SHORTS, _VALUES, _VALUES, _VALUES, STATE)
def _add_edges_of_colours(
    block: Integer,
    coefficients: Integer,
    steps: Integer,
    turn: Integer,
    weights: Integer,
    edges: Integer,
) -> None:
    """Do for three axes at once what `add_edges` does: each coefficient is read once."""
    at, to = block * 768, block * 3 * EDGES
    for k in range(1, 16):
        column, row = at + 16 * k, at + k
        is_any = coefficients[column] | coefficients[column + 256] | coefficients[column + 512]
        is_any |= coefficients[row] | coefficients[row + 256] | coefficients[row + 512]
        if is_any:
            down = _three_turned(k, coefficients, column, steps, turn)
            across = _three_turned(k, coefficients, row, steps, turn)
            for axis in range(3):
                w, place = axis * (OTHERS + 3) + k, to + axis * EDGES
                edges[place + OWN] += weights[w + 16] * down[axis] + weights[w + 48] * across[axis]
                edges[place + BELOW] += weights[w] * down[axis]
                edges[place + RIGHT] += weights[w + 32] * across[axis]


@inlined(types.void, _INT, _INT, _INT, SHORTS, _VALUES, _VALUES, _VALUES, STATE)
def edges_of(
    rows: Integer,
    columns: Integer,
    axes: Integer,
    coefficients: Integer,
    steps: Integer,
    turn: Integer,
    weights: Integer,
    edges: Integer,
) -> None:
    """Sum the details of the first row and column of each block.

    Parameters
    ----------
    rows, columns, axes : int
    coefficients : (blocks, axes, 256) int16, flat
    steps : (axes, 256) int64, flat
        In eighths of a grey level.
    turn : (axes, axes) int64, flat
        From the axes of high frequencies to those of low ones, in 2**-13.
    weights : (axes, 71) int64, flat
        In 2**-10.
    edges : (blocks, axes, 4) int64, flat
    """
    edges[:] = 0
    for block in range(rows * columns):
        at = block * axes * 256
        if axes == 3:
            _add_edges_of_colours(block, coefficients, steps, turn, weights, edges)
            continue
        for k in range(1, 16):
            is_any = 0
            for axis in range(axes):
                is_any |= coefficients[at + 256 * axis + 16 * k] | coefficients[at + 256 * axis + k]
            if is_any:
                add_edges(block, k, axes, coefficients, steps, turn, weights, edges)


@inlined(_INT, _INT, _INT, _INT, _INT, _INT, _VALUES, STATE)
def mean_of(
    row: Integer,
    column: Integer,
    columns: Integer,
    axis: Integer,
    axes: Integer,
    weights: Integer,
    edges: Integer,
) -> Integer:
    """Return what a block's constant part is expected to be, in eighths of a level by 2**-10.

    Without what earlier axes of the same block missed.
    """
    w = axis * (OTHERS + 3)
    stride = axes * EDGES
    at = ((row * columns + column) * axes + axis) * EDGES
    expected = edges[at + OWN]
    above = at - columns * stride
    if row:
        constant = edges[above + CONSTANT]
        expected += edges[above + BELOW] + (weights[w] + weights[w + CORNERS + 1]) * constant
        if column:
            expected += weights[w + CORNERS] * edges[above - stride + CONSTANT]
        if column + 1 < columns:
            expected += weights[w + CORNERS + 2] * edges[above + stride + CONSTANT]
    if column:
        constant = edges[at - stride + CONSTANT]
        expected += edges[at - stride + RIGHT]
        expected += (weights[w + 32] + weights[w + CORNERS + 3]) * constant
    return expected


@inlined(_INT, _INT, _INT, _INT, _INT, _VALUES, STATE)
def with_other_axes(
    expected: Integer,
    block: Integer,
    axis: Integer,
    axes: Integer,
    weights: Integer,
    missed: Integer,
) -> Integer:
    """Add what earlier axes of the same block say: where they were missed, this one is too."""
    w = axis * (OTHERS + 3) + OTHERS
    for other in range(axis):
        expected += (weights[w + other] * missed[block * axes + other]) >> 10
    return expected


@inlined(_INT, _INT, _INT)
def eighths_of(expected: Integer, step: Integer) -> Integer:
    """Return an expected constant part in eighths of its step, rounded."""
    return (8 * expected + (step << 9)) // (step << 10)


@inlined(types.void, _INT, _INT, _INT, _INT, _INT, _INT, STATE, STATE)
def note_constant(
    symbol: Integer,
    expected: Integer,
    step: Integer,
    block: Integer,
    axis: Integer,
    axes: Integer,
    edges: Integer,
    missed: Integer,
) -> None:
    """Keep a constant part for what comes after it."""
    value = _limited(symbol, step)
    edges[(block * axes + axis) * EDGES + CONSTANT] = value
    missed[block * axes + axis] = (value << 10) - expected
