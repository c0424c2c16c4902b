"""Choice of a path through the trellis (Viterbi): the reference, which `enc_kernels` follows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy.enc_tables import COST_REACH
from numcodecs_neural.entropy.tables import SKIP
from numcodecs_neural.entropy.trellis import halves_of, next_state

__all__ = ["STEP", "choose_part"]

STEP = 16
"""Units of `choose_part` in a step: a half is 8."""

STATES = 4
_NOWHERE = 1 << 60


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
