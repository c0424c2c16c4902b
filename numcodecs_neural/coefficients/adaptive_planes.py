"""What the adaptive coder keeps of a chunk: components in their order, and their tables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural import compilation
from numcodecs_neural.coefficients import adaptive_rows
from numcodecs_neural.coefficients.adaptive_constants import (
    BASIS,
    WEIGHT,
    WEIGHT_ROWS,
    constants,
    initial_probabilities,
)
from numcodecs_neural.coefficients.adaptive_twins import twins_of
from numcodecs_neural.coefficients.layout import Layout, Plane
from numcodecs_neural.jpeg import Coefficients, Colour

__all__ = ["FIRST_RANGE", "Coder", "code_planes"]

FIRST_RANGE = (1 << 48) - 1
_MAX_RATIO = 4
_BAND_BLOCKS = 1 << 16

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Coder:
    """The arithmetic coder: its numbers and its words of 16 bits.

    Parameters
    ----------
    numbers : ndarray of int64
        As `adaptive_rows` names them.
    words : ndarray of uint16
        Those that are read, or room for those to be written.
    """

    numbers: NDArray[np.int64]
    words: NDArray[np.uint16]


def code_planes(
    coder: Coder,
    coefficients: Coefficients,
    layout: Layout,
    before_row: Callable[[Coder, int], Coder],
) -> Coder:
    """Code all components; coefficients are read by an encoder and written by a decoder.

    `before_row` is given the coder and how many blocks the next row has, and returns the coder to
    go on with, or raises.
    """
    order = [1, 0, 2] if layout.colour is Colour.RGB else range(len(layout.planes))
    done: list[int] = []
    for n in order:
        twin = next((m for m in reversed(done) if _ratio(layout, m, n) == (1, 1)), None)
        if twin is None:
            twin = next((m for m in done if _ratio(layout, m, n) is not None), None)
        source = None if twin is None else (coefficients[twin], layout.planes[twin].steps)
        kind = min(len(done), 1) * (2 if layout.colour is Colour.RGB else 1)
        coder = _code_plane(coder, coefficients[n], layout.planes[n], source, kind, before_row)
        done.append(n)
    return coder


def _ratio(layout: Layout, reference: int, component: int) -> tuple[int, int] | None:
    """Return how many blocks of a component before stand, down and across, for one of another."""
    shapes = layout.planes[reference].coded.shape, layout.planes[component].coded.shape
    ratios = tuple(large // max(small, 1) for large, small in zip(*shapes, strict=True))
    whole = all(r * small == large for r, large, small in zip(ratios, *shapes, strict=True))
    down, across = ratios
    fits = whole and 1 <= down <= _MAX_RATIO and 1 <= across <= _MAX_RATIO
    return (down, across) if fits else None


def _code_plane(
    coder: Coder,
    blocks: NDArray[np.int16],
    plane: Plane,
    source: tuple[NDArray[np.int16], tuple[int, ...]] | None,
    kind: int,
    before_row: Callable[[Coder, int], Coder],
) -> Coder:
    rows, columns = plane.coded.shape
    steps = np.array(plane.steps, np.int64)
    fixed: list[Array] = [steps, _inverses(steps), _ratios(steps)]
    lines: list[Array] = [
        np.zeros((2, columns + 2, 64), np.int32),
        np.zeros((2, columns + 2), np.int64),
        np.zeros((2, columns + 2, 2), np.int64),
        np.zeros(2, np.int64),
        np.zeros((columns, 8), np.int64),
    ]
    learning: list[Array] = [
        initial_probabilities(kind).copy(),
        np.full((WEIGHT_ROWS, 5), WEIGHT, np.int32),
    ]
    work = np.zeros(adaptive_rows.WORK, np.int64)
    code_row, view = _fastest()
    # In bands, for the sake of memory. Each begins with the last row of the one before, and rows
    # with an even number, since lines are kept by that.
    band = 2 * min(max(_BAND_BLOCKS // (2 * max(columns, 1)), 1), 16)
    for begin in range(0, max(rows - 1, 1), band):
        here = slice(begin, begin + band + 1)
        coded = plane.coded[here].astype(np.uint8)
        twins: list[Array] = [np.zeros((1, 1, 64), np.int32), np.zeros((1, 1), np.int64)]
        if source is not None:
            twins = twins_of(*source, plane.steps, here, (rows, columns))
        context: list[Array] = [blocks[here], coded, *twins, *fixed]
        for row in range(int(begin > 0), coded.shape[0]):
            coder = before_row(coder, columns)
            state: list[Array] = [coder.numbers, coder.words, constants(), *learning]
            arguments = (*view([work]), view(context), view(lines))
            code_row(view(state), *arguments, row, int(source is not None))
    return coder


def _fastest() -> tuple[Callable[..., None], Callable[[list[Array]], tuple[Any, ...]]]:
    """Return what codes a row, and what makes of arrays what it takes."""
    if compilation.use_numba():
        from numcodecs_neural.coefficients import adaptive_kernels

        return adaptive_kernels.code_row, tuple
    return adaptive_rows.code_row, lambda arrays: tuple(memoryview(array) for array in arrays)


def _basis() -> NDArray[np.int64]:
    return constants()[BASIS : BASIS + 8]


def _inverses(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what turns borders into steps: by none, the left, the upper one and both."""
    across, down = np.tile(_basis() ** 2, 8), np.repeat(_basis() ** 2, 8)
    squares = np.stack([across, down, across + down])
    return np.concatenate([np.zeros((1, 64), np.int64), (1 << 36) // (squares * steps)])


def _ratios(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the steps of five neighbours of lower frequency in 16ths of the own, at most 4095."""
    grid = steps.reshape(8, 8)
    ratios = np.zeros((5, 8, 8), np.int64)
    for n, (u, v) in enumerate([(1, 0), (0, 1), (1, 1), (2, 0), (0, 2)]):
        ratios[n, v:, u:] = np.minimum(16 * grid[: 8 - v, : 8 - u] // grid[v:, u:], 4095)
    return ratios.reshape(5, 64)
