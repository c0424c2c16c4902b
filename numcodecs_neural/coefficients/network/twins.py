"""Twins: a component that was coded before, on the grid of the one that is coded now."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.tables import HALVING

__all__ = ["FEATURE_LIMIT", "dequantised", "twin_of"]

FEATURE_LIMIT = 2047
"""Largest magnitude of a dequantised coefficient that the model sees."""
_TWIN_LIMIT = 32767


def dequantised(blocks: NDArray[np.int16], steps: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return coefficients (rows, columns, 64) times their steps, within `FEATURE_LIMIT`."""
    values = np.clip(blocks * steps, -FEATURE_LIMIT, FEATURE_LIMIT)
    narrow: NDArray[np.int32] = values.astype(np.int32)
    return narrow


def twin_of(values: NDArray[np.int32], rows: int, columns: int) -> NDArray[np.int32]:
    """Return dequantised blocks on a grid of `rows` by `columns`, in sixteenths.

    Where that grid is coarser, blocks become that of the means of their samples: a product with
    fixed matrices, first along v, then along u.

    Parameters
    ----------
    values : ndarray of int32, shape (rows, columns, 64)
    rows, columns : int
        Of the other grid: as many, half or a quarter of them.
    """
    down, right = len(values) // rows, values.shape[1] // columns
    if (down, right) == (1, 1):
        return values * 16
    vertical = HALVING[down].astype(np.float64)
    horizontal = HALVING[right].T.astype(np.float64)
    twin = np.empty((rows, columns, 64), np.int32)
    for row in range(rows):
        blocks = values[row * down : (row + 1) * down].reshape(down, -1, 8, 8)
        stacked = blocks.transpose(0, 2, 1, 3).reshape(down * 8, -1).astype(np.float64)
        halved = np.floor((vertical @ stacked + 128) / 256).reshape(8, columns, right * 8)
        whole = np.floor((halved @ horizontal + 2048) / 4096)
        blocks_of_row = whole.transpose(1, 0, 2).reshape(columns, 64)
        twin[row] = np.clip(blocks_of_row, -_TWIN_LIMIT, _TWIN_LIMIT)
    return twin
