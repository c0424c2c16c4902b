"""Colour axes of an image: orthonormal matrices of integers from three angles each."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numcodecs_neural.dct.arithmetic import COSINE_BITS, COSINES, TURN

__all__ = ["ONE", "cosine", "matrices_of", "sine"]

ONE = 1 << COSINE_BITS
"""The number 1 in cosines and matrices."""


def _whole_turn() -> NDArray[np.int64]:
    quarter = COSINES.astype(np.int64)
    half = np.concatenate([quarter, -quarter[-2::-1]])
    return np.concatenate([half, half[-2:0:-1]])


_COSINES = _whole_turn()


def cosine(angle: ArrayLike) -> NDArray[np.int64]:
    """Return cosines of angles in units of 1/1024 turn, whatever their sign and size.

    >>> cosine([0, 256, 512, -128]).tolist()
    [16384, 0, -16384, 11585]
    """
    cosines: NDArray[np.int64] = _COSINES[np.asarray(angle) % TURN]
    return cosines


def sine(angle: ArrayLike) -> NDArray[np.int64]:
    """Return sines of angles in units of 1/1024 turn."""
    return cosine(np.asarray(angle) - TURN // 4)


def matrices_of(angles: ArrayLike) -> NDArray[np.int32]:
    """Return the matrices ``Rz(a) Ry(b) Rx(c)``, rounded after each product.

    With ``R(s) = (s + 2**13) >> 14``, and cosines and sines as 14-bit fractions, the first product
    is

        R(cos a cos b)  -sin a  R(cos a sin b)
        R(sin a cos b)   cos a  R(sin a sin b)
           -sin b          0         cos b

    and the second keeps its first column, and makes of the others, say y and z, the columns
    ``R(y cos c + z sin c)`` and ``R(z cos c - y sin c)``.

    Parameters
    ----------
    angles : (..., 3)
        ``a, b, c`` in units of 1/1024 turn.

    Returns
    -------
    (..., 3, 3) int32
        Rows are axes, the first of largest variance; 16384 is 1.

    Examples
    --------
    >>> matrices_of([0, 0, 256]).tolist()
    [[16384, 0, 0], [0, 0, -16384], [0, 16384, 0]]
    """
    turned = np.asarray(angles, np.int64)
    (cos_a, cos_b, cos_c), (sin_a, sin_b, sin_c) = (
        np.moveaxis(f(turned), -1, 0) for f in (cosine, sine)
    )
    matrices = np.empty((*turned.shape, 3), np.int32)
    x = _rounded(cos_a * cos_b), _rounded(sin_a * cos_b), -sin_b
    y = -sin_a, cos_a, 0
    z = _rounded(cos_a * sin_b), _rounded(sin_a * sin_b), cos_b
    for row in range(3):
        matrices[..., row, 0] = x[row]
        matrices[..., row, 1] = _rounded(y[row] * cos_c + z[row] * sin_c)
        matrices[..., row, 2] = _rounded(z[row] * cos_c - y[row] * sin_c)
    return matrices


def _rounded(products: NDArray[np.int64]) -> NDArray[np.int64]:
    return (products + (ONE >> 1)) >> COSINE_BITS
