"""In which order the coefficients of all blocks are coded.

A block has 16 x 16 coefficients in each axis of colour. Those with one sum of their vertical
frequency `u` and horizontal frequency `v` are a diagonal, and some neighbouring diagonals are a
band. A pass codes one band of one axis in all blocks, row by row; bands come from low to high
frequencies, in each the axes in order, and the constant parts of all blocks come last.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BANDS",
    "COEFFICIENTS",
    "FLAGGED_FROM",
    "SIDE",
    "STARTS",
    "Diagonal",
    "Pass",
    "natural",
    "passes",
]

SIDE = 16
COEFFICIENTS = SIDE * SIDE

BANDS = (
    *((1, 1), (2, 2), (3, 3), (4, 5), (6, 7), (8, 10), (11, 13), (14, 17), (18, 22), (23, 30)),
    (0, 0),
)
"""First and last diagonal of each band, in coding order."""

FLAGGED_FROM = 4
"""From this diagonal on, a flag says whether a band of a block has anything but zeros."""


def _length(diagonal: int) -> int:
    return SIDE - abs(diagonal - (SIDE - 1))


STARTS = tuple(int(n) for n in np.cumsum([0, *map(_length, range(2 * SIDE - 1))]))
"""Where each diagonal begins when all stand behind each other."""


@cache
def natural() -> NDArray[np.int64]:
    """Return ``16 u + v`` of the coefficients, diagonal by diagonal, each by rising `u`."""
    place = [(u, d - u) for d in range(2 * SIDE - 1) for u in range(SIDE) if 0 <= d - u < SIDE]
    numbers = np.array([SIDE * u + v for u, v in place], np.int64)
    numbers.flags.writeable = False
    return numbers


@dataclass(frozen=True, slots=True)
class Diagonal:
    """One diagonal of a pass.

    Parameters
    ----------
    number : int
        ``u + v``.
    start, length : int
        Where it begins among all coefficients, diagonal by diagonal, and how many it has.
    place, step : int
        ``16 u + v`` of its first coefficient, and from one to the next.
    """

    number: int
    start: int
    length: int
    place: int

    step = SIDE - 1


@dataclass(frozen=True, slots=True)
class Pass:
    """A band of one axis.

    Parameters
    ----------
    axis : int
    diagonals : tuple of Diagonal
    is_flagged : bool
    family : int
        Which symbol tables its coefficients have.
    """

    axis: int
    diagonals: tuple[Diagonal, ...]
    is_flagged: bool
    family: int

    @property
    def length(self) -> int:
        """Coefficients in a block."""
        return sum(diagonal.length for diagonal in self.diagonals)

    @property
    def start(self) -> int:
        """Where they begin among those of the axis, diagonal by diagonal."""
        return self.diagonals[0].start


def _diagonal(number: int) -> Diagonal:
    u = max(0, number - SIDE + 1)
    return Diagonal(number, STARTS[number], _length(number), SIDE * u + number - u)


def _family(last: int) -> int:
    return 0 if last <= 3 else 1 if last <= 7 else 2 if last <= 13 else 3


@cache
def passes(axes: int) -> tuple[Pass, ...]:
    """Return all passes of images with so many axes of colour, the last ones for constant parts."""
    return tuple(
        Pass(
            axis,
            tuple(_diagonal(d) for d in range(first, last + 1)),
            first >= FLAGGED_FROM,
            _family(last),
        )
        for first, last in BANDS
        for axis in range(axes)
    )
