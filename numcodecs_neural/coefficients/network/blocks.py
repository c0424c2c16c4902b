"""The context model: goes over the blocks of a component, and codes each symbol (SPEC.md, 8.6).

The same kernels serve both directions, so that what is encoded is what will be decoded. They are
long where numba needs it: what they share lies in `state`, by name. Import it only when
coefficients are coded, since it imports numba.
"""

import numpy as np
from numba import typeof, types
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.arithmetic import (
    NOTHING,
    add_product,
    add_products,
    clamped,
    companded,
    level_of,
    log2_of,
    outline,
    regress,
)
from numcodecs_neural.coefficients.network.layers import (
    add_row,
    find,
    multiply,
    rectify,
    rescale,
)
from numcodecs_neural.coefficients.network.limits import ROWS
from numcodecs_neural.coefficients.network.order import (
    AC_PASSES,
    COMPLETE,
    COMPLETED,
    GROUP,
    GROUPS,
    ORDER,
    PASS_START,
    STEERED,
    TARGET_COUNT,
    TARGET_INPUT,
    TARGETS,
    VISIBLE,
    VISIBLE_COUNT,
)
from numcodecs_neural.coefficients.network.prepared import Prepared
from numcodecs_neural.coefficients.network.state import Block, Layers, Rows, new_block, new_rows
from numcodecs_neural.coefficients.network.statuses import (
    DONE,
    OUT_OF_RANGE,
    POSITION,
    STATUS,
    TOO_MANY_STEPS,
)
from numcodecs_neural.coefficients.network.symbols import MAX_STEPS, code_flag, code_symbol
from numcodecs_neural.coefficients.network.tables import (
    EXPONENTIAL,
    EXTRAPOLATED,
    GATE,
    LOG_SCALE_ZERO,
    LOG_SCALES,
    OUTERMOST,
    RATES,
    ZERO_PROBABILITY,
)
from numcodecs_neural.coefficients.network.twins import FEATURE_LIMIT
from numcodecs_neural.compilation import Integer, compiled, inlined, readable
from numcodecs_neural.jpeg.description import MAX_COEFFICIENT

__all__ = ["code_blocks", "prepared_type"]

(
    _UP,
    _LEFT,
    _UP_RIGHT,
    _W_ROW,
    _W,
    _N_ROW,
    _N,
    _NW_ROW,
    _NW,
    _NE_ROW,
    _NE,
    _WW_ROW,
    _WW,
    _NN_ROW,
    _NN,
    _THIS_ROW,
) = range(16)
_DC_N, _DC_W, _DC_NW, _DC_NE = range(4)

# No integer here leaves 2^62, and no float64 2^53. Coefficients have 11 bits and steps 16, weights
# of means and magnitudes at most 2^15, gates 2^13. In sixteenths, a difference of DC that is not
# clamped stays below 2^32, and all else that goes into a mean below 2^31: with its weights below
# 2^48, with its gate below 2^61. A magnitude of 12800 times its step is below 2^30, so a sum of
# magnitudes, floor included, is below 2^51. A twin is below 2^18 sixteenths of a step; a block has
# 63 products of it with symbols, and sums of ten blocks times 2^14 are divided: below 2^53.
_DC_PASS = AC_PASSES
_TO_BORDER = 11586
"""2^24 over the first entry of `EXTRAPOLATED`, and of `OUTERMOST`."""
_MEAN_LIMIT = 1 << 36
_GUESS_LIMIT = 1 << 40
_MAGNITUDE_LIMIT = 12800
_STEERED = STEERED.astype(np.int64)
_ORDER, _GROUP, _TARGETS, _TARGET_INPUT = (
    table.astype(np.uint8) for table in (ORDER, GROUP, TARGETS, TARGET_INPUT)
)
"""Unsigned: no look-up by these need ask whether an index counts from the end."""
_VISIBLE = np.pad(VISIBLE, [(0, 0), (0, -GROUPS % ROWS)], constant_values=GROUPS)

_rows, _block = typeof(new_rows(1)), typeof(new_block())
_layers = types.NamedTuple([*[types.float32[::1]] * 5, *[types.uint16[::1]] * 2], Layers)
_blocks = types.int16[:, :, ::1]
_twins = readable(types.int32, 4)
_progress, _words, _steps = types.int64[::1], readable(types.uint16), types.int32[:, ::1]


def _prepared_type() -> types.Type:
    two, three = (types.Array(types.float32, ndim, "C") for ndim in (2, 3))
    doubles = types.Array(types.float64, 2, "C"), types.Array(types.float64, 3, "C")
    integers = types.Array(types.int64, 1, "C"), types.Array(types.int64, 2, "C")
    fields = {
        **dict.fromkeys(("trunk", "signed", "bias", "layer_bias", "head_bias"), two),
        **dict.fromkeys(("scale1", "scale2", "scale3"), two),
        **dict.fromkeys(("own", "layer", "heads"), three),
        **dict.fromkeys(("exponent", "mean", "mix"), integers[1]),
        **dict.fromkeys(("offset", "ratio", "steps", "inverse16", "inverse24"), integers[0]),
        "floor": doubles[0],
        "magnitude": doubles[1],
    }
    return types.NamedTuple([fields[name] for name in Prepared._fields], Prepared)


