"""Kernel that averages JPEG blocks of one component onto the grid of another, by numba.

Import it only when coefficients are coded, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.coefficients.adaptive_constants import TWIN_LIMIT
from numcodecs_neural.compilation import Integer, compiled, readable

__all__ = ["reduce_blocks"]


@compiled(
    types.void,
    readable(types.int16, 3),
    readable(types.int64),
    readable(types.int64),
    readable(types.float64, 2),
    types.int64,
    types.int64,
    types.int32[:, :, ::1],
    types.int64[:, ::1],
)
def reduce_blocks(
    blocks: NDArray[np.int16],
    own_steps: NDArray[np.int64],
    steps: NDArray[np.int64],
    matrix: NDArray[np.float64],
    down: Integer,
    across: Integer,
    twins: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Fill `twins` and `counts`; all sums are whole numbers below 2**40, and so exact.

    Parameters
    ----------
    blocks : (down * rows, across * columns, 64)
    own_steps, steps : (64,)
    matrix : (down * across * 64, 64)
        From the blocks of an area to the block of its means.
    down, across : int
        Blocks of an area.
    twins : (rows, columns, 64)
    counts : (rows, columns)
    """
    sums = np.empty(64, np.float64)
    for y in range(twins.shape[0]):
        for x in range(twins.shape[1]):
            sums[:] = 0.0
            count = 0
            for place in range(down * across):
                block = blocks[y * down + place // across, x * across + place % across]
                for k in range(64):
                    if block[k] == 0:
                        continue
                    count += int(k > 0)
                    value = float(min(max(block[k] * own_steps[k], -32768), 32767))
                    row = matrix[64 * place + k]
                    for m in range(64):
                        sums[m] += value * row[m]
            counts[y, x] = count // (down * across)
            for m in range(64):
                twin = (np.int64(sums[m]) + 64 * steps[m]) // (128 * steps[m])
                twins[y, x, m] = min(max(twin, -TWIN_LIMIT), TWIN_LIMIT)
