"""Planes of a chunk in coding order, and the memory in which they lie (SPEC.md, section 10.2)."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import uncompiled, use_numba
from numcodecs_neural.exact import dec_gaps
from numcodecs_neural.exact.diagonals import PLANE
from numcodecs_neural.exact.layout import FIRST_ROW, MARGIN, offsets_of, shape_of
from numcodecs_neural.exact.model import ExactModel
from numcodecs_neural.exact.prediction import PLAINLY
from numcodecs_neural.vectors import LANES

__all__ = [
    "BLOCK_HEIGHT",
    "BLOCK_WIDTH",
    "FIRST_ERROR",
    "Memory",
    "Plane",
    "Settings",
    "planes_of",
    "runnable",
]

BLOCK_HEIGHT, BLOCK_WIDTH = 512, 4096
"""Larger planes are coded in blocks of this size, which know nothing of each other."""

FIRST_ERROR = 32
"""What stands for errors where nothing is known."""

_SPARE = 32
"""Numbers that loads may touch behind the last plane."""


_PLAIN_INTEGERS = {"_I": int, "_U": int, "_W": int}
"""One by one, those of Python are faster than those of numpy."""


def runnable(kernel: Callable[..., Any], lanes: int = LANES) -> Callable[..., Any]:
    """Return a kernel as it runs here: compiled, or by numpy with `lanes` samples at once."""
    if use_numba():
        return kernel
    return uncompiled(kernel, {**PLAINLY, **dec_gaps.PLAINLY}, LANES=lanes, **_PLAIN_INTEGERS)


class Settings(NamedTuple):
    """What all planes of a chunk share.

    Parameters
    ----------
    most : int
        The highest level.
    error : int
        By how much levels may differ from those that were encoded.
    """

    most: int
    error: int


class Plane(NamedTuple):
    """One channel of one block of one image.

    Parameters
    ----------
    number : int
        In coding order, counted from 0 in each block.
    image, channel : int
    rows, columns : slice
        Where the block lies in its plane.
    """

    number: int
    image: int
    channel: int
    rows: slice
    columns: slice


def planes_of(shape: tuple[int, int, int, int], order: Sequence[int]) -> Iterator[list[Plane]]:
    """Yield the planes of each block of samples (n, C, H, W), channels in the given order."""
    images, _, height, width = shape
    for y, x in itertools.product(range(0, height, BLOCK_HEIGHT), range(0, width, BLOCK_WIDTH)):
        rows = slice(y, min(y + BLOCK_HEIGHT, height))
        columns = slice(x, min(x + BLOCK_WIDTH, width))
        places = itertools.product(range(images), order)
        yield [Plane(i, *place, rows, columns) for i, place in enumerate(places)]


def _longest_diagonal(height: int, width: int) -> int:
    """Return how many samples it has, as a multiple of `LANES`.

    Examples
    --------
    >>> _longest_diagonal(512, 512), _longest_diagonal(9, 512), _longest_diagonal(9, 1)
    (256, 16, 16)
    """
    return -(-min(height, (width + 1) // 2) // LANES) * LANES


class Memory:
    """Where planes of one size lie while they are coded: the latest ones, as `layout` says.

    Parameters
    ----------
    size : (int, int)
        Height and width of a plane.
    kept : int
        How many planes are remembered, the one that is being coded included.
    settings : Settings

    Attributes
    ----------
    lanes : int
        How many samples kernels take at once: numpy takes whole diagonals.
    """

    def __init__(self, size: tuple[int, int], kept: int, settings: Settings) -> None:
        self._size, self._kept, self._settings = size, kept, settings
        self.lanes = LANES if use_numba() else _longest_diagonal(*size)
        self._shape = shape_of(*size, self.lanes)
        self._length = self._shape[0] * self._shape[1]
        numbers = kept * self._length + _SPARE
        self.values, self.errors = (np.zeros(numbers, np.int16) for _ in range(2))
        self.offsets = offsets_of(self._shape[1])

    def plane(self, number: int, references: Sequence[int], model: ExactModel) -> NDArray[np.int64]:
        """Return what kernels need to know of a plane, and prepare its memory.

        Parameters
        ----------
        number : int
            Of the plane in its block.
        references : sequence of int
            How many planes back those lie that it refers to.
        model : ExactModel
        """
        base, *others = ((number - back) % self._kept * self._length for back in (0, *references))
        here = slice(base, base + self._length)
        start, self.errors[here] = self._settings.most >> 1, FIRST_ERROR
        self.values.view(np.uint16)[here] = start
        step = 2 * self._settings.error + 1
        first, second = (*others, 0, 0)[:2]
        numbers = {
            "height": self._size[0],
            "width": self._size[1],
            "columns": self._shape[1],
            "base": base,
            "references": len(references),
            "first": first,
            "second": second,
            "most": self._settings.most,
            "error": self._settings.error,
            "step_octaves": int(np.float32(16 * step).view(np.int32)) >> 18,
            "fraction": (1 << 15) // step,
            "wide": model.hidden[0],
            "hidden": model.hidden[1],
        }
        return np.array([numbers[name] for name in PLANE], np.int64)

    def samples(self, plane: NDArray[np.int64]) -> NDArray[np.uint16]:
        """Return the decoded samples of a plane, (H, W), where they lie in memory."""
        columns = self._shape[1]
        first = int(plane[PLANE["base"]]) + FIRST_ROW * columns + MARGIN
        strides = 2 * (2 * columns + 1), 2 * columns
        return np.ndarray(self._size, np.uint16, self.values.data, 2 * first, strides)