prepared_type = _prepared_type()


@inlined(types.int64, types.float32, types.int64, types.int64)
def _looked_up(output: np.float32, zero: Integer, size: Integer) -> Integer:
    """Return the place of an output, in 1/256, in a table of steps of 1/32."""
    return min(max((np.int64(output) >> 3) + zero, 0), size - 1)


@inlined(types.void, _rows, _block, prepared_type, _twins, types.int64)
def _read_twins(
    rows: Rows, block: Block, net: Prepared, twins: NDArray[np.int32], y: Integer
) -> None:
    """Note borders and levels of a row of the twins."""
    values, energy = block.values, block.energy
    for c in range(twins.shape[0]):
        for x in range(twins.shape[2]):
            energy[:] = 0
            for k in range(64):
                values[k] = twins[c, y, x, k]
            for k in range(1, 64):
                size = np.int64(abs(values[k]))
                energy[_GROUP[k]] += (size * 2 * net.inverse16[k] + 32768) >> 16
            outline(values, rows.twin_border[c, y % 3, x])
            for group in range(GROUPS):
                rows.twin_level[c, y % 3, x, group] = level_of(energy[group], group, 0)


@inlined(types.void, _block, _blocks, types.int64, types.int64, types.int64)
def _look_around(
    block: Block, blocks: NDArray[np.int16], step: Integer, y: Integer, x: Integer
) -> None:
    """Find the neighbours; where there is none, another stands for it, or nothing."""
    place = block.place
    columns = blocks.shape[1]
    this, above, far_above = y % 3, (y + 2) % 3, (y + 1) % 3
    up, left = y > 0, x > 0
    up_right = up and x < columns - 1
    place[_UP], place[_LEFT], place[_UP_RIGHT], place[_THIS_ROW] = up, left, up_right, this
    if up:
        place[_N_ROW], place[_N] = above, x
    else:
        place[_N_ROW], place[_N] = this, x - 1 if left else columns
    if left:
        place[_W_ROW], place[_W] = this, x - 1
    else:
        place[_W_ROW], place[_W] = place[_N_ROW], place[_N]
    place[_NW_ROW], place[_NW] = place[_N_ROW], x - 1 if up and left else place[_N]
    place[_NE_ROW], place[_NE] = place[_N_ROW], x + 1 if up_right else place[_N]
    place[_WW_ROW], place[_WW] = place[_W_ROW], x - 2 if x > 1 else place[_W]
    place[_NN_ROW], place[_NN] = far_above if y > 1 else place[_N_ROW], place[_N]

    north = blocks[y - 1, x, 0] * step if up else np.int64(0)
    west = blocks[y, x - 1, 0] * step if left else np.int64(0)
    north_west = north if up else west
    north_east = north
    if up and left:
        north_west = blocks[y - 1, x - 1, 0] * step
    if up_right:
        north_east = blocks[y - 1, x + 1, 0] * step
    if not up:
        north = north_east = west
    if not left:
        west = north
    dc = block.dc
    dc[_DC_N], dc[_DC_W], dc[_DC_NW], dc[_DC_NE] = north, west, north_west, north_east


@inlined(types.int64, _rows, _block, _layers, prepared_type, _blocks, types.int64, types.int64)
def _see_own(
    rows: Rows,
    block: Block,
    layers: Layers,
    net: Prepared,
    blocks: NDArray[np.int16],
    y: Integer,
    x: Integer,
) -> Integer:
    """Write what the trunk sees of the component itself; return how much that is."""
    inputs, place, energy = layers.inputs, block.place, block.energy
    columns, this = blocks.shape[1], place[_THIS_ROW]
    at = 0
    for neighbour in range(6):
        row, column = place[_W_ROW + 2 * neighbour], place[_W + 2 * neighbour]
        for group in range(GROUPS):
            inputs[at + group] = rows.level[row, column, group]
        at += GROUPS
    energy[:] = 0
    for k in range(64):
        energy[_GROUP[k]] += rows.running[k] >> 10
    for group in range(GROUPS):
        inputs[at + group] = level_of(energy[group], group, 5)
    at += GROUPS

    north, west = block.dc[_DC_N], block.dc[_DC_W]
    north_west, north_east = block.dc[_DC_NW], block.dc[_DC_NE]
    n_row, n = (place[_N_ROW], x) if place[_UP] else (this, columns)
    w = x - 1 if place[_LEFT] else columns
    mean_n = (EXTRAPOLATED[0] * north + 128) >> 8 if place[_UP] else np.int64(0)
    mean_w = (EXTRAPOLATED[0] * west + 128) >> 8 if place[_LEFT] else np.int64(0)
    for u in range(8):
        above = companded(rows.border[n_row, n, u] - mean_n)
        beside = companded(rows.border[this, w, 16 + u] - mean_w)
        mean_n = mean_w = np.int64(0)
        inputs[at + u], inputs[at + 8 + u] = abs(above), abs(beside)
        inputs[at + 20 + u], inputs[at + 28 + u] = above, beside
    along, down = companded((west - north_west) * 8), companded((north - north_west) * 8)
    right, across = companded((north_east - north) * 8), companded((north - west) * 8)
    inputs[at + 16], inputs[at + 17] = abs(along), abs(down)
    inputs[at + 18], inputs[at + 19] = abs(right), abs(across)
    inputs[at + 36], inputs[at + 37] = along, down
    inputs[at + 38], inputs[at + 39] = right, across
    at += 40
    for neighbour in range(4):
        row, column = place[_W_ROW + 2 * neighbour], place[_W + 2 * neighbour]
        inputs[at] = inputs[at + 1] = 0
        if column < columns:
            block_y = y if row == this else y - 1
            inputs[at] = companded(blocks[block_y, column, 1] * net.steps[1] * 16)
            inputs[at + 1] = companded(blocks[block_y, column, 8] * net.steps[8] * 16)
        at += 2
    for flag in range(3):
        inputs[at + flag] = 0 if place[_UP + flag] else 64
    inputs[at + 3] = 1024 // (16 + y * columns + x)
    return at + 4


