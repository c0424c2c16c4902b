"""Colour axes of an image: the principal axes of its coefficients, in both bands."""

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Kernel
from numcodecs_neural.dct.arithmetic import COSINE_BITS, IS_LOW, TURN
from numcodecs_neural.dct.colour import ONE, cosine, matrices_of, sine

__all__ = [
    "NEIGHBOURS",
    "angles_of",
    "axes_of",
    "cross",
    "dot",
    "moments",
    "moments_plain",
    "principal_axes",
    "rotate",
    "rotate_plain",
]

Matrix = list[list[float]]

_MOMENTS, _ROTATE = (
    Kernel("numcodecs_neural.dct.enc_kernels", name) for name in ("moments", "rotate")
)


def axes_of(coefficients: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the angles of an image's own colour axes.

    Parameters
    ----------
    coefficients : (h, w, 3, 256) int32
        What `enc_forward.forward` returns.

    Returns
    -------
    (2, 3) int64
        Angles of the low band and of the others, in units of 1/1024 turn.
    """
    return np.array([angles_of(principal_axes(m)) for m in moments(coefficients)])


def principal_axes(products: NDArray[np.int64]) -> Matrix:
    """Return orthonormal rows, the first of largest variance, with a positive determinant.

    The first points along (1, 1, 1). Without colour in any direction they are still defined: where
    variances are equal, the order of channels decides.
    """
    vectors, variances = _eigen([[float(x) for x in row] for row in products])
    order = sorted(range(3), key=lambda i: -variances[i])
    first, second = ([vectors[j][i] for j in range(3)] for i in order[:2])
    if sum(first) < 0:
        first = [-x for x in first]
    return [first, second, cross(first, second)]


def moments(coefficients: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return sums of products of channels in both bands, without DC; (2, 3, 3)."""
    kernel = _MOMENTS.compiled()
    if kernel is None:
        return moments_plain(coefficients)
    both = np.zeros((2, 3, 3), np.int64)
    kernel(np.ascontiguousarray(coefficients).reshape(-1), both)
    return both


def moments_plain(coefficients: NDArray[np.int32]) -> NDArray[np.int64]:
    """Do what `moments` does, in float64, which holds every sum exactly."""
    bands = IS_LOW & (np.arange(len(IS_LOW)) > 0), ~IS_LOW
    channels = coefficients.transpose(2, 0, 1, 3).astype(np.float64)
    flat = [channels[..., band].reshape(3, -1) for band in bands]
    return np.array([x @ x.T for x in flat]).astype(np.int64)


def rotate(coefficients: NDArray[np.int32], matrices: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return coefficients along colour axes, ``R(sum_c M[a, c] * X[c, k], 14)``.

    Parameters
    ----------
    coefficients : (h, w, 3, 256) int32
        What `enc_forward.forward` returns.
    matrices : (2, 3, 3)
        Of the low band and of the others.
    """
    kernel = _ROTATE.compiled()
    if kernel is None:
        return rotate_plain(coefficients, matrices)
    rotated = np.empty(coefficients.shape, np.int32)
    factors = np.zeros((2, 3, 4), np.int16)  # a 0 behind each row makes it pairs of factors
    factors[:, :, :3] = matrices
    kernel(
        np.ascontiguousarray(coefficients).reshape(-1),
        factors.reshape(-1),
        rotated.reshape(-1),
    )
    return rotated


def rotate_plain(
    coefficients: NDArray[np.int32], matrices: NDArray[np.integer]
) -> NDArray[np.int32]:
    """Do what `rotate` does, in float64, which holds every sum exactly."""
    half = 1 << (COSINE_BITS - 1)
    low, high = (
        np.floor((m.astype(np.float64) @ coefficients.astype(np.float64) + half) / (2 * half))
        for m in matrices
    )
    rotated: NDArray[np.int32] = np.where(IS_LOW, low, high).astype(np.int32)
    return rotated


def dot(a: list[float], b: list[float]) -> float:
    """Return the scalar product, summed from left to right."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: list[float], b: list[float]) -> list[float]:
    """Return the vector product."""
    return [a[i - 2] * b[i - 1] - a[i - 1] * b[i - 2] for i in range(3)]


def _eigen(matrix: Matrix) -> tuple[Matrix, list[float]]:
    """Return eigenvectors as columns, and eigenvalues, by Jacobi's method in a fixed order.

    Only + - * / and square roots, each rounded as IEEE 754 says: the same on every machine.
    """
    m = [row.copy() for row in matrix]
    vectors = [[float(i == j) for j in range(3)] for i in range(3)]
    for _ in range(_SWEEPS):
        for p, q in ((0, 1), (0, 2), (1, 2)):
            if m[p][q] != 0:
                _annihilate(m, vectors, p, q)
    return vectors, [m[i][i] for i in range(3)]


_SWEEPS = 5
"""Convergence is quadratic: what is left after five is beyond what float64 can tell from 0."""


def _annihilate(m: Matrix, vectors: Matrix, p: int, q: int) -> None:
    theta = (m[q][q] - m[p][p]) / (2 * m[p][q])
    t = 1 / (abs(theta) + math.sqrt(theta * theta + 1))
    t = -t if theta < 0 else t
    c = 1 / math.sqrt(t * t + 1)
    s = t * c
    for row in (*m, *vectors):
        row[p], row[q] = c * row[p] - s * row[q], s * row[p] + c * row[q]
    m[p], m[q] = (
        [c * x - s * y for x, y in zip(m[p], m[q], strict=True)],
        [s * x + c * y for x, y in zip(m[p], m[q], strict=True)],
    )


_ANGLES = np.arange(TURN)
_COSINES, _SINES = cosine(_ANGLES).astype(np.float64), sine(_ANGLES).astype(np.float64)


def angles_of(axes: Matrix) -> NDArray[np.int64]:
    """Return the angles of the matrix nearest to orthonormal rows, or to them with signs changed.

    The second axis points towards red, and away from green and blue: so do those of nearly all
    images of tissue, whose signs then do not depend on small changes.
    """
    angles = _nearest_angles(np.array(axes))
    second = matrices_of(angles)[1]
    if 2 * second[0] < second[1] + second[2]:
        # Half a turn around the first axis.
        angles = (angles * (-1, -1, 1) + (0, 0, TURN // 2)) % TURN
    return angles


def _nearest_angles(m: NDArray[np.float64]) -> NDArray[np.int64]:
    a = _nearest(m[0, 0], m[1, 0])
    left = _turned(m, -a, 0, 1)
    b = _nearest(left[0, 0], -left[2, 0])
    left = _turned(left, b, 0, 2)
    c = _nearest(left[1, 1] + left[2, 2], left[2, 1] - left[1, 2])
    near = (np.array([a, b, c]) + NEIGHBOURS) % TURN
    wanted = np.rint(m * (ONE * _FINER)).astype(np.int64)
    distances = ((matrices_of(near).astype(np.int64) * _FINER - wanted) ** 2).sum((1, 2))
    nearest: NDArray[np.int64] = near[distances.argmin()]
    return nearest


_FINER = 16
"""Distances of matrices are in integers, so that they are the same on every machine."""

NEIGHBOURS: NDArray[np.int64] = np.array(
    sorted(itertools.product((-1, 0, 1), repeat=3), key=lambda steps: sum(map(abs, steps)))
)
"""Steps to angles nearby, nearest first; (27, 3)."""


def _nearest(x: float, y: float) -> int:
    """Return the angle whose direction is nearest to a vector's."""
    return int(np.argmax(x * _COSINES + y * _SINES))


def _turned(m: NDArray[np.float64], angle: int, i: int, j: int) -> NDArray[np.float64]:
    """Return the product of a rotation, from row i to row j, and a matrix."""
    c, s = _COSINES[angle % TURN] / 2**COSINE_BITS, _SINES[angle % TURN] / 2**COSINE_BITS
    turned = m.copy()
    turned[i], turned[j] = c * m[i] - s * m[j], s * m[i] + c * m[j]
    return turned
