"""The linear prediction of a plane: coefficients that suit its samples."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import use_numba
from numcodecs_neural.exact.dec_stream import MAX_TERM_SUM
from numcodecs_neural.exact.enc_kernels import add_products
from numcodecs_neural.exact.layout import CAUSAL, MARGIN, REFERENCE, SECOND_TERMS, with_margins

__all__ = ["SAMPLES", "Fit", "fit"]

SAMPLES = 1 << 15
"""So many samples, spread over the plane, are enough for thirty coefficients."""
_ONE = 1 << 10
_LARGEST = 4095
_LIMIT = 1023


class Fit(NamedTuple):
    """How a plane is predicted from itself and its references.

    Parameters
    ----------
    terms : ndarray of int64
        The coefficients.
    missed : int
        What remains, as a weighted sum of squares; comparable between fits of the same plane.
    """

    terms: NDArray[np.int64]
    missed: int


def fit(
    plane: NDArray[np.integer[Any]],
    references: Sequence[NDArray[np.integer[Any]]],
    most: int,
    samples: int = SAMPLES,
) -> Fit:
    """Return coefficients that predict a plane from itself and others of its size.

    Differences are weighed by how flat their surroundings are, as integers: so the sums are exact
    in any order, and the coefficients the same on every machine.

    Parameters
    ----------
    plane : ndarray, shape (H, W)
        Levels.
    references : sequence of ndarray, shape (H, W)
        At most two.
    most : int
        The highest level.
    samples : int
        How many samples to look at, about.
    """
    rows = _differences(plane, references, most, _steps_of(plane.size, samples))
    products = np.zeros((len(rows),) * 2, np.int64)
    if use_numba():
        add_products(rows, products)
    else:
        # Exact in float64 as well: no sum reaches 2^53.
        products += (rows.astype(np.float64) @ rows.T.astype(np.float64)).astype(np.int64)
    sums = np.triu(products) + np.triu(products, 1).T
    found = _limited(_coefficients(sums.astype(np.float64)))
    signed = [*(-found).tolist(), _ONE]
    missed = sum(
        a * b * c
        for a, row in zip(signed, sums.tolist(), strict=True)
        for b, c in zip(signed, row, strict=True)
    )
    return Fit(found, missed)


def _coefficients(whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what solves the normal equations, whose last row and column are of the target."""
    matrix, right = whole[:-1, :-1], whole[:-1, -1]
    ridge = np.trace(matrix) / len(matrix) * 2e-4 + 1
    return _solve(matrix + ridge * np.eye(len(matrix)), right)


def _limited(solved: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return coefficients as integers that a section may hold."""
    found = np.clip(np.rint(solved * _ONE), -_LARGEST, _LARGEST).astype(np.int64)
    total = int(np.abs(found).sum())
    return found if total <= MAX_TERM_SUM else found * MAX_TERM_SUM // (2 * total)


def _steps_of(size: int, samples: int) -> tuple[int, int]:
    """Return by how much to step over rows and columns: odd, so that no grid of 8 is followed."""
    step = max(1, int((size / samples) ** 0.5)) // 2 * 2 + 1
    return (3, 1) if step == 1 and size > 3 * samples // 2 else (step, step)


def _differences(
    plane: NDArray[np.integer[Any]],
    references: Sequence[NDArray[np.integer[Any]]],
    most: int,
    steps: tuple[int, int],
) -> NDArray[np.int16]:
    """Return the terms' differences, and last those of the samples, weighed."""
    height, width = plane.shape
    down, across = steps

    def around(whole: NDArray[np.int32], place: tuple[int, int]) -> NDArray[np.int32]:
        x, y = place
        rows = slice(MARGIN + y, MARGIN + y + height, down)
        return whole[rows, MARGIN + x : MARGIN + x + width : across].ravel()

    whole = with_margins(plane.astype(np.int32), most >> 1)
    near = [around(whole, place) for place in CAUSAL]
    base = (near[0] + near[1]) >> 1
    terms = [value - base for value in near]
    for number, reference in enumerate(references[:2]):
        other = with_margins(reference.astype(np.int32), most >> 1)
        count = SECOND_TERMS if number else len(REFERENCE)
        values = [around(other, place) for place in REFERENCE[:count]]
        middle = (values[4] + values[3]) >> 1
        terms += [value - middle for value in values]
    return _weighed([*terms, around(whole, (0, 0)) - base])


def _weighed(differences: Sequence[NDArray[np.int32]]) -> NDArray[np.int16]:
    """Return differences divided by how much the first four of them are in all, nearly."""
    activity = np.abs(np.stack(differences[:4])).sum(0) + 4
    bits = (4 * activity).astype(np.float32).view(np.int32)
    down, inverse = (bits >> 23) - 125, (256 - ((bits >> 16) & 127)) << 4
    rows = np.empty((len(differences), len(bits)), np.int16)
    for row, difference in zip(rows, differences, strict=True):
        row[:] = np.clip((difference * inverse) >> down, -_LIMIT, _LIMIT)
    return rows


def _solve(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve a positive definite system by elimination, in an order that no library chooses."""
    rows = np.concatenate([matrix, right[:, None]], 1)
    for i in range(len(rows)):
        rows[i] = rows[i] / rows[i, i]
        others = np.arange(len(rows)) != i
        rows[others] -= rows[others, i, None] * rows[i]
    return rows[:, -1]