@inlined(
    types.void,
    _rows,
    _block,
    _layers,
    prepared_type,
    _twins,
    types.int64,
    types.int64,
    types.int64,
)
def _see_twins(
    rows: Rows,
    block: Block,
    layers: Layers,
    net: Prepared,
    twins: NDArray[np.int32],
    y: Integer,
    x: Integer,
    at: Integer,
) -> None:
    """Write what the trunk sees of the twins, and begin the regression on them."""
    inputs, this = layers.inputs, block.place[_THIS_ROW]
    others, height, columns = twins.shape[0], twins.shape[1], twins.shape[2]
    up, left, up_right = block.place[_UP], block.place[_LEFT], block.place[_UP_RIGHT]
    above, far_above = (y + 2) % 3, (y + 1) % 3
    north, south = above if up else this, (y + 1) % 3 if y < height - 1 else this
    west, east = x - 1 if left else x, x + 1 if x < columns - 1 else x
    for group in range(GROUPS):
        inputs[at + group] = rows.twin_level[0, this, x, group]
        inputs[at + GROUPS + group] = rows.twin_level[0, north, x, group]
        inputs[at + 2 * GROUPS + group] = rows.twin_level[0, this, west, group]
        inputs[at + 3 * GROUPS + group] = rows.twin_level[0, south, x, group]
        inputs[at + 4 * GROUPS + group] = rows.twin_level[0, this, east, group]
        if others == 2:
            inputs[at + 5 * GROUPS + group] = rows.twin_level[1, this, x, group]
    at += (4 + others) * GROUPS
    for i in range(5):
        total = np.int64(0)
        if left:
            total += 2 * rows.sums[this, x - 1, i]
        if up:
            total += 2 * rows.sums[above, x, i]
        if up and left:
            total += rows.sums[above, x - 1, i]
        if up_right:
            total += rows.sums[above, x + 1, i]
        if x > 1:
            total += rows.sums[this, x - 2, i]
        if y > 1:
            total += rows.sums[far_above, x, i]
        block.around[i] = total
    regress(block.around, others, block.slopes)
    block.inside[:] = 0
    block.twin_known[:] = 0
    for c in range(others):
        inputs[at] = block.slopes[c] >> 4
        log = log2_of(np.float64(block.around[2 + c] + 256)) - 2048
        inputs[at + 1] = min((log + 8) >> 4, 511)
        at += 2
        for k in range(64):
            value = np.floor(twins[c, y, x, k] * net.inverse24[k] * 2.0**-24 + 0.5)
            block.scaled[c, k] = min(max(value, -262144.0), 262144.0)
        for k in range(64):
            block.squares[c, k] = block.scaled[c, k] * block.scaled[c, k]
    if others == 2:
        for k in range(64):
            block.squares[2, k] = block.scaled[0, k] * block.scaled[1, k]


@inlined(types.void, _block, types.int64)
def _regress_again(block: Block, others: Integer) -> None:
    """Bring the slopes up to date with what is decoded of the block."""
    for i in range(5):
        block.both[i] = block.around[i] + 2 * block.inside[i]
    regress(block.both, others, block.slopes)


@inlined(types.void, _layers, _block, prepared_type, types.int64, types.int64)
def _run_layers(
    layers: Layers, block: Block, net: Prepared, number: Integer, count: Integer
) -> None:
    """Compute the outputs of a pass."""
    sums, outputs = layers.sums, layers.outputs
    for j in range(sums.size):
        sums[j] = layers.accumulator[j] + net.bias[number, j]
    visible, found = _VISIBLE[number], VISIBLE_COUNT[number]
    multiply(block.level, visible, found, net.own[number], sums.size, sums)
    rectify(sums, net.scale1[number], layers.activations)
    for j in range(sums.size):
        sums[j] = net.layer_bias[number, j]
    found = find(layers.activations, layers.places)
    multiply(layers.activations, layers.places, found, net.layer[number], sums.size, sums)
    rectify(sums, net.scale2[number], layers.activations)
    for j in range(outputs.size):
        outputs[j] = net.head_bias[number, j]
    found = find(layers.activations, layers.places)
    multiply(layers.activations, layers.places, found, net.heads[number], count, outputs)
    rescale(outputs, net.scale3[number], count)


