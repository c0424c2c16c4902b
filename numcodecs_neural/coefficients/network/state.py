"""What the context model remembers while it goes over the blocks of a component."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.arithmetic import NOTHING
from numcodecs_neural.coefficients.network.limits import ROWS
from numcodecs_neural.coefficients.network.order import GROUPS
from numcodecs_neural.coefficients.network.prepared import Prepared

__all__ = ["Block", "Layers", "Rows", "new_block", "new_layers", "new_rows"]


class Rows(NamedTuple):
    """Three rows of blocks; row `y` stands at ``y % 3``, and nothing in the last column.

    Parameters
    ----------
    magnitude : (3, columns + 1, 64)
        Of symbols, or of what the twins leave of them; in 1/32 of a step.
    spread : (3, columns + 1, 64)
        Sum of the magnitudes beside each, times their steps.
    level : (3, columns + 1, GROUPS)
        Logarithms of mean magnitudes.
    border : (3, columns + 1, 32)
        See `arithmetic.outline`.
    sums : (3, columns + 1, 5)
        See `arithmetic.regress`.
    twin_border : (2, 3, columns, 32)
    twin_level : (2, 3, columns, GROUPS)
    running : (64,)
        Running means of magnitudes, in 2^-20 of a step.
    """

    magnitude: NDArray[np.float64]
    spread: NDArray[np.float64]
    level: NDArray[np.float32]
    border: NDArray[np.int64]
    sums: NDArray[np.int64]
    twin_border: NDArray[np.int64]
    twin_level: NDArray[np.float32]
    running: NDArray[np.int64]


class Block(NamedTuple):
    """The block in work.

    Parameters
    ----------
    place : (16,)
        Whether there are blocks above, left and above right; rows and columns of neighbours.
    dc : (4,)
        Of N, W, NW and NE, dequantised.
    values : (64,)
        Dequantised coefficients, in sixteenths.
    magnitude : (64,)
    energy : (GROUPS,)
        Sums of magnitudes.
    level : (GROUPS,)
        Of the groups that are complete, and zeros up to a multiple of `limits.ROWS`.
    known : (4, 8)
        Upper border and row, left border and column of what is decoded, in 2^-12.
    twin_known : (2, 2, 8)
        Upper and left border of the same coefficients of the twins, in 2^-16.
    slopes : (3,)
    around, inside, both : (5,)
        Sums of the regression: over neighbours, over the block, of both.
    scaled : (2, 64)
        Twins in sixteenths of a step.
    squares : (3, 64)
        Of these, and their product.
    sums : (3, 64)
        Weighted sums of magnitudes.
    running : (64,)
        Running means, in 1/256 of a step.
    spare : (100,)
    """

    place: NDArray[np.uint32]
    dc: NDArray[np.int64]
    values: NDArray[np.float64]
    magnitude: NDArray[np.int64]
    energy: NDArray[np.int64]
    level: NDArray[np.float32]
    known: NDArray[np.int64]
    twin_known: NDArray[np.int64]
    slopes: NDArray[np.int64]
    around: NDArray[np.int64]
    inside: NDArray[np.int64]
    both: NDArray[np.int64]
    scaled: NDArray[np.float64]
    squares: NDArray[np.float64]
    sums: NDArray[np.float64]
    running: NDArray[np.float64]
    spare: NDArray[np.float64]


class Layers(NamedTuple):
    """Vectors between layers.

    Parameters
    ----------
    inputs, accumulator, sums, activations, outputs : (...,)
    places : (...,)
        Of the activations, those that are not zero first.
    all_inputs : (...,)
        Of the inputs, few of which are zero.
    """

    inputs: NDArray[np.float32]
    accumulator: NDArray[np.float32]
    sums: NDArray[np.float32]
    activations: NDArray[np.float32]
    outputs: NDArray[np.float32]
    places: NDArray[np.uint16]
    all_inputs: NDArray[np.uint16]


def new_rows(columns: int) -> Rows:
    """Return rows before the first block."""
    return Rows(
        magnitude=np.zeros((3, columns + 1, 64)),
        spread=np.zeros((3, columns + 1, 64)),
        level=np.full((3, columns + 1, GROUPS), NOTHING, np.float32),
        border=np.zeros((3, columns + 1, 32), np.int64),
        sums=np.zeros((3, columns + 1, 5), np.int64),
        twin_border=np.zeros((2, 3, columns, 32), np.int64),
        twin_level=np.full((2, 3, columns, GROUPS), NOTHING, np.float32),
        running=np.full(64, 1 << 18, np.int64),
    )


def new_block() -> Block:
    """Return room for one block."""
    return Block(
        place=np.zeros(16, np.uint32),
        dc=np.zeros(4, np.int64),
        values=np.zeros(64),
        magnitude=np.zeros(64, np.int64),
        energy=np.zeros(GROUPS, np.int64),
        level=np.zeros(-(-GROUPS // ROWS) * ROWS, np.float32),
        known=np.zeros((4, 8), np.int64),
        twin_known=np.zeros((2, 2, 8), np.int64),
        slopes=np.zeros(3, np.int64),
        around=np.zeros(5, np.int64),
        inside=np.zeros(5, np.int64),
        both=np.zeros(5, np.int64),
        scaled=np.zeros((2, 64)),
        squares=np.zeros((3, 64)),
        sums=np.zeros((3, 64)),
        running=np.zeros(64),
        spare=np.zeros(100),
    )


def new_layers(net: Prepared) -> Layers:
    """Return room for the vectors of a network."""
    inputs, width = net.trunk.shape
    return Layers(
        inputs=np.zeros(inputs, np.float32),
        accumulator=np.zeros(width, np.float32),
        sums=np.zeros(width, np.float32),
        activations=np.zeros(width, np.float32),
        outputs=np.zeros(net.head_bias.shape[1], np.float32),
        places=np.zeros(width, np.uint16),
        all_inputs=np.arange(inputs, dtype=np.uint16),
    )
