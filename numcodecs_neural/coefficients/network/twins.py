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
    from numcodecs_neural.coefficients.network import twin_kernels

    down, across = len(blocks) // rows, blocks.shape[1] // columns
    twin = np.empty((rows, columns, 64), np.int16)
    scales = (down, across) == (1, 1)
    written = twin_kernels.scale if scales else twin_kernels.halve
    kernel = written if use_numba() else uncompiled(written)
    if scales:
        kernel(blocks, steps.astype(np.int32), twin)
        return twin
    vertical = HALVING[down].astype(np.int32)
    horizontal = np.ascontiguousarray(HALVING[across].T.astype(np.int32))
    kernel(blocks, steps.astype(np.int32), vertical, horizontal, twin)
    return twin
