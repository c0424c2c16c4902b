"""Twins: a component that was coded before, on the grid of the one that is coded now."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.tables import HALVING
from numcodecs_neural.compilation import uncompiled, use_numba

__all__ = ["twin_of"]


def twin_of(
    blocks: NDArray[np.int16], steps: NDArray[np.int64], rows: int, columns: int
) -> NDArray[np.int16]:
    """Return blocks on a grid of `rows` by `columns`, dequantised, in sixteenths, limited to int16.

    Where that grid is coarser, blocks become that of the means of their samples: a product with
    fixed matrices, first along v, then along u.

    Parameters
    ----------
    blocks : ndarray of int16, shape (rows, columns, 64)
        Coefficients.
    steps : ndarray of int64, shape (64,)
    rows, columns : int
        Of the other grid: as many, half or a quarter of them.
    """
    from numcodecs_neural.coefficients.network.twin_kernels import halve, scale

    down, across = len(blocks) // rows, blocks.shape[1] // columns
    twin = np.empty((rows, columns, 64), np.int16)
    factors = steps.astype(np.int32)
    if (down, across) == (1, 1):
        scaling = scale if use_numba() else uncompiled(scale)
        scaling(blocks, factors, twin)
        return twin
    vertical = HALVING[down].astype(np.int32)
    horizontal = np.ascontiguousarray(HALVING[across].T.astype(np.int32))
    halving = halve if use_numba() else uncompiled(halve)
    halving(blocks, factors, vertical, horizontal, twin)
    return twin