@inlined(types.void, _rows, _block, prepared_type, _twins, types.int64, types.int64)
def _begin_sums(
    rows: Rows, block: Block, net: Prepared, twins: NDArray[np.int32], y: Integer, x: Integer
) -> None:
    """Add up, for all coefficients, the magnitudes that lie outside of the block."""
    place, sums, weights, spare = block.place, block.sums, net.magnitude, block.spare
    for j in range(3):
        for k in range(64):
            sums[j, k] = net.floor[j, k]
        for neighbour in range(0, 6, 2):
            row, column = place[_W_ROW + 2 * neighbour], place[_W + 2 * neighbour]
            other_row, other = place[_W_ROW + 2 * neighbour + 2], place[_W + 2 * neighbour + 2]
            first, second = rows.magnitude[row, column], rows.magnitude[other_row, other]
            add_products(sums, j, weights, 6 + neighbour, first, second)
    west, north = rows.spread[place[_W_ROW], place[_W]], rows.spread[place[_N_ROW], place[_N]]
    running = block.running
    for k in range(64):
        spare[k] = west[k] + north[k]
        running[k] = rows.running[k] >> 12
    for j in range(3):
        add_products(sums, j, weights, 12, spare, running)
    for c in range(twins.shape[0]):
        for k in range(64):
            spare[k] = 2.0 * abs(np.float64(twins[c, y, x, k]))
        for j in range(3):
            add_product(sums, j, weights, 19 if c else 16, spare)


@inlined(types.int64, prepared_type, types.int64, types.int64, types.int64)
def _mean_in_sixteenths(net: Prepared, k: Integer, mean: Integer, offset: Integer) -> Integer:
    """Return a mean, in 2^-16 of a dequantised unit, in sixteenths of a step."""
    limited = clamped(mean, _MEAN_LIMIT)
    return clamped(((limited * net.inverse24[k] + (1 << 35)) >> 36) + offset, 1 << 18)


