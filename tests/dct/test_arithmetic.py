"""Tables are the same on every machine, and no sum leaves int32."""

import math
import zlib

import numpy as np
import pytest

from numcodecs_neural.dct.arithmetic import BASIS, COSINES, SUM_LIMIT, TURN, largest_sums
from numcodecs_neural.dct.colour import ONE, cosine, matrices_of, sine


def distance_from_half(values: list[float]) -> float:
    return min(abs(value % 1 - 0.5) for value in values)


def test_no_entry_of_a_table_depends_on_the_last_bits_of_a_cosine() -> None:
    cosines = [ONE * math.cos(2 * math.pi * i / TURN) for i in range(TURN // 4 + 1)]
    basis = [ONE * math.sqrt(1 / 8) * math.cos(math.pi * i / 32) for i in range(17)]

    assert distance_from_half(cosines) > 1e-4
    assert distance_from_half(basis) > 1e-4


def test_tables_are_those_of_the_format() -> None:
    assert BASIS[0].tolist() == [4096] * 16
    assert BASIS[1, :8].tolist() == [5765, 5543, 5109, 4478, 3675, 2731, 1682, 568]
    assert COSINES[[0, 1, 128, 255, 256]].tolist() == [16384, 16384, 11585, 101, 0]
    assert zlib.crc32(BASIS.astype("<i2").tobytes()) == 0xF6AF589A
    assert zlib.crc32(COSINES.astype("<i2").tobytes()) == 0xDD5C9814


def test_basis_is_orthonormal_to_its_precision() -> None:
    product = BASIS.astype(np.int64) @ BASIS.T.astype(np.int64)

    assert np.abs(product / ONE**2 - np.eye(16)).max() < 2e-4


def test_cosines_of_all_quarters_are_those_of_the_first() -> None:
    angles = np.arange(-TURN, 2 * TURN)

    assert np.abs(cosine(angles) - ONE * np.cos(2 * np.pi * angles / TURN)).max() < 0.51
    assert np.abs(sine(angles) - ONE * np.sin(2 * np.pi * angles / TURN)).max() < 0.51


def test_matrices_are_rotations_around_three_axes() -> None:
    angles = np.random.default_rng(0).integers(0, TURN, (500, 3))
    (ca, cb, cc), (sa, sb, sc) = (f(2 * np.pi * angles.T / TURN) for f in (np.cos, np.sin))

    expected = np.array(
        [
            [ca * cb, ca * sb * sc - sa * cc, ca * sb * cc + sa * sc],
            [sa * cb, sa * sb * sc + ca * cc, sa * sb * cc - ca * sc],
            [-sb, cb * sc, cb * cc],
        ]
    ).transpose(2, 0, 1)

    assert np.abs(matrices_of(angles) - ONE * expected).max() < 2.5


@pytest.mark.parametrize("seed", range(5))
def test_sums_of_any_operands_stay_within_int32(seed: int) -> None:
    matrices = matrices_of(np.random.default_rng(seed).integers(0, TURN, (1000, 3)))

    largest = [max(largest_sums(matrix).values()) for matrix in matrices]

    assert max(largest) <= SUM_LIMIT
