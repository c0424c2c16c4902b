"""The loops of `enc_rans` and `enc_quantizer`, compiled by numba: same results, 100 times as fast.

Import it only when symbols are encoded, since it imports numba. The references explain the
algorithms. numba does not check bounds: every position that a caller can choose is compared before
it is used.
"""

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import compiled, readable
from numcodecs_neural.entropy.dec_rans import LOWEST_STATE, WORD_BITS
from numcodecs_neural.entropy.enc_rans import Writer
from numcodecs_neural.entropy.enc_tables import COST_REACH
from numcodecs_neural.entropy.tables import MAX_SYMBOL, PRECISION_BITS, SKIP, SymbolTables
from numcodecs_neural.errors import ConfigError

__all__ = ["choose_part", "encode_part"]

# The kernel returns one of these: an exception raised in compiled code loses its class.
_DONE, _BAD_INDEX, _NOT_ZERO, _TOO_LARGE = range(4)
_ERRORS = {
    _BAD_INDEX: "a symbol has an index that names no table",
    _NOT_ZERO: "a skipped symbol is not 0; only 0 can be skipped",
    _TOO_LARGE: f"a symbol is larger than {MAX_SYMBOL} in magnitude",
}


def encode_part(
    symbols: NDArray[np.int32], indexes: NDArray[np.uint8], tables: SymbolTables, writer: Writer
) -> None:
    """Do what `enc_rans.encode_part` does."""
    begins = np.array([writer.words_begin, writer.escapes_begin], np.int64)
    status = _encode(
        symbols,
        indexes,
        tables.offset,
        tables.size,
        tables.packed,
        writer.states,
        writer.words,
        writer.escapes,
        begins,
    )
    writer.words_begin, writer.escapes_begin = begins.tolist()
    if status != _DONE:
        raise ConfigError(_ERRORS[status])


