"""Choice of symbols, which an encoder makes before `encode_symbols`, by a path through the trellis.

`choose_part` is the reference (Viterbi), which `enc_kernels` follows.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural import compilation
from numcodecs_neural.entropy.enc_stream import LANES
from numcodecs_neural.entropy.enc_tables import COST_REACH, costs_of
from numcodecs_neural.entropy.tables import SKIP, SymbolTables
from numcodecs_neural.entropy.trellis import halves_of, next_state

__all__ = ["STEP", "Quantized", "choose_part", "quantize"]

STEP = 16
"""Units of `choose_part` in a step: a half is 8."""

STATES = 4
_NOWHERE = 1 << 60


class Quantized(NamedTuple):
    """A part in symbols; all arrays have the shape of what was quantised.

    `rows` (uint8) are the tables that code `symbols` (int32), `halves` (int32) what a decoder gets:
    halves of a step.
    """

    symbols: NDArray[np.int32]
    rows: NDArray[np.uint8]
    halves: NDArray[np.int32]


def quantize(
    rest: NDArray[np.int32], indexes: NDArray[np.uint8], tables: SymbolTables, price: int
) -> Quantized:
    """Quantise one part of a stream with a trellis, so that error and bits cost least.

    Parameters
    ----------
    rest : ndarray of int32
        Sixteenths of a step, of magnitudes below 2**20.
    indexes : ndarray of uint8, of the same shape
        Class of each, or `SKIP` for what becomes 0.
    tables : SymbolTables
        Of three rows for each class: plain, and under either quantiser.
    price : int
        What a bit costs, in squares of sixteenths of a step; 0 for the least error.
    """
    classes = len(tables) // 3
    symbols, states = _choose_part()(
        np.ascontiguousarray(rest.reshape(-1), np.int32),
        np.ascontiguousarray(indexes.reshape(-1)),
        np.ascontiguousarray(costs_of(tables)[classes:]),
        price,
        LANES,
    )
    symbols, states = symbols.reshape(rest.shape), states.reshape(rest.shape)
    second = states >> 1
    rows = np.where(indexes == SKIP, SKIP, indexes + classes * (1 + second)).astype(np.uint8)
    return Quantized(symbols, rows, 2 * symbols - second * np.sign(symbols))


def choose_part(
    rest: NDArray[np.int32],
    indexes: NDArray[np.uint8],
    costs: NDArray[np.int32],
    price: int,
    lanes: int,
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Choose the symbols of a part so that error and bits cost least.

    Parameters
    ----------
    rest : ndarray of int32, shape (n,)
        What is quantised, in sixteenths of a step.
    indexes : ndarray of uint8, shape (n,)
        Class of each, or `SKIP`.
    costs : ndarray of int32, shape (2 * classes, 2 * COST_REACH + 1)
        Bits of a symbol in 1/256: the classes under the first quantiser, then under the second.
    price : int
        What a bit costs, in squares of sixteenths of a step.
    lanes : int

    Returns
    -------
    symbols : ndarray of int32, shape (n,)
    states : ndarray of uint8, shape (n,)
        In which each is coded.
    """
    symbols, states = np.zeros(len(rest), np.int32), np.zeros(len(rest), np.uint8)
    for lane in range(lanes):
        cost, paths = [0, *[_NOWHERE] * (STATES - 1)], []
        for i in range(lane, len(rest), lanes):
            if indexes[i] == SKIP:  # next_state(state, 0) is its own inverse
                path = [(0, next_state(state, 0)) for state in range(STATES)]
                cost = [cost[state] for _, state in path]
                paths.append(path)
                continue
            best, path = [_NOWHERE] * STATES, [(0, 0)] * STATES
            for state in range(STATES):
                row = costs[int(indexes[i]) + (state >> 1) * (len(costs) // 2)]
                for symbol in _candidates(int(rest[i]), state):
                    error = int(rest[i]) - STEP // 2 * halves_of(symbol, state)
                    after = cost[state] + 256 * error**2 + price * _bits(row, symbol)
                    target = next_state(state, symbol)
                    if after < best[target]:
                        best[target], path[target] = after, (symbol, state)
            cost = best
            paths.append(path)
        state = int(np.argmin(cost))
        for i, path in zip(reversed(range(lane, len(rest), lanes)), reversed(paths), strict=True):
            symbols[i], state = path[state]
            states[i] = state
    return symbols, states


def _choose_part() -> Callable[..., tuple[NDArray[np.int32], NDArray[np.uint8]]]:
    if compilation.use_numba():
        from numcodecs_neural.entropy import enc_kernels

        return enc_kernels.choose_part
    return choose_part


def _candidates(x: int, state: int) -> tuple[int, ...]:
    """Return 0 and the symbols of the values on both sides of x, the even one of them last."""
    if state < 2:
        low = x // STEP
        pair = (low, low + 1)
    else:
        size = (abs(x) + STEP // 2) // STEP
        sign = -1 if x < 0 else 1
        pair = (sign * size, sign * (size + 1))
    return (0, *sorted(pair, key=lambda symbol: symbol % 2 == 0))


def _bits(row: NDArray[np.int32], symbol: int) -> int:
    limited = min(max(symbol, -COST_REACH), COST_REACH)
    beyond = abs(symbol - limited)
    return int(row[limited + COST_REACH]) + beyond * (int(row[-1]) - int(row[-2]))
