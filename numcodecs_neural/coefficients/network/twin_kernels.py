"""Blocks as another component sees them: dequantised, or of half or a quarter of the samples.

Import it only when coefficients are coded, since it imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.limits import FEATURE_LIMIT
from numcodecs_neural.compilation import compiled, readable

__all__ = ["halve", "scale"]

_LIMIT = 32767


@compiled(
    types.void,
    readable(types.int16, 3),
    readable(types.int32),
    types.int16[:, :, ::1],
    allocates=False,
)
def scale(blocks: NDArray[np.int16], steps: NDArray[np.int32], twin: NDArray[np.int16]) -> None:
    """Fill `twin` with blocks on the same grid, dequantised, in sixteenths.

    Parameters
    ----------
    blocks, twin : (rows, columns, 64)
    steps : (64,)
    """
    for y in range(blocks.shape[0]):
        for x in range(blocks.shape[1]):
            for k in range(64):
                value = np.int32(blocks[y, x, k] * steps[k])
                limited = np.int32(
                    min(max(value, np.int32(-FEATURE_LIMIT)), np.int32(FEATURE_LIMIT))
                )
                twin[y, x, k] = limited << 4


@compiled(
    types.void,
    readable(types.int16, 3),
    readable(types.int32),
    readable(types.int32, 2),
    readable(types.int32, 2),
    types.int16[:, :, ::1],
)
def halve(
    blocks: NDArray[np.int16],
    steps: NDArray[np.int32],
    vertical: NDArray[np.int32],
    horizontal: NDArray[np.int32],
    twin: NDArray[np.int16],
) -> None:
    """Fill `twin` with blocks of fewer samples, in sixteenths; no sum leaves int32.

    Parameters
    ----------
    blocks : (rows, columns, 64)
    steps : (64,)
    vertical : (8, 8 * down)
        In 2^-12.
    horizontal : (8 * across, 8)
    twin : (rows // down, columns // across, 64)
    """
    high, wide = vertical.shape[1], horizontal.shape[0]
    samples, sums = np.empty((high, wide), np.int32), np.empty(wide, np.int32)
    ends = np.empty(8, np.int32)
    for y in range(twin.shape[0]):
        for x in range(twin.shape[1]):
            for i in range(high):
                row, first = y * (high >> 3) + (i >> 3), 8 * (i & 7)
                for part in range(wide >> 3):
                    column = x * (wide >> 3) + part
                    for j in range(8):
                        value = blocks[row, column, first + j] * steps[first + j]
                        limited = min(max(value, -FEATURE_LIMIT), FEATURE_LIMIT)
                        samples[i, 8 * part + j] = limited
            for v in range(8):
                sums[:] = 128
                for i in range(high):
                    for j in range(wide):
                        sums[j] += vertical[v, i] * samples[i, j]
                ends[:] = 2048
                for j in range(wide):
                    for u in range(8):
                        ends[u] += (sums[j] >> 8) * horizontal[j, u]
                for u in range(8):
                    twin[y, x, 8 * v + u] = min(max(ends[u] >> 12, -_LIMIT), _LIMIT)
