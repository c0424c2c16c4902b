"""The encoder of rANS: notes of symbols and flags, coded from the last one to the first."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.kinds import INT, STATES, WORDS
from numcodecs_neural.coefficients.network.limits import STATES_IN_TURN
from numcodecs_neural.coefficients.network.symbol_tables import PRECISION_BITS
from numcodecs_neural.compilation import Integer, compiled
from numcodecs_neural.vectors import types

__all__ = ["write_words"]

_WHOLE = 1 << PRECISION_BITS


@compiled(INT, WORDS, INT, types.Array(types.uint16, 1, "C"), STATES, allocates=False)
def write_words(
    notes: NDArray[np.int32],
    count: Integer,
    words: NDArray[np.uint16],
    states: NDArray[np.int64],
) -> Integer:
    """Write noted symbols from the last to the first; return where the words begin."""
    place = len(words)
    for i in range(count - 1, -1, -1):
        note, turn = np.int64(notes[i]), i & (STATES_IN_TURN - 1)
        start, frequency = note >> PRECISION_BITS, note & (_WHOLE - 1)
        state = states[turn]
        if state >= frequency << 17:
            place -= 1
            words[place] = state & 0xFFFF
            state >>= 16
        states[turn] = ((state // frequency) << PRECISION_BITS) + start + state % frequency
    return place
