"""Numbers of the adaptive coder that never change, and the tables that a chunk begins with."""

import functools
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.jpeg.description import NATURAL_ORDER

__all__ = [
    "BANDS",
    "BASIS",
    "BUCKETS",
    "COUNT",
    "COUNT_ROWS",
    "COUNT_SIZE",
    "LEVEL",
    "LEVELS",
    "LEVEL_SIZE",
    "MANTISSA",
    "MANTISSA_ROWS",
    "ORDER",
    "PROBABILITIES",
    "RATES",
    "SIGN",
    "SIGN_ROWS",
    "SQUASH",
    "STRETCH",
    "TWIN_LIMIT",
    "WEIGHT",
    "WEIGHT_ROWS",
    "bands",
    "border_basis",
    "constants",
    "initial_probabilities",
]

# Where things begin in the array of constants that kernels read.
STRETCH, SQUASH, RATES, BUCKETS, ORDER, BANDS, BASIS = 0, 4096, 8192, 9216, 9472, 9536, 9600

LEVELS = 6
"""Zero flag and exponents beyond the fifth share their contexts with the fifth."""

LEVEL_SIZE, COUNT_SIZE, SIGN_SIZE = LEVELS * 64 * 16, 64 * 64, 64 * 32

# Where the five context tables of each kind of decision begin.
LEVEL = tuple(n * LEVEL_SIZE for n in range(5))
COUNT = tuple(5 * LEVEL_SIZE + n * COUNT_SIZE for n in range(5))
SIGN = tuple(COUNT[4] + COUNT_SIZE + n * SIGN_SIZE for n in range(5))
_MANTISSA_SIZES = (64 * 64, 64 * 11 * 11, 16 * 17, 16 * 64, 64 * 11)
MANTISSA = tuple(SIGN[4] + 64 * 9 + sum(_MANTISSA_SIZES[:n]) for n in range(5))
PROBABILITIES = SIGN[4] + 64 * 9 + sum(_MANTISSA_SIZES)
"""How many adaptive probabilities a component has."""

# Rows of weights; those of levels come first.
COUNT_ROWS = LEVELS * 64
SIGN_ROWS = COUNT_ROWS + 64
MANTISSA_ROWS = SIGN_ROWS + 64
WEIGHT_ROWS = MANTISSA_ROWS + 11 * 11

WEIGHT = 16000
"""All weights at first, in 65536ths."""

TWIN_LIMIT = 8191
"""Of what a component before predicts of another, in eighths of its steps."""

_SQUASH_MARGIN = 24
_FIRST_COUNT = 6
_INITIAL_FILE = Path(__file__).with_name("adaptive_initial.bin")
# Levels, counts, the first four signs, the fifth, the first and the third context of mantissas.
_INITIAL_SIZES = (5 * LEVELS * 80, 16 * 64, 4 * 8 * 32, 8 * 9, 8 * 64, 16 * 17)


@functools.cache
def constants() -> NDArray[np.int64]:
    """Return the tables that kernels read, one behind the other, as the names above say."""
    odds = [math.log(p / (4096 - p)) for p in range(1, 4096)]
    stretch = [min(max(round(256 * x), -2047), 2047) for x in odds]
    squash = [round(65536 / (1 + math.exp(-x / 256))) for x in range(-2048, 2048)]
    least, most = _SQUASH_MARGIN, 65536 - _SQUASH_MARGIN
    tables = (
        [stretch[0], *stretch],
        [min(max(p, least), most) for p in squash],
        [655360 // (10 * n + 16) for n in range(1024)],
        [_bucket(value) for value in range(256)],
        NATURAL_ORDER.tolist(),
        bands(),
        border_basis(),
    )
    joined = np.array([value for table in tables for value in table], np.int64)
    joined.flags.writeable = False
    return joined


def _bucket(value: int) -> int:
    """Return 0 to 3 for themselves, then two numbers an octave; 192 and more are 15."""
    bits = value.bit_length()
    return value if bits <= 2 else 2 * bits - 2 + ((value >> (bits - 2)) & 1)


def bands() -> list[int]:
    """Return for each coefficient in zigzag order its distance from DC in 8 ranges."""
    squares = [(place % 8) ** 2 + (place // 8) ** 2 for place in NATURAL_ORDER.tolist()]
    return [min(math.isqrt(36 * square) // 5, 7) for square in squares]


def border_basis() -> list[int]:
    """Return 512 times the basis functions at the border, where their first two samples point."""
    values = []
    for n in range(8):
        first, second = (math.cos((2 * x + 1) * n * math.pi / 16) / 2 for x in (0, 1))
        scale = math.sqrt(0.5) if n == 0 else 1.0
        values.append(round(512 * scale * (1.5 * first - 0.5 * second)))
    return values


@functools.cache
def initial_probabilities(kind: int) -> NDArray[np.uint32]:
    """Return the probabilities that a component begins with, in the order of all context tables.

    They are means over 600 crops of the images that weights are trained on, encoded as JPEG with
    many tables, qualities and samplings.

    Parameters
    ----------
    kind : int
        0 for the component that is coded first, 1 for later ones of YCbCr, 2 for those of RGB.
    """
    odds = np.fromfile(_INITIAL_FILE, np.int8).astype(np.int64).reshape(3, -1)[kind] * 16
    parts = np.split(odds, np.cumsum(_INITIAL_SIZES)[:-1])
    band = np.array(bands())
    by_place = parts[0].reshape(5, LEVELS, 80)
    levels = by_place[:, :, :64, None] + by_place[:, :, None, 64:]
    by_count, place = parts[1].reshape(16, 64), np.arange(64) >> 2
    fine, coarse = by_count[place], by_count[place | 1]
    joined = [
        *(levels, fine, coarse, fine, coarse, fine),
        parts[2].reshape(4, 8, 32)[:, band],
        parts[3].reshape(8, 9)[band],
        parts[4].reshape(8, 64)[band],
        np.zeros(_MANTISSA_SIZES[1], np.int64),
        parts[5],
        np.zeros(_MANTISSA_SIZES[3] + _MANTISSA_SIZES[4], np.int64),
    ]
    votes = np.concatenate([part.ravel() for part in joined]).clip(-2047, 2047)
    counts = np.full(PROBABILITIES, _FIRST_COUNT)
    counts[MANTISSA[1] : MANTISSA[2]] = 0
    counts[MANTISSA[3] :] = 0
    shares = constants()[SQUASH + 2048 + votes]
    entries: NDArray[np.uint32] = (shares << 16 | counts).astype(np.uint32)
    entries.flags.writeable = False
    return entries
