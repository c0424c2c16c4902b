"""The encoder of rANS: what the model collected, coded from the last step to the first.

Import it only when coefficients are coded, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.statuses import LOWEST_STATE
from numcodecs_neural.coefficients.network.symbols import PRECISION_BITS
from numcodecs_neural.compilation import compiled, readable

__all__ = ["encode_steps"]


@compiled(types.void, readable(types.int32, 2), types.uint16[::1], types.int64[::1])
def encode_steps(
    steps: NDArray[np.int32], words: NDArray[np.uint16], final: NDArray[np.int64]
) -> None:
    """Code steps from the last to the first; fill `words` from their end.

    `final` takes the state and how many words there are. No step fills more than one.
    """
    state, place = np.int64(LOWEST_STATE), words.size
    for i in range(steps.shape[0] - 1, -1, -1):
        start, frequency = np.int64(steps[i, 0]), np.int64(steps[i, 1])
        if state >= frequency << (32 - PRECISION_BITS):
            place -= 1
            words[place] = state & 0xFFFF
            state = state >> 16
        state = ((state // frequency) << PRECISION_BITS) + start + state % frequency
    final[0], final[1] = state, words.size - place
