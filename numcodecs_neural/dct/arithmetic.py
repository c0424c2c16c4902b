"""Constants of the integer DCT, and the proof that none of its sums overflows.

A block is 16 x 16 pixels. Its coefficient ``16 * u + v`` has the vertical frequency `u` and the
horizontal frequency `v`, and counts eighths of a grey level in the scale of an orthonormal DCT.
Every operand of a product is an int16 and every sum an int32, as multiply-add instructions for
pairs of int16 take them.
"""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BASIS",
    "BASIS_BITS",
    "BLOCK",
    "COEFFICIENTS",
    "COEFFICIENT_BITS",
    "COLUMN_BITS",
    "COLUMN_SHIFT",
    "COSINES",
    "COSINE_BITS",
    "IS_LOW",
    "LEVEL",
    "LOW_BAND",
    "MAX_FRACTION",
    "ROW_BITS",
    "ROW_SHIFT",
    "SUM_LIMIT",
    "TURN",
    "VALUE_MAX",
    "VALUE_MIN",
    "largest_sums",
    "pixel_dtype",
]

BLOCK = 16
"""Pixels on a side of a block."""

COEFFICIENTS = BLOCK * BLOCK

COEFFICIENT_BITS, COLUMN_BITS, ROW_BITS = 3, 5, 6
"""Fraction bits of coefficients, and of what lies between the passes of decoding and encoding."""

BASIS_BITS = 14
COSINE_BITS = 14

COLUMN_SHIFT = BASIS_BITS + COEFFICIENT_BITS - COLUMN_BITS
ROW_SHIFT = BASIS_BITS + COLUMN_BITS
"""What the passes of decoding shift by; the second by as much less as pixels have fraction bits."""

VALUE_MIN, VALUE_MAX = -(1 << 15), (1 << 15) - 1
"""Coefficients and columns are limited to int16.

An image reaches 28,378 of it: 2,048 grey levels along the grey axis of three channels.
"""

SUM_LIMIT = (1 << 31) - 1

LEVEL = 128
"""Grey level that coefficients of 0 stand for."""

MAX_FRACTION = 8
"""A pixel has at most so many bits below a grey level."""

TURN = 1024
"""Angles of colour axes are this fraction of a turn."""

LOW_BAND = 4
"""Frequencies ``u + v`` below it have colour axes of their own."""

IS_LOW: NDArray[np.bool_] = np.add.outer(np.arange(BLOCK), np.arange(BLOCK)).ravel() < LOW_BAND
"""Which coefficients are of the low band; (256,)."""


def _basis() -> NDArray[np.int16]:
    scale = [math.sqrt((1 if u == 0 else 2) / BLOCK) * (1 << BASIS_BITS) for u in range(BLOCK)]
    rows = [
        [round(scale[u] * math.cos((2 * y + 1) * u * math.pi / (2 * BLOCK))) for y in range(BLOCK)]
        for u in range(BLOCK)
    ]
    return np.array(rows, np.int16)


# No entry of either table is so close to a half that a machine's cosine could round it otherwise.
BASIS = _basis()
"""``BASIS[u, y]``: the orthonormal DCT of 16 points, (16, 16)."""

COSINES: NDArray[np.int32] = np.array(
    [round(math.cos(2 * math.pi * i / TURN) * (1 << COSINE_BITS)) for i in range(TURN // 4 + 1)],
    np.int32,
)
"""Cosines of a quarter of a turn, both ends included; (257,)."""


def pixel_dtype(fraction: int) -> type[np.uint8] | type[np.uint16]:
    """Return the type of pixels with `fraction` bits below a grey level."""
    return np.uint16 if fraction else np.uint8


def largest_sums(matrix: NDArray[np.integer]) -> dict[str, int]:
    """Return how large any sum of the arithmetic can become, its rounding term included.

    Operands lie anywhere in int16, and sums are added in any order. Each must be at most
    `SUM_LIMIT`, which proves that int32 holds it.

    Parameters
    ----------
    matrix : (3, 3)
        Colour axes.

    Examples
    --------
    >>> from numcodecs_neural.dct.colour import matrices_of
    >>> max(largest_sums(matrices_of(np.zeros((2, 3), np.int64))[0]).values()) <= SUM_LIMIT
    True
    """
    colour, basis = np.abs(matrix.astype(np.int64)), np.abs(BASIS.astype(np.int64))
    rounding = 1 << (ROW_SHIFT - 1)
    return {
        "colour": int(colour.sum(0).max()) * -VALUE_MIN + (1 << (COSINE_BITS - 1)),
        "columns": int(basis.sum(0).max()) * -VALUE_MIN + rounding,
        "rows": int(basis.sum(0).max()) * -VALUE_MIN + (LEVEL << ROW_SHIFT) + rounding,
    }
