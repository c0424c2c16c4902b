"""Twins: a JPEG component that was coded before, on the grid of the one that is coded now."""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural import compilation
from numcodecs_neural.coefficients.adaptive_constants import TWIN_LIMIT

__all__ = ["twins_of"]

Array = NDArray[Any]


def twins_of(
    blocks: NDArray[np.int16],
    own_steps: tuple[int, ...],
    steps: tuple[int, ...],
    here: slice,
    shape: tuple[int, int],
) -> list[Array]:
    """Return rows of a component on the grid of another, in eighths of its steps, and counts.

    Parameters
    ----------
    blocks : ndarray of int16, shape (rows, columns, 64)
        All of the component that was coded before.
    own_steps, steps : tuple of int
        Of that component, and of the one that is coded now.
    here : slice
        Which rows of the grid.
    shape : tuple of int
        Rows and columns of the grid.

    Returns
    -------
    list of ndarray
        Twins, int32 of shape (rows, columns, 64), and how many coefficients beside DC are not 0 in
        the mean of the blocks of a twin, int64 of shape (rows, columns).
    """
    down, across = blocks.shape[0] // shape[0], blocks.shape[1] // shape[1]
    part = blocks[here.start * down : here.stop * down]
    make = _by_kernel if compilation.use_numba() else _by_product
    return make(part, np.array(own_steps, np.int64), np.array(steps, np.int64), down, across)


def _by_kernel(
    part: NDArray[np.int16],
    own_steps: NDArray[np.int64],
    steps: NDArray[np.int64],
    down: int,
    across: int,
) -> list[Array]:
    from numcodecs_neural.coefficients.adaptive_twin_kernel import reduce_blocks

    rows, columns = part.shape[0] // down, part.shape[1] // across
    twins, counts = np.empty((rows, columns, 64), np.int32), np.empty((rows, columns), np.int64)
    matrix = _reduction(down, across)
    reduce_blocks(np.ascontiguousarray(part), own_steps, steps, matrix, down, across, twins, counts)
    return [twins, counts]


def _by_product(
    part: NDArray[np.int16],
    own_steps: NDArray[np.int64],
    steps: NDArray[np.int64],
    down: int,
    across: int,
) -> list[Array]:
    """Do the same by a product of matrices, of whose numbers most are 0."""
    rows, columns = part.shape[0] // down, part.shape[1] // across
    counts = np.count_nonzero(part[:, :, 1:], axis=2)
    means = counts.reshape(rows, down, columns, across).sum((1, 3)) // (down * across)
    values = np.clip(part * own_steps, -32768, 32767).astype(np.float64)
    values = values.reshape(rows, down, columns, across, 64).transpose(0, 2, 1, 3, 4)
    # Whole numbers below 2**40, which floating point holds exactly.
    joined = values.reshape(rows * columns, -1) @ _reduction(down, across)
    divisors = 128.0 * steps
    twins = np.clip(np.floor((joined + divisors / 2) / divisors), -TWIN_LIMIT, TWIN_LIMIT)
    return [twins.astype(np.int32).reshape(rows, columns, 64), means.astype(np.int64)]


@functools.cache
def _reduction(down: int, across: int) -> NDArray[np.float64]:
    """Return 1024 times the matrix from the blocks of an area to the block of its means."""
    rows, columns = _reduction_1d(down), _reduction_1d(across)
    product = np.einsum("ayp,bxq->abyxpq", rows, columns)
    matrix: NDArray[np.float64] = np.rint(1024 * product).reshape(down * across * 64, 64)
    return matrix


def _reduction_1d(ratio: int) -> NDArray[np.float64]:
    """Return (blocks, frequencies of a block, frequencies of the means)."""
    basis = np.array(
        [
            [
                math.sqrt((1 if k == 0 else 2) / 8) * math.cos((2 * x + 1) * k * math.pi / 16)
                for x in range(8)
            ]
            for k in range(8)
        ]
    )
    if ratio == 1:
        return np.eye(8)[None]
    samples = np.kron(np.eye(8), np.full((1, ratio), 1 / ratio))
    parts = samples.reshape(8, ratio, 8)
    reduction: NDArray[np.float64] = np.einsum("sam,ps,km->akp", parts, basis, basis)
    return reduction
