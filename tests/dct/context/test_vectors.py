"""Operations on vectors give what their meaning in Python gives."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

pytest.importorskip("numba", reason="without numba nothing is compiled")

from numba import types

from numcodecs_neural.compilation import Integer, compiled, readable, uncompiled
from numcodecs_neural.vectors import (
    add,
    bits_of_one,
    float_bits,
    load16,
    load32,
    magnitude,
    maximum,
    minimum,
    mul,
    narrow,
    not_above,
    pair_of,
    pair_products,
    shift_right,
    splat16,
    splat32,
    store16,
    store32,
    tile_products,
    total_product,
    widen,
    widen_unsigned,
)

SHORTS, WORDS = types.Array(types.int16, 1, "C"), types.Array(types.int32, 1, "C")


@compiled(types.void, readable(types.int16), types.int64, SHORTS, WORDS, allocates=False)
def of_shorts(given: Integer, value: Integer, shorts: Integer, words: Integer) -> None:
    """Apply every operation on int16 to 32 numbers."""
    one, other = load16(given, 0), load16(given, 16)
    store16(shorts, 0, add(one, other))
    store16(shorts, 16, mul(one, other))
    store16(shorts, 32, minimum(one, other))
    store16(shorts, 48, maximum(one, other))
    store16(shorts, 64, magnitude(one))
    store16(shorts, 80, shift_right(one, splat16(value & 15)))
    store32(words, 0, widen(one))
    store32(words, 16, widen_unsigned(one))
    words[32] = not_above(given, 3, value)
    words[33] = pair_of(given, 5)


@compiled(types.void, readable(types.int32), types.int64, SHORTS, WORDS, allocates=False)
def of_words(given: Integer, value: Integer, shorts: Integer, words: Integer) -> None:
    """Apply every operation on int32 to 32 numbers."""
    one, other = load32(given, 0), load32(given, 16)
    store32(words, 0, add(one, other))
    store32(words, 16, mul(one, other))
    store32(words, 32, minimum(one, other))
    store32(words, 48, maximum(one, other))
    store32(words, 64, magnitude(one))
    store32(words, 80, shift_right(one, splat32(value & 31)))
    store32(words, 96, float_bits(shift_right(one, splat32(8))))
    words[112] = bits_of_one(value)
    store16(shorts, 0, narrow(one))


@compiled(types.void, readable(types.int16), readable(types.int16), WORDS, allocates=False)
def of_products(factors: Integer, weights: Integer, words: Integer) -> None:
    """Sum products in every way."""
    zero = splat32(-7)
    store32(words, 0, pair_products(zero, pair_of(factors, 3), weights, 11))
    store32(words, 16, tile_products(zero, factors, 1, weights, 5))
    words[32] = total_product(factors, 2, weights, 9)


def both(kernel: Any, *given: Any) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Return what a kernel stores, compiled and as Python runs it."""
    results = []
    for run in (kernel, uncompiled(kernel)):
        stored = np.zeros(96, np.int16), np.zeros(128, np.int32)
        run(*given, *(stored if kernel is not of_products else stored[1:]))
        results.append(stored)
    return results


def integers(dtype: type, count: int, most: int | None = None) -> st.SearchStrategy[NDArray[Any]]:
    bounds = {} if most is None else {"min_value": -most, "max_value": most}
    return arrays(dtype, count, elements=bounds or None)


@given(integers(np.int16, 32), st.integers(-32768, 32767))
def test_operations_on_shorts(numbers: NDArray[np.int16], value: int) -> None:
    with np.errstate(over="ignore"):
        compiled_ones, plain = both(of_shorts, numbers, value)

    assert np.array_equal(compiled_ones[0], plain[0])
    assert np.array_equal(compiled_ones[1], plain[1])


@given(integers(np.int32, 32), st.integers(0, (1 << 24) - 1))
def test_operations_on_words(numbers: NDArray[np.int32], value: int) -> None:
    with np.errstate(over="ignore"):
        compiled_ones, plain = both(of_words, numbers, value)

    assert np.array_equal(compiled_ones[0], plain[0])
    assert np.array_equal(compiled_ones[1], plain[1])


@given(integers(np.int16, 32, 10000), integers(np.int16, 300, 6000))
def test_sums_of_products(factors: NDArray[np.int16], weights: NDArray[np.int16]) -> None:
    compiled_ones, plain = both(of_products, factors, weights)

    assert np.array_equal(compiled_ones[1], plain[1])
    first = int(factors[3]) * int(weights[11]) + int(factors[4]) * int(weights[12])
    assert compiled_ones[1][0] == first - 7
