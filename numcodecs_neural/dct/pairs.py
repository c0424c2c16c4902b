"""Pairs of int16 for kernels that multiply matrices of 16 columns.

They go beyond `numcodecs_neural.vectors`, whose vectors they take: `pairs` are 32 int16, of which
2 i and 2 i + 1 belong to lane i, and `multiply_add` adds both of their products to it. Positions
count elements of an array in C order; nothing checks them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from numcodecs_neural.compilation import inlined, readable
from numcodecs_neural.vectors import INT16S, INT32S, LANES, Vector

__all__ = [
    "PAIRS",
    "either",
    "is_zero",
    "load_lanes",
    "multiply_add",
    "paired",
    "spread_pair",
    "store",
    "sums_of_products",
    "total_of",
]

_I32, _I64 = ir.IntType(32), ir.IntType(64)

PAIRS = Vector(16, 2 * LANES)


def _operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function for kernels, which numba calls without the first argument."""
    operation: Callable[..., Any] = intrinsic(function)
    return operation


def _shuffle(builder: Any, a: Any, b: Any, places: list[int]) -> Any:
    mask = ir.Constant(ir.VectorType(_I32, len(places)), places)
    return builder.shuffle_vector(a, b, mask)


def _splat(builder: Any, value: Any, count: int) -> Any:
    kind = ir.VectorType(value.type, count)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_I32, 0))
    return _shuffle(builder, one, one, [0] * count)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, at: Any, kind: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), kind.as_pointer())


@_operation
def load_lanes(typing: Any, array: Any, at: Any) -> Any:
    """Return 16 elements of an array of integers from a position, as int32."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(ir.IntType(array.dtype.bitwidth), LANES)
        pointer = _pointer(context, builder, array, args[0], args[1], kind)
        value = builder.load(pointer, align=array.dtype.bitwidth // 8)
        if kind == INT32S.llvm:
            return value
        return (builder.sext if array.dtype.signed else builder.zext)(value, INT32S.llvm)

    return INT32S(array, types.intp), generate


@_operation
def load_pairs(typing: Any, array: Any, at: Any) -> Any:
    """Return 32 elements of an int16 array from a position."""
    return PAIRS(array, types.intp), _load(PAIRS.llvm)


def _load(kind: Any) -> Callable[..., Any]:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1], kind)
        return builder.load(pointer, align=2)

    return generate


@_operation
def spread_pair(typing: Any, array: Any, at: Any) -> Any:
    """Return pairs that are all the same two neighbours of an int16 array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, array, args[0], args[1], _I32)
        pair = builder.load(pointer, align=2)
        return builder.bitcast(_splat(builder, pair, LANES), PAIRS.llvm)

    return PAIRS(array, types.intp), generate


@_operation
def paired(typing: Any, first: Any, second: Any) -> Any:
    """Return two rows as pairs."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        places = [i + LANES * k for i in range(LANES) for k in range(2)]
        return _shuffle(builder, args[0], args[1], places)

    return PAIRS(first, second), generate


@_operation
def multiply_add(typing: Any, sums: Any, a: Any, b: Any) -> Any:
    """Return sums plus the products of pairs: two for each lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        has_avx2 = "+avx2" in context.codegen().magic_tuple()[2]
        products = _products_of_avx2 if has_avx2 else _products
        return builder.add(args[0], products(builder, *args[1:]))

    return INT32S(sums, a, b), generate


def _products(builder: Any, a: Any, b: Any) -> Any:
    first, second = (
        builder.mul(*(builder.sext(_shuffle(builder, x, x, places), INT32S.llvm) for x in (a, b)))
        for places in (list(range(0, 2 * LANES, 2)), list(range(1, 2 * LANES, 2)))
    )
    return builder.add(first, second)


def _products_of_avx2(builder: Any, a: Any, b: Any) -> Any:
    # LLVM does not find this instruction by itself.
    half, result = ir.VectorType(ir.IntType(16), 16), ir.VectorType(_I32, 8)
    kind = ir.FunctionType(result, [half, half])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.pmadd.wd")
    left, right = (
        builder.call(function, [_shuffle(builder, x, x, places) for x in (a, b)])
        for places in (list(range(16)), list(range(16, 32)))
    )
    return _shuffle(builder, left, right, list(range(16)))


@_operation
def total_of(typing: Any, lanes: Any) -> Any:
    """Return the sum of all lanes, an int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = builder.sext(args[0], ir.VectorType(_I64, LANES))
        while parts.type.count > 2:
            half = parts.type.count // 2
            low, high = (
                _shuffle(builder, parts, parts, list(range(k * half, (k + 1) * half)))
                for k in range(2)
            )
            parts = builder.add(low, high)
        return builder.add(*(builder.extract_element(parts, _I32(k)) for k in range(2)))

    return types.int64(lanes), generate


@_operation
def either(typing: Any, first: Any, second: Any) -> Any:
    """Return the bits that either of two rows has."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.or_(*args)

    return INT16S(first, second), generate


@_operation
def is_zero(typing: Any, row: Any) -> Any:
    """Return whether all of a row is 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(args[0], ir.IntType(16 * LANES))
        return builder.icmp_unsigned("==", bits, bits.type(0))

    return types.boolean(row), generate


@_operation
def store(typing: Any, vector: Any, array: Any, at: Any) -> Any:
    """Write a vector, cut to the type of an array, from a position of it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = array.dtype.bitwidth
        kind = ir.VectorType(ir.IntType(bits), vector.llvm.count)
        value = args[0] if kind == vector.llvm else builder.trunc(args[0], kind)
        pointer = _pointer(context, builder, array, args[1], args[2], kind)
        builder.store(value, pointer, align=bits // 8)
        return context.get_dummy_value()

    return types.void(vector, array, types.intp), generate


@inlined(
    types.UniTuple(INT32S, 4),
    INT32S,
    *[readable(types.int16), types.int64] * 2,
    types.int64,
)
def sums_of_products(
    start: Any,
    left: NDArray[np.int16],
    left_at: int,
    right: NDArray[np.int16],
    right_at: int,
    count: int,
) -> tuple[Any, Any, Any, Any]:
    """Return four rows of a product of matrices with 16 columns each, plus `start`.

    Parameters
    ----------
    start : lanes
    left : int16 array
        From `left_at`, rows of 16.
    right : int16 array
        From `right_at`, rows as pairs: the first with the second, the third with the fourth.
    count : int
        Rows of `right` that count, an even number; the others are taken for 0.
    """
    s0 = s1 = s2 = s3 = start
    for k in range(0, count, 2):
        pairs = load_pairs(right, right_at + 16 * k)
        at = left_at + k
        s0 = multiply_add(s0, pairs, spread_pair(left, at))
        s1 = multiply_add(s1, pairs, spread_pair(left, at + 16))
        s2 = multiply_add(s2, pairs, spread_pair(left, at + 32))
        s3 = multiply_add(s3, pairs, spread_pair(left, at + 48))
    return s0, s1, s2, s3
