"""Symbols under two logistics, and the rANS coder that takes them (SPEC.md, section 8.6).

The same kernels serve both directions: `decodes` is 1 or 0. A decoder reads `words`; an encoder
collects in `steps` (start, frequency) of what it would code, which `enc_steps` codes from the last
to the first. Import it only when coefficients are coded, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.statuses import (
    BAD_ESCAPE,
    LOWEST_STATE,
    POSITION,
    STATE,
    STATUS,
    TRUNCATED,
)
from numcodecs_neural.coefficients.network.tables import (
    CELLS,
    INVERSE_SCALE,
    LOGISTIC,
    LOGISTIC_LIMIT,
    SHIFT,
)
from numcodecs_neural.compilation import Integer, inlined, readable

__all__ = ["MAX_STEPS", "PRECISION_BITS", "code_flag", "code_symbol"]

PRECISION_BITS = 15
_WHOLE = 1 << PRECISION_BITS
MAX_STEPS = 24
"""The most steps that one symbol can take."""
_MAX_ZEROS = 12

_LOGISTIC = LOGISTIC.astype(np.uint16)
"""Small enough for a processor's nearest cache."""

_progress, _words, _steps = types.int64[::1], readable(types.uint16), types.int32[:, ::1]


@inlined(types.void, _progress, _words, types.int64, types.int64, types.int64)
def _advance(
    progress: NDArray[np.int64],
    words: NDArray[np.uint16],
    start: Integer,
    frequency: Integer,
    slot: Integer,
) -> None:
    """Take what was read out of the state, and a word in where it became small.

    Beyond the last word it reads zeros, up to the end of a pass.
    """
    state = frequency * (progress[STATE] >> PRECISION_BITS) + slot - start
    if state < LOWEST_STATE:
        position = progress[POSITION]
        progress[POSITION] = position + 1
        state = state << 16
        if position < words.size:
            state = state | np.int64(words[position])
        else:
            progress[STATUS] = TRUNCATED
    progress[STATE] = state


@inlined(types.void, _progress, _steps, types.int64, types.int64)
def _collect(
    progress: NDArray[np.int64], steps: NDArray[np.int32], start: Integer, frequency: Integer
) -> None:
    """Note what is to be encoded."""
    position = progress[POSITION]
    steps[position, 0] = start
    steps[position, 1] = frequency
    progress[POSITION] = position + 1


@inlined(types.int64, types.int64, _progress, _words, _steps, types.int64, types.int64)
def _code_bits(
    decodes: Integer,
    progress: NDArray[np.int64],
    words: NDArray[np.uint16],
    steps: NDArray[np.int32],
    count: Integer,
    value: Integer,
) -> Integer:
    """Code up to 15 bits as they are."""
    if count == 0:
        return 0
    frequency = 1 << (PRECISION_BITS - count)
    if decodes:
        slot = progress[STATE] & (_WHOLE - 1)
        value = slot >> (PRECISION_BITS - count)
        _advance(progress, words, value * frequency, frequency, slot)
    else:
        _collect(progress, steps, value * frequency, frequency)
    return value


@inlined(types.int64, types.int64, _progress, _words, _steps, types.int64)
def _code_escape(
    decodes: Integer,
    progress: NDArray[np.int64],
    words: NDArray[np.uint16],
    steps: NDArray[np.int32],
    value: Integer,
) -> Integer:
    """Code a number from 0 on as an Exp-Golomb codeword of order 2."""
    zeros = 0
    if decodes:
        while _code_bits(1, progress, words, steps, 1, 0) == 0:
            zeros += 1
            if zeros > _MAX_ZEROS:
                progress[STATUS] = BAD_ESCAPE
                return 0
    else:
        while value + 4 >= 1 << (3 + zeros):
            zeros += 1
        for _ in range(zeros):
            _code_bits(0, progress, words, steps, 1, 0)
        _code_bits(0, progress, words, steps, 1, 1)
    lowest = (1 << (2 + zeros)) - 4
    return lowest + _code_bits(decodes, progress, words, steps, 2 + zeros, value - lowest)


@inlined(types.int64, types.int64, _progress, _words, _steps, types.int64, types.int64)
def code_flag(
    decodes: Integer,
    progress: NDArray[np.int64],
    words: NDArray[np.uint16],
    steps: NDArray[np.int32],
    probability: Integer,
    is_set: Integer,
) -> Integer:
    """Code whether something is so (1 or 0), which has this probability in 2^-15."""
    if not decodes:
        if is_set:
            _collect(progress, steps, 0, probability)
        else:
            _collect(progress, steps, probability, _WHOLE - probability)
        return is_set
    slot = progress[STATE] & (_WHOLE - 1)
    if slot < probability:
        _advance(progress, words, 0, probability, slot)
        return 1
    _advance(progress, words, probability, _WHOLE - probability, slot)
    return 0