@inlined(
    types.int64,
    types.int64,
    _rows,
    _block,
    _layers,
    prepared_type,
    _blocks,
    _twins,
    types.int64,
    types.int64,
    types.int64,
    _progress,
    _words,
    _steps,
)
def _code_pass(
    decodes: Integer,
    rows: Rows,
    block: Block,
    layers: Layers,
    net: Prepared,
    blocks: NDArray[np.int16],
    twins: NDArray[np.int32],
    y: Integer,
    x: Integer,
    number: Integer,
    progress: NDArray[np.int64],
    words: NDArray[np.uint16],
    steps: NDArray[np.int32],
) -> Integer:
    """Code the AC coefficients of a pass; return a status."""
    others, first = twins.shape[0], PASS_START[number]
    count = PASS_START[number + 1] - first
    up, left, this = block.place[_UP] > 0, block.place[_LEFT] > 0, block.place[_THIS_ROW]
    above = (y + 2) % 3
    north_slope = (block.dc[_DC_NW] - block.dc[_DC_W]) * 16
    west_slope = (block.dc[_DC_NW] - block.dc[_DC_N]) * 16
    is_steered = _STEERED[number] > 0
    outputs, known, weights, mean_of = layers.outputs, block.known, net.magnitude, net.mean
    slope0, slope1, slope2 = block.slopes[0], block.slopes[1], block.slopes[2]
    for o in range(count):
        k = np.int64(_ORDER[first + o])
        u, v = k & 7, k >> 3
        size_n = size_w = jump_n = jump_w = sample_n = sample_w = third_n = third_w = np.int64(0)
        symbol_n: Integer = np.int64(blocks[y - 1, x, k]) if up else np.int64(0)
        symbol_w: Integer = np.int64(blocks[y, x - 1, k]) if left else np.int64(0)
        value_n, value_w = symbol_n * net.steps[k] * 16, symbol_w * net.steps[k] * 16
        if u == 0:
            jump_n, sample_n = value_n, north_slope
        elif up:
            jump = rows.border[above, x, u] - ((known[0, u] + 128) >> 8)
            jump_n = (jump * EXTRAPOLATED[v] + 2048) >> 12
            jump = rows.border[above, x, 8 + u] - ((known[1, u] + 128) >> 8)
            sample_n = (jump * OUTERMOST[v] + 2048) >> 12
            size_n = 2 * abs(jump_n)
        if v == 0:
            jump_w, sample_w = value_w, west_slope
        elif left:
            jump = rows.border[this, x - 1, 16 + v] - ((known[2, v] + 128) >> 8)
            jump_w = (jump * EXTRAPOLATED[u] + 2048) >> 12
            jump = rows.border[this, x - 1, 24 + v] - ((known[3, v] + 128) >> 8)
            sample_w = (jump * OUTERMOST[u] + 2048) >> 12
            size_w = 2 * abs(jump_w)
        if u and v:
            third_n, third_w = value_n, value_w
        elif up and left:  # the difference of both jumps, in which the unknown DC cancels
            border = rows.border[above, x, 0] - ((known[0, 0] + 128) >> 8)
            border -= rows.border[this, x - 1, 16] - ((known[2, 0] + 128) >> 8)
            sample = rows.border[above, x, 8] - ((known[1, 0] + 128) >> 8)
            sample -= rows.border[this, x - 1, 24] - ((known[3, 0] + 128) >> 8)
            if v == 0:
                border, sample = -border, -sample
            third_n = (border * EXTRAPOLATED[u + v] + 2048) >> 12
            third_w = (sample * OUTERMOST[u + v] + 2048) >> 12
            if u:
                size_w = 2 * abs(third_n)
            else:
                size_n = 2 * abs(third_n)
        from_n = mean_of[k, 0] * jump_n + mean_of[k, 2] * sample_n + mean_of[k, 4] * third_n
        from_w = mean_of[k, 1] * jump_w + mean_of[k, 3] * sample_w + mean_of[k, 5] * third_w
        sum0 = block.sums[0, k] + weights[0, 14, k] * size_n + weights[0, 15, k] * size_w
        sum1 = block.sums[1, k] + weights[1, 14, k] * size_n + weights[1, 15, k] * size_w
        sum2 = block.sums[2, k] + weights[2, 14, k] * size_n + weights[2, 15, k] * size_w
        from_twins = guess = first_twin = second_twin = np.int64(0)
        if others:
            first_twin = np.int64(twins[0, y, x, k])
            guess = slope0 * first_twin
            twin_n = twin_w = np.int64(0)
            if up:
                known_n = (block.twin_known[0, 0, u] + 2048) >> 12
                twin_n = slope0 * (rows.twin_border[0, above, x, u] - known_n)
            if left:
                known_w = (block.twin_known[0, 1, v] + 2048) >> 12
                twin_w = slope0 * (rows.twin_border[0, this, x - 1, 16 + v] - known_w)
            if others == 2:
                second_twin = np.int64(twins[1, y, x, k])
                guess += slope1 * second_twin
                if up:
                    known_n = (block.twin_known[1, 0, u] + 2048) >> 12
                    twin_n += slope1 * (rows.twin_border[1, above, x, u] - known_n)
                if left:
                    known_w = (block.twin_known[1, 1, v] + 2048) >> 12
                    twin_w += slope1 * (rows.twin_border[1, this, x - 1, 16 + v] - known_w)
                from_twins = mean_of[k, 9] * ((slope2 * second_twin + 512) >> 10)
            guess = (guess + 512) >> 10
            from_twins += mean_of[k, 6] * guess
            if u:
                jump = (((twin_n + 512) >> 10) * EXTRAPOLATED[v] + 2048) >> 12
                from_n += mean_of[k, 7] * jump
            if v:
                jump = (((twin_w + 512) >> 10) * EXTRAPOLATED[u] + 2048) >> 12
                from_w += mean_of[k, 8] * jump
            beside = symbol_w if left else symbol_n
            over = symbol_n if up else symbol_w
            both = np.float64(min(abs(beside), 400) + min(abs(over), 400))
            size = 2.0 * abs(guess)
            sum0 += weights[0, 17, k] * size + weights[0, 18, k] * both
            sum1 += weights[1, 17, k] * size + weights[1, 18, k] * both
            sum2 += weights[2, 17, k] * size + weights[2, 18, k] * both

        log_scale = net.offset[k] + (np.int64(outputs[o]) << 12)
        log_scale += net.exponent[k, 0] * log2_of(sum0) + net.exponent[k, 1] * log2_of(sum1)
        log_scale += net.exponent[k, 2] * log2_of(sum2)
        scale: Integer = ((log_scale + 65536) >> 17) + LOG_SCALE_ZERO
        scale = min(max(scale, 0), LOG_SCALES - 1)
        mean: Integer = from_n + from_w + from_twins
        offset: Integer = np.int64(0)
        if is_steered:
            mean = GATE[_looked_up(outputs[count + o], 256, 512)] * from_n
            mean += GATE[_looked_up(outputs[2 * count + o], 256, 512)] * from_w
            place = 3 * count
            if others:
                mean += GATE[_looked_up(outputs[place + o], 256, 512)] * from_twins
                place += count
            mean = (mean + 2048) >> 12
            offset = (np.int64(outputs[place + o]) * EXPONENTIAL[scale] + 32768) >> 16
        symbol = code_symbol(
            decodes,
            progress,
            words,
            steps,
            np.int64(blocks[y, x, k]),
            _mean_in_sixteenths(net, k, mean, offset),
            scale,
            net.ratio[k],
            net.mix[k, scale],
        )

        # From here on the coefficient is known.
        value = np.int64(0)
        if symbol:
            if abs(symbol) > MAX_COEFFICIENT:
                return OUT_OF_RANGE
            if decodes:
                blocks[y, x, k] = symbol
            value = clamped(symbol * net.steps[k], FEATURE_LIMIT)
            block.values[k] = value * 16
            add_row(layers.accumulator, np.float32(companded(value * 16)), net.signed, k)
            known[0, u] += EXTRAPOLATED[v] * value
            known[1, u] += OUTERMOST[v] * value
            known[2, v] += EXTRAPOLATED[u] * value
            known[3, v] += OUTERMOST[u] * value
        magnitude = 32 * min(abs(symbol), 400)
        if others:
            left_over = abs(value * 16 - guess)
            magnitude = min((left_over * 2 * net.inverse16[k] + 32768) >> 16, _MAGNITUDE_LIMIT)
            block.inside[0] += symbol * np.int64(block.scaled[0, k])
            block.inside[2] += np.int64(block.squares[0, k])
            block.twin_known[0, 0, u] += EXTRAPOLATED[v] * first_twin
            block.twin_known[0, 1, v] += EXTRAPOLATED[u] * first_twin
        if others == 2:
            block.inside[1] += symbol * np.int64(block.scaled[1, k])
            block.inside[3] += np.int64(block.squares[1, k])
            block.inside[4] += np.int64(block.squares[2, k])
            block.twin_known[1, 0, u] += EXTRAPOLATED[v] * second_twin
            block.twin_known[1, 1, v] += EXTRAPOLATED[u] * second_twin
        if magnitude:
            block.magnitude[k] = magnitude
            block.energy[_GROUP[k]] += magnitude
            size = np.float64(magnitude * net.steps[k])
            for t in range(TARGET_COUNT[k]):
                target, i = _TARGETS[k, t], _TARGET_INPUT[k, t]
                block.sums[0, target] += weights[0, i, target] * size
                block.sums[1, target] += weights[1, i, target] * size
                block.sums[2, target] += weights[2, i, target] * size
    return progress[STATUS]