def choose_part(
    rest: NDArray[np.int32],
    indexes: NDArray[np.uint8],
    costs: NDArray[np.int32],
    price: int,
    lanes: int,
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Do what `enc_quantizer.choose_part` does."""
    symbols, states = np.zeros(len(rest), np.int32), np.zeros(len(rest), np.uint8)
    _choose(rest, indexes, costs, price, lanes, symbols, states)
    return symbols, states


@compiled(
    types.int64,
    readable(types.int32),
    readable(types.uint8),
    readable(types.int32),
    readable(types.int32),
    readable(types.uint32, 2),
    types.uint32[::1],
    types.uint16[::1],
    types.uint32[::1],
    types.int64[::1],
)
def _encode(
    symbols: NDArray[np.int32],
    indexes: NDArray[np.uint8],
    offset: NDArray[np.int32],
    size: NDArray[np.int32],
    packed: NDArray[np.uint32],
    states: NDArray[np.uint32],
    words: NDArray[np.uint16],
    escapes: NDArray[np.uint32],
    begins: NDArray[np.int64],
) -> int:
    words_begin = begins[0]
    lane = (symbols.size - 1) % states.size
    for i in range(symbols.size - 1, -1, -1):
        table = np.int64(indexes[i])
        symbol = np.int64(symbols[i])
        if table < size.size:
            entry = symbol - offset[table]
            escape = np.int64(size[table]) - 1
            if entry < 0 or entry >= escape:
                if abs(symbol) > MAX_SYMBOL:
                    return _TOO_LARGE
                begins[1] -= 1
                escapes[begins[1]] = 2 * (entry - escape) if entry >= 0 else -2 * entry - 1
                entry = escape
            # Unsigned all through: a signed division takes longer.
            start = packed[table, entry] & np.uint32(0xFFFF)
            frequency = packed[table, entry] >> np.uint32(16)
            state = states[lane]
            if state >> np.uint32(2 * WORD_BITS - PRECISION_BITS) >= frequency:
                words_begin -= 1
                words[words_begin] = state & np.uint32(LOWEST_STATE - 1)
                state = state >> np.uint32(WORD_BITS)
            quotient = state // frequency
            remainder = state - quotient * frequency
            states[lane] = (quotient << np.uint32(PRECISION_BITS)) + start + remainder
        elif table != SKIP:
            return _BAD_INDEX
        elif symbol != 0:
            return _NOT_ZERO
        lane = lane - 1 if lane > 0 else states.size - 1
    begins[0] = words_begin
    return _DONE


@compiled(types.int64, readable(types.int32, 2), types.int64, types.int64)
def _bits(costs: NDArray[np.int32], row: Any, symbol: Any) -> Any:
    limited = min(max(symbol, -COST_REACH), COST_REACH)
    bits = np.int64(costs[row, limited + COST_REACH])
    if limited != symbol:
        slope = np.int64(costs[row, 2 * COST_REACH]) - np.int64(costs[row, 2 * COST_REACH - 1])
        bits += abs(symbol - limited) * slope
    return bits


@compiled(
    types.void,
    readable(types.int32),
    readable(types.uint8),
    readable(types.int32, 2),
    types.int64,
    types.int64,
    types.int32[::1],
    types.uint8[::1],
)
def _choose(
    rest: NDArray[np.int32],
    indexes: NDArray[np.uint8],
    costs: NDArray[np.int32],
    price: int,
    lanes: int,
    symbols: NDArray[np.int32],
    states: NDArray[np.uint8],
) -> None:
    """Viterbi, lane by lane: of each state the two ways that lead there, by quantiser and parity.

    Of a quantiser, the even one of the two nearest symbols competes with 0 beforehand.
    """
    classes = costs.shape[0] // 2
    length = (rest.size + lanes - 1) // lanes
    came = np.empty((length, 4), np.int32)  # symbol * 4 + state before
    nowhere = np.int64(1) << 60
    for lane in range(lanes):
        cost0, cost1, cost2, cost3 = np.int64(0), nowhere, nowhere, nowhere
        count = 0
        for i in range(lane, rest.size, lanes):
            if indexes[i] == SKIP:  # a 0 leads from 1 to 2 and from 2 to 1
                cost1, cost2 = cost2, cost1
                continue
            x = np.int64(rest[i])
            low, high = np.int64(indexes[i]), np.int64(indexes[i]) + classes

            even, odd = x >> 4, (x >> 4) + 1
            if even & 1:
                even, odd = odd, even
            e0 = 256 * (x - 16 * even) ** 2 + price * _bits(costs, low, even)
            o0 = 256 * (x - 16 * odd) ** 2 + price * _bits(costs, low, odd)
            zero = 256 * x * x + price * _bits(costs, low, np.int64(0))
            even0, odd0 = even, odd
            if zero <= e0:
                e0, even0 = zero, np.int64(0)

            sign = np.int64(-1) if x < 0 else np.int64(1)
            even, odd = sign * ((abs(x) + 8) >> 4), sign * (((abs(x) + 8) >> 4) + 1)
            if even & 1:
                even, odd = odd, even
            at_even = 16 * even - 8 * (np.int64(even > 0) - np.int64(even < 0))
            at_odd = 16 * odd - 8 * (np.int64(odd > 0) - np.int64(odd < 0))
            e1 = 256 * (x - at_even) ** 2 + price * _bits(costs, high, even)
            o1 = 256 * (x - at_odd) ** 2 + price * _bits(costs, high, odd)
            zero = 256 * x * x + price * _bits(costs, high, np.int64(0))
            if zero <= e1:
                e1, even = zero, np.int64(0)

            # next_state: 0 and 2 are reached from 0 and 1, 1 and 3 from 2 and 3.
            a, b = cost0 + e0, cost1 + o0
            c, d = cost0 + o0, cost1 + e0
            f, g = cost2 + e1, cost3 + o1
            h, k = cost2 + o1, cost3 + e1
            came[count, 0] = 4 * even0 if a <= b else 4 * odd0 + 1
            came[count, 2] = 4 * odd0 if c <= d else 4 * even0 + 1
            came[count, 1] = 4 * even + 2 if f <= g else 4 * odd + 3
            came[count, 3] = 4 * odd + 2 if h <= k else 4 * even + 3
            cost0, cost1, cost2, cost3 = min(a, b), min(f, g), min(c, d), min(h, k)
            count += 1
        state, least = 0, cost0
        if cost1 < least:
            state, least = 1, cost1
        if cost2 < least:
            state, least = 2, cost2
        if cost3 < least:
            state = 3
        for i in range(lane + ((rest.size - 1 - lane) // lanes) * lanes, -1, -lanes):
            if indexes[i] == SKIP:
                state = (state >> 1) | ((state & 1) << 1)
                states[i] = state
                continue
            count -= 1
            way = came[count, state]
            state = way & 3
            symbols[i] = way >> 2
            states[i] = state
