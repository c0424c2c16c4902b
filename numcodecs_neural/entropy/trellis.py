"""Trellis-coded quantisation: two quantisers, and symbols that say which of them is next.

A latent is quantised to whole steps, or to odd halves of a step and 0. Which of the two it is
follows from the parities of the symbols before it in its lane, by a state machine of four states,
so that the decoder knows without being told. The encoder looks for the path that is cheapest in
all (Viterbi): between them the quantisers offer twice as many values as each one has symbols.
Latents that are not coded lead on as zeros do: what was skipped once and is coded as 0 in the next
generation leaves the path of all others as it was.

The state machine is that of Versatile Video Coding (Schwarz et al. 2019, hybrid video coding with
trellis-coded quantization); SPEC.md, section 5.5. This is the reference; `kernels` does the same
faster.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy.tables import COST_REACH, SKIP

__all__ = ["STEP", "choose_part", "halves_of", "next_state", "row_of"]

STEP = 16
"""Units of `choose_part` in a step: a half is 8."""

STATES = 4
_NOWHERE = 1 << 60


def next_state(state: int, symbol: int) -> int:
    """Return the state after a symbol; states from 2 on take the quantiser of odd halves."""
    return (state >> 1) | (((symbol ^ state) & 1) << 1)


def row_of(index: int, state: int, classes: int) -> int:
    """Return which table codes a symbol: those of plain parts come first, 0 classes are plain."""
    return index + classes * (1 + (state >> 1))


def halves_of(symbol: int, state: int) -> int:
    """Return what a symbol stands for, in halves of a step.

    Examples
    --------
    >>> [halves_of(symbol, 0) for symbol in (-2, -1, 0, 1, 2)]
    [-4, -2, 0, 2, 4]
    >>> [halves_of(symbol, 2) for symbol in (-2, -1, 0, 1, 2)]
    [-3, -1, 0, 1, 3]
    """
    sign = (symbol > 0) - (symbol < 0)
    return 2 * symbol - (state >> 1) * sign


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