@inlined(types.void, _block, prepared_type, _twins, types.int64, types.int64, types.int64)
def _skip_passes(
    block: Block, net: Prepared, twins: NDArray[np.int32], y: Integer, x: Integer, number: Integer
) -> None:
    """Note what follows from zeros in all passes from one on."""
    others = twins.shape[0]
    if others == 0:
        return
    for rank in range(PASS_START[number], PASS_START[_DC_PASS]):
        k = np.int64(_ORDER[rank])
        guess = block.slopes[0] * np.int64(twins[0, y, x, k])
        block.inside[2] += np.int64(block.squares[0, k])
        if others == 2:
            guess += block.slopes[1] * np.int64(twins[1, y, x, k])
            block.inside[3] += np.int64(block.squares[1, k])
            block.inside[4] += np.int64(block.squares[2, k])
        left_over = abs((guess + 512) >> 10)
        magnitude = min((left_over * 2 * net.inverse16[k] + 32768) >> 16, _MAGNITUDE_LIMIT)
        block.magnitude[k] = magnitude
        block.energy[_GROUP[k]] += magnitude


@inlined(
    types.int64,
    types.int64,
    _rows,
    _block,
    _layers,
    prepared_type,
    _blocks,
    _twins,
    types.int64,
    types.int64,
    _progress,
    _words,
    _steps,
)
def _code_dc(
    decodes: Integer,
    rows: Rows,
    block: Block,
    layers: Layers,
    net: Prepared,
    blocks: NDArray[np.int16],
    twins: NDArray[np.int32],
    y: Integer,
    x: Integer,
    progress: NDArray[np.int64],
    words: NDArray[np.uint16],
    steps: NDArray[np.int32],
) -> Integer:
    """Code the DC coefficient, when all others are known; return a status."""
    others, place, known = twins.shape[0], block.place, block.known
    up, left, this, above = place[_UP] > 0, place[_LEFT] > 0, place[_THIS_ROW], (y + 2) % 3
    count = 5 if others else 4
    if others:
        _regress_again(block, others)
    _run_layers(layers, block, net, _DC_PASS, count)
    outputs, mean_of, weights = layers.outputs, net.mean, net.magnitude
    border_n = border_w = sample_n = sample_w = np.int64(0)
    if up:
        jump = rows.border[above, x, 0] - ((known[0, 0] + 128) >> 8)
        border_n = (jump * _TO_BORDER + 2048) >> 12
        jump = rows.border[above, x, 8] - ((known[1, 0] + 128) >> 8)
        sample_n = (jump * _TO_BORDER + 2048) >> 12
    if left:
        jump = rows.border[this, x - 1, 16] - ((known[2, 0] + 128) >> 8)
        border_w = (jump * _TO_BORDER + 2048) >> 12
        jump = rows.border[this, x - 1, 24] - ((known[3, 0] + 128) >> 8)
        sample_w = (jump * _TO_BORDER + 2048) >> 12
    if not up:
        border_n, sample_n = border_w, sample_w
    if not left:
        border_w, sample_w = border_n, sample_n
    base = (border_n + border_w) >> 1
    north, west = block.dc[_DC_N] * 16, block.dc[_DC_W] * 16
    north_west, north_east = block.dc[_DC_NW] * 16, block.dc[_DC_NE] * 16
    from_n = mean_of[0, 0] * (border_n - base) + mean_of[0, 2] * (sample_n - base)
    from_n += mean_of[0, 4] * (north - base)
    from_w = mean_of[0, 1] * (border_w - base) + mean_of[0, 3] * (sample_w - base)
    from_w += mean_of[0, 5] * (west + north - north_west - base)
    from_twins = np.int64(0)

    sizes = block.spare
    sizes[0], sizes[1] = 2 * abs(border_n - border_w), 2 * abs(sample_n - sample_w)
    sizes[2], sizes[3] = 2 * abs(west - north_west), 2 * abs(north - north_west)
    sizes[4], sizes[5] = 2 * abs(north - north_east), 2 * abs(west - north)
    for neighbour in range(6):
        row, column = place[_W_ROW + 2 * neighbour], place[_W + 2 * neighbour]
        sizes[6 + neighbour] = rows.magnitude[row, column, 0]
    total = 0.0
    for k in range(1, 64):
        total += abs(block.values[k])
    sizes[12] = abs(block.values[1]) + abs(block.values[8])
    sizes[13] = rows.running[0] >> 12
    sizes[14] = (np.int64(total) - np.int64(sizes[12])) >> 3
    sizes[15] = 2 * abs(border_n - sample_n + border_w - sample_w)
    sizes[16] = sizes[17] = sizes[18] = sizes[19] = 0
    if others:
        here = there_n = there_w = np.int64(0)
        for c in range(others):
            twin = np.int64(twins[c, y, x, 0])
            twin_n = np.int64(twins[c, y - 1, x, 0]) if up else twin
            twin_w = np.int64(twins[c, y, x - 1, 0]) if left else twin_n
            if not up:
                twin_n = twin_w
            here += block.slopes[c] * twin
            there_n += block.slopes[c] * twin_n
            there_w += block.slopes[c] * twin_w
        here, there_n, there_w = (here + 512) >> 10, (there_n + 512) >> 10, (there_w + 512) >> 10
        moved_n, moved_w = north + here - there_n, west + here - there_w
        middle = ((moved_n + moved_w) >> 1) - base
        from_twins = mean_of[0, 6] * middle
        from_n += mean_of[0, 7] * (moved_n - base)
        from_w += mean_of[0, 8] * (moved_w - base)
        sizes[16], sizes[17] = 2 * abs(middle), 2 * abs(moved_n - moved_w)
        sizes[18], sizes[19] = 2 * abs(here - there_n), 2 * abs(here - there_w)

    log_scale = net.offset[0] + (np.int64(outputs[0]) << 12)
    for j in range(3):
        summed = net.floor[j, 0]
        for i in range(20):
            summed += weights[j, i, 0] * sizes[i]
        log_scale += net.exponent[0, j] * log2_of(summed)
    scale = (log_scale + 65536) >> 17
    scale = min(max(scale + LOG_SCALE_ZERO, 0), LOG_SCALES - 1)
    mean = GATE[_looked_up(outputs[1], 256, 512)] * clamped(from_n, _GUESS_LIMIT)
    mean += GATE[_looked_up(outputs[2], 256, 512)] * clamped(from_w, _GUESS_LIMIT)
    if others:
        mean += GATE[_looked_up(outputs[3], 256, 512)] * clamped(from_twins, _GUESS_LIMIT)
    mean = ((mean + 2048) >> 12) + (base << 12)
    offset = (np.int64(outputs[count - 1]) * EXPONENTIAL[scale] + 32768) >> 16
    symbol = code_symbol(
        decodes,
        progress,
        words,
        steps,
        np.int64(blocks[y, x, 0]),
        _mean_in_sixteenths(net, 0, mean, offset),
        scale,
        net.ratio[0],
        net.mix[0, scale],
    )
    if not -MAX_COEFFICIENT - 1 <= symbol <= MAX_COEFFICIENT:
        return OUT_OF_RANGE
    if decodes:
        blocks[y, x, 0] = symbol
    value = clamped(symbol * net.steps[0], FEATURE_LIMIT) * 16
    block.values[0] = value
    left_over = abs(value - base)
    magnitude = min((left_over * 2 * net.inverse16[0] + 32768) >> 16, _MAGNITUDE_LIMIT)
    block.magnitude[0] = magnitude
    block.energy[0] = magnitude
    return progress[STATUS]