@inlined(types.int64, types.int64)
def _logistic(argument: Integer) -> Integer:
    """Return 2^15 times the logistic function of an argument in 1/256."""
    within = min(max(argument, -LOGISTIC_LIMIT), LOGISTIC_LIMIT)
    return np.int64(_LOGISTIC[within + LOGISTIC_LIMIT])


@inlined(types.int64, *[types.int64] * 8)
def _start(
    cell: Integer,
    lowest: Integer,
    shift: Integer,
    mean: Integer,
    narrow: Integer,
    wide: Integer,
    weight: Integer,
    shared: Integer,
) -> Integer:
    """Return the first slot of a cell of ``2^shift`` symbols.

    Every cell from `lowest` on has a slot of its own; `shared` slots are divided by probability.
    """
    distance = (cell << (shift + 4)) - 8 - mean
    first = _logistic((distance * narrow + 8192) >> 14)
    second = _logistic((distance * wide + 8192) >> 14)
    below = (weight * first + (_WHOLE - weight) * second) >> PRECISION_BITS
    return ((shared * below) >> PRECISION_BITS) + cell - lowest + 1


@inlined(
    types.int64,
    types.int64,
    _progress,
    _words,
    _steps,
    types.int64,
    types.int64,
    types.int64,
    types.int64,
    types.int64,
)
def code_symbol(
    decodes: Integer,
    progress: NDArray[np.int64],
    words: NDArray[np.uint16],
    steps: NDArray[np.int32],
    symbol: Integer,
    mean: Integer,
    scale: Integer,
    ratio: Integer,
    weight: Integer,
) -> Integer:
    """Code one symbol; what lies beyond the cells around the mean is an escape.

    Parameters
    ----------
    decodes, progress, words, steps
        See the module.
    symbol : int
        What to encode.
    mean : int
        In sixteenths.
    scale, ratio : int
        Number of the narrower logistic's log-scale, and how far above it the other's is.
    weight : int
        Of the narrower one, in 2^-15.

    Returns
    -------
    int
        The symbol.
    """
    shift, reach = SHIFT[scale], CELLS[ratio, scale]
    middle = (mean + 8) >> (4 + shift)
    lowest, highest = middle - reach, middle + reach
    narrow, wide = INVERSE_SCALE[scale], INVERSE_SCALE[scale + ratio]
    shared = _WHOLE - 2 * reach - 3
    if not decodes:
        cell = symbol >> shift
        inside = min(max(cell, lowest), highest)
        start = _start(inside, lowest, shift, mean, narrow, wide, weight, shared)
        end = _start(inside + 1, lowest, shift, mean, narrow, wide, weight, shared)
        if cell < lowest:
            _collect(progress, steps, 0, start)
            _code_escape(0, progress, words, steps, lowest - 1 - cell)
        elif cell > highest:
            _collect(progress, steps, end, _WHOLE - end)
            _code_escape(0, progress, words, steps, cell - highest - 1)
        else:
            _collect(progress, steps, start, end - start)
        _code_bits(0, progress, words, steps, shift, symbol - (cell << shift))
        return symbol

    slot = progress[STATE] & (_WHOLE - 1)
    cell = middle
    start = _start(cell, lowest, shift, mean, narrow, wide, weight, shared)
    if slot >= start:
        end = _start(cell + 1, lowest, shift, mean, narrow, wide, weight, shared)
        while slot >= end and cell <= highest:
            cell += 1
            start = end
            if cell <= highest:
                end = _start(cell + 1, lowest, shift, mean, narrow, wide, weight, shared)
        if cell > highest:
            _advance(progress, words, start, _WHOLE - start, slot)
            cell += _code_escape(1, progress, words, steps, 0)
        else:
            _advance(progress, words, start, end - start, slot)
    else:
        end = start
        while slot < start and cell >= lowest:
            cell -= 1
            end = start
            if cell >= lowest:
                start = _start(cell, lowest, shift, mean, narrow, wide, weight, shared)
        if cell < lowest:
            _advance(progress, words, 0, end, slot)
            cell -= _code_escape(1, progress, words, steps, 0)
        else:
            _advance(progress, words, start, end - start, slot)
    return (cell << shift) + _code_bits(1, progress, words, steps, shift, 0)
