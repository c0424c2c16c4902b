"""Where samples lie in memory, and which of them a prediction looks at (SPEC.md, section 10.3).

Samples of one diagonal ``t = x + 2 y`` do not need each other, so kernels take 16 of them at once.
In memory a diagonal is a row: the sample (x, y) lies in row `FIRST_ROW` + t and column
`MARGIN` + y.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CAUSAL",
    "CAUSAL_ERRORS",
    "CAUSAL_INPUTS",
    "CAUSAL_SIZES",
    "COEFFICIENTS",
    "FIRST_ROW",
    "GAP_NEIGHBOURS",
    "GAP_REACH",
    "INPUTS",
    "MARGIN",
    "MAX_REFERENCES",
    "REFERENCE",
    "REFERENCE_ERRORS",
    "REFERENCE_INPUTS",
    "REFERENCE_SIZES",
    "SECOND_INPUTS",
    "SECOND_TERMS",
    "offsets_of",
    "shape_of",
    "with_margins",
]

CAUSAL = (
    *((-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (-2, -1), (-1, -2)),
    *((1, -2), (-2, -2), (2, -2), (-3, 0), (0, -3), (-3, -1), (-1, -3), (1, -3)),
)
"""Neighbours (dx, dy) that are known before a sample; W and N come first."""
CAUSAL_INPUTS, CAUSAL_ERRORS, CAUSAL_SIZES = 9, 4, 6
"""How many of `CAUSAL` are inputs of the network, how many have errors that are, and how many have
errors that say how large errors are around."""

REFERENCE = ((0, 0), (1, 0), (0, 1), (0, -1), (-1, 0), (1, -1), (-1, -1), (-1, 1), (1, 1))
"""Neighbours in a plane that is known before."""
REFERENCE_INPUTS, REFERENCE_ERRORS, REFERENCE_SIZES = 6, 3, 5
SECOND_TERMS = 5
"""How many of `REFERENCE` are terms in a second such plane."""
SECOND_INPUTS = 3

MAX_REFERENCES = 2
INPUTS = (22, 32, 36)
"""Inputs of the network, by the number of references."""
COEFFICIENTS = (16, 25, 30)
"""Terms of the linear prediction, by the number of references."""

GAP_NEIGHBOURS, GAP_REACH = 4, 12
"""How many of `CAUSAL` tell which levels occur nearby, and to what distance from their own."""

MARGIN = 3
FIRST_ROW = 8
_SPARE_ROWS, _SPARE_COLUMNS = 12, 4


def shape_of(height: int, width: int, lanes: int) -> tuple[int, int]:
    """Return rows and columns that a plane takes in memory, for kernels of so many `lanes`."""
    return width + 2 * height + FIRST_ROW + _SPARE_ROWS, height + _SPARE_COLUMNS + lanes


def offsets_of(columns: int) -> NDArray[np.int64]:
    """Return how far in memory `CAUSAL` and then `REFERENCE` lie from a sample."""
    places = np.array(CAUSAL + REFERENCE)
    across, down = places.T
    offsets: NDArray[np.int64] = (across + 2 * down) * columns + down
    return offsets


def with_margins(plane: NDArray[np.int32], start: int) -> NDArray[np.int32]:
    """Return a plane (H, W) with what stands for neighbours outside it: `MARGIN` on all sides.

    To the left of a row lies the first sample of the row above, to its right its own last one.
    Above the plane lies its first row, two samples to the right for each row up: what is known of
    it when that is needed. Where nothing is known lies `start`.
    """
    height, width = plane.shape
    whole = np.full((height + 2 * MARGIN, width + 2 * MARGIN), start, plane.dtype)
    inside = slice(MARGIN, MARGIN + height)
    whole[inside, MARGIN : MARGIN + width] = plane
    whole[inside, MARGIN + width :] = plane[:, -1:]
    whole[MARGIN + 1 : MARGIN + height, :MARGIN] = plane[:-1, :1]
    for up in range(1, MARGIN + 1):
        whole[MARGIN - up, 2 * up :] = whole[MARGIN, : -2 * up]
    whole[MARGIN + height :] = whole[MARGIN + height - 1]
    return whole