@inlined(types.void, _rows, _block, prepared_type, types.int64, types.int64, types.int64)
def _complete(
    rows: Rows, block: Block, net: Prepared, others: Integer, number: Integer, x: Integer
) -> None:
    """Note what later blocks see of this one, which has the given number."""
    this, padded = block.place[_THIS_ROW], block.spare
    for k in range(64):
        rows.magnitude[this, x, k] = block.magnitude[k]
    padded[:] = 0
    for k in range(1, 64):
        padded[11 + 10 * (k >> 3) + (k & 7)] = block.magnitude[k] * net.steps[k]
    for v in range(8):
        for u in range(8):
            at = 11 + 10 * v + u
            beside = padded[at - 1] + padded[at + 1] + padded[at - 10] + padded[at + 10]
            rows.spread[this, x, 8 * v + u] = beside
    for group in range(GROUPS):
        rows.level[this, x, group] = level_of(block.energy[group], group, 0)
    outline(block.values, rows.border[this, x])
    if others:
        for i in range(5):
            rows.sums[this, x, i] = block.inside[i]
    rate = RATES[min(number, RATES.size - 1)]
    for k in range(64):
        running = rows.running[k]
        rows.running[k] = running + (((block.magnitude[k] << 15) - running) * rate >> 16)


@inlined(types.void, _rows, types.int64, types.int64)
def _leave_out(rows: Rows, row: Integer, x: Integer) -> None:
    """Note that a block is not coded."""
    rows.magnitude[row, x, :] = 0
    rows.spread[row, x, :] = 0
    rows.level[row, x, :] = NOTHING
    rows.border[row, x, :] = 0
    rows.sums[row, x, :] = 0


@compiled(
    types.void,
    types.int64,
    prepared_type,
    _rows,
    _block,
    _layers,
    _blocks,
    readable(types.boolean, 2),
    _twins,
    _progress,
    _words,
    _steps,
    allocates=False,
)
def code_blocks(
    decodes: Integer,
    net: Prepared,
    rows: Rows,
    block: Block,
    layers: Layers,
    blocks: NDArray[np.int16],
    coded: NDArray[np.bool_],
    twins: NDArray[np.int32],
    progress: NDArray[np.int64],
    words: NDArray[np.uint16],
    steps: NDArray[np.int32],
) -> None:
    """Code a component, its blocks in raster order; `progress` holds a status afterwards.

    Parameters
    ----------
    decodes : int
        1 to read from `words`; 0 to collect `steps`.
    net : Prepared
    rows, block, layers
        As `state` makes them.
    blocks : ndarray, shape (rows, columns, 64)
        Coefficients: read, or written where they are not 0.
    coded : ndarray, shape (rows, columns)
        Which blocks are coded.
    twins : ndarray, shape (others, rows, columns, 64)
        What was decoded before, in sixteenths.
    progress, words, steps
        See `symbols`.
    """
    others, height, columns = twins.shape[0], blocks.shape[0], blocks.shape[1]
    most = 64 * MAX_STEPS + AC_PASSES
    if others:
        _read_twins(rows, block, net, twins, 0)
    for y in range(height):
        if others and y + 1 < height:
            _read_twins(rows, block, net, twins, y + 1)
        for x in range(columns):
            if not coded[y, x]:
                _leave_out(rows, y % 3, x)
                continue
            if not decodes and progress[POSITION] + most > steps.shape[0]:
                progress[STATUS] = TOO_MANY_STEPS
                return
            _look_around(block, blocks, net.steps[0], y, x)
            at = _see_own(rows, block, layers, net, blocks, y, x)
            if others:
                _see_twins(rows, block, layers, net, twins, y, x, at)
            layers.accumulator[:] = 0
            inputs, accumulator = layers.inputs, layers.accumulator
            multiply(
                inputs, layers.all_inputs, inputs.size, net.trunk, accumulator.size, accumulator
            )
            block.known[:] = 0
            block.values[:] = 0
            block.energy[:] = 0
            block.magnitude[:] = 0
            are_zero = 0
            for number in range(AC_PASSES):
                first, end = PASS_START[number], PASS_START[number + 1]
                if not are_zero:
                    per_symbol = 1
                    if _STEERED[number]:
                        per_symbol = 5 if others else 4
                    flag = (end - first) * per_symbol
                    _run_layers(layers, block, net, number, flag + 1)
                    probability = ZERO_PROBABILITY[_looked_up(layers.outputs[flag], 320, 640)]
                    if not decodes:
                        are_zero = 1
                        for rank in range(first, PASS_START[_DC_PASS]):
                            if blocks[y, x, _ORDER[rank]] != 0:
                                are_zero = 0
                                break
                    are_zero = code_flag(decodes, progress, words, steps, probability, are_zero)
                    if are_zero:
                        _skip_passes(block, net, twins, y, x, number)
                    else:
                        if others and number:
                            _regress_again(block, others)
                        if number == 0:
                            _begin_sums(rows, block, net, twins, y, x)
                        status = _code_pass(
                            decodes,
                            rows,
                            block,
                            layers,
                            net,
                            blocks,
                            twins,
                            y,
                            x,
                            number,
                            progress,
                            words,
                            steps,
                        )
                        if status != DONE:
                            progress[STATUS] = status
                            return
                for i in range(COMPLETE[number]):
                    group = COMPLETED[number, i]
                    block.level[group] = level_of(block.energy[group], group, 0)
            status = _code_dc(
                decodes, rows, block, layers, net, blocks, twins, y, x, progress, words, steps
            )
            if status != DONE:
                progress[STATUS] = status
                return
            _complete(rows, block, net, others, y * columns + x, x)
