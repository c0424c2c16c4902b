"""Sixteen numbers at once inside kernels: LLVM vectors where numba compiles, else numpy arrays.

numba has no type for a register of several numbers, and its loops become one only by luck. The
operations here become single instructions of whatever processor runs them; LLVM splits what is too
wide. Vectors are ``int16`` or ``int32``, which wrap around as numpy's arrays do, or ``float32``,
each operation of which is rounded by itself. Each operation has a meaning in Python as well, which
uncompiled kernels run.

No index is checked: a kernel must know that 16 elements lie there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import ABSENT

try:
    import llvmlite.binding as llvm
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic, models, register_model
except Exception:  # absent or broken, as `use_numba` tells; what operations mean in Python is left
    llvm = ir = types = cgutils = intrinsic = models = register_model = ABSENT

__all__ = [
    "FLOATS",
    "INT16S",
    "INT32S",
    "LANES",
    "Vector",
    "add",
    "add_floats",
    "bits_of",
    "bits_of_one",
    "both",
    "divide_floats",
    "either",
    "float_bits",
    "floats_of",
    "higher_float",
    "integers_of",
    "lane_products",
    "last_of",
    "load16",
    "load32",
    "load_floats",
    "lower_float",
    "magnitude",
    "maximum",
    "minimum",
    "mul",
    "mul_floats",
    "narrow",
    "not_above",
    "pair_of",
    "pair_products",
    "running_sum",
    "select",
    "shift_left",
    "shift_right",
    "splat16",
    "splat32",
    "splat_float",
    "store16",
    "store32",
    "store_floats",
    "subtract",
    "subtract_floats",
    "tile_products",
    "total_product",
    "two_products",
    "types",
    "widen",
    "widen_unsigned",
]

LANES = 16

_INT16, _INT32, _INT64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
_FLOAT = ir.FloatType()
_HAS_AVX2 = bool(llvm.get_host_cpu_features().get("avx2"))


class Vector(types.Type):
    """Numbers of one type, as numba types them; none leaves a kernel."""

    def __init__(self, bits: int, count: int, *, is_float: bool = False) -> None:
        self.bits = bits
        self.scalar: Any = types.float32 if is_float else types.Integer.from_bitwidth(bits)
        self.llvm = ir.VectorType(_FLOAT if is_float else ir.IntType(bits), count)
        super().__init__(name=f"vector of {count} {self.scalar}")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    """A vector is one value of LLVM."""

    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, vector.llvm)  # type: ignore[no-untyped-call]


INT16S, INT32S = Vector(16, LANES), Vector(32, LANES)
FLOATS = Vector(32, LANES, is_float=True)


def _operation(meaning: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Make an operation that kernels call, and that uncompiled ones call as `meaning`."""

    def decorate(typing: Callable[..., Any]) -> Any:
        operation: Any = intrinsic(typing)
        operation.py_func = meaning
        return operation

    return decorate


def _address(context: Any, builder: Any, array: Any, kind: Any, index: Any, of: Any) -> Any:
    data = cgutils.create_struct_proxy(kind)(context, builder, array).data
    at = context.cast(builder, index, of, types.intp)
    return builder.gep(data, [at])


def _loading(vector: Vector, dtype: Any) -> Any:
    def meaning(array: NDArray[Any], index: int) -> NDArray[Any]:
        return array[index : index + LANES].copy().view(dtype)

    @_operation(meaning)
    def load(_typing: Any, array: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            kind, of = signature.args
            address = _address(context, builder, given[0], kind, given[1], of)
            loaded = builder.load(builder.bitcast(address, vector.llvm.as_pointer()))
            loaded.align = vector.scalar.bitwidth // 8
            return loaded

        return vector(array, index), generate

    return load


def _storing(vector: Vector) -> Any:
    def meaning(array: NDArray[Any], index: int, value: NDArray[Any]) -> None:
        array[index : index + LANES] = value.view(array.dtype)

    @_operation(meaning)
    def store(_typing: Any, array: Any, index: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            kind, of, _ = signature.args
            address = _address(context, builder, given[0], kind, given[1], of)
            stored = builder.store(given[2], builder.bitcast(address, vector.llvm.as_pointer()))
            stored.align = vector.scalar.bitwidth // 8
            return context.get_dummy_value()

        return types.void(array, index, value), generate

    return store


load16, load32 = _loading(INT16S, np.int16), _loading(INT32S, np.int32)
load_floats = _loading(FLOATS, np.float32)
"""Loads the bits of float32 where the array holds int32; `store_floats` likewise."""
store16, store32, store_floats = _storing(INT16S), _storing(INT32S), _storing(FLOATS)


def _filled(builder: Any, value: Any, count: int = LANES) -> Any:
    """Return a vector of one value."""
    empty = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
    first = builder.insert_element(empty, value, ir.Constant(_INT32, 0))
    places = ir.Constant(ir.VectorType(_INT32, count), [0] * count)
    return builder.shuffle_vector(first, empty, places)


def _splatting(vector: Vector, dtype: Any) -> Any:
    def meaning(value: int) -> NDArray[Any]:
        return np.array([value], dtype)  # which goes with any number of lanes

    @_operation(meaning)
    def splat(_typing: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            return _filled(builder, context.cast(builder, *given, *signature.args, vector.scalar))

        return vector(value), generate

    return splat


splat16, splat32 = _splatting(INT16S, np.int16), _splatting(INT32S, np.int32)
splat_float = _splatting(FLOATS, np.float32)


def _of_two(meaning: Callable[[Any, Any], Any], make: Callable[[Any, Any, Any], Any]) -> Any:
    @_operation(meaning)
    def combine(_typing: Any, one: Any, other: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
            return make(builder, *given)

        return one(one, other), generate

    return combine


def _lower(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.icmp_signed("<", one, other), one, other)


def _higher(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.icmp_signed(">", one, other), one, other)


add = _of_two(lambda a, b: np.add(a, b), lambda builder, one, other: builder.add(one, other))
mul = _of_two(lambda a, b: np.multiply(a, b), lambda builder, one, other: builder.mul(one, other))
shift_right = _of_two(
    lambda a, b: np.right_shift(a, b), lambda builder, one, other: builder.ashr(one, other)
)
shift_left = _of_two(
    lambda a, b: np.left_shift(a, b), lambda builder, one, other: builder.shl(one, other)
)
subtract = _of_two(
    lambda a, b: np.subtract(a, b), lambda builder, one, other: builder.sub(one, other)
)
both = _of_two(
    lambda a, b: np.bitwise_and(a, b), lambda builder, one, other: builder.and_(one, other)
)
either = _of_two(
    lambda a, b: np.bitwise_or(a, b), lambda builder, one, other: builder.or_(one, other)
)
minimum = _of_two(lambda a, b: np.minimum(a, b), _lower)
maximum = _of_two(lambda a, b: np.maximum(a, b), _higher)


def _lower_float(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", one, other), one, other)


def _higher_float(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", one, other), one, other)


add_floats = _of_two(lambda a, b: np.add(a, b), lambda b, one, other: b.fadd(one, other))
subtract_floats = _of_two(lambda a, b: np.subtract(a, b), lambda b, one, other: b.fsub(one, other))
mul_floats = _of_two(lambda a, b: np.multiply(a, b), lambda b, one, other: b.fmul(one, other))
divide_floats = _of_two(lambda a, b: np.divide(a, b), lambda b, one, other: b.fdiv(one, other))
lower_float = _of_two(lambda a, b: np.minimum(a, b), _lower_float)
higher_float = _of_two(lambda a, b: np.maximum(a, b), _higher_float)


def _of_one(
    meaning: Callable[[Any], Any], make: Callable[[Any, Any], Any], result: Vector | None = None
) -> Any:
    @_operation(meaning)
    def change(_typing: Any, vector: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
            return make(builder, *given)

        return (result or vector)(vector), generate

    return change


def _without_sign(builder: Any, vector: Any) -> Any:
    return _higher(builder, vector, builder.neg(vector))


def _bits_of_float(builder: Any, vector: Any) -> Any:
    floats = builder.sitofp(vector, ir.VectorType(ir.FloatType(), LANES))
    return builder.bitcast(floats, INT32S.llvm)


magnitude = _of_one(lambda v: np.abs(v), _without_sign)
widen = _of_one(lambda v: v.astype(np.int32), lambda b, v: b.sext(v, INT32S.llvm), INT32S)
widen_unsigned = _of_one(
    lambda v: v.view(np.uint16).astype(np.int32), lambda b, v: b.zext(v, INT32S.llvm), INT32S
)
narrow = _of_one(lambda v: v.astype(np.int16), lambda b, v: b.trunc(v, INT16S.llvm), INT16S)
float_bits = _of_one(lambda v: v.astype(np.float32).view(np.int32), _bits_of_float, INT32S)
"""The bits of each integer as a float32: ``bits >> 23`` is 127 and the integer's logarithm, and the
bits below make the logarithm linear between powers of two. Exact for magnitudes below 2**24."""


def _summed_up(builder: Any, vector: Any) -> Any:
    nothing = ir.Constant(INT32S.llvm, [0] * LANES)
    for step in (1, 2, 4, 8):
        places = [i - step if i >= step else LANES for i in range(LANES)]
        moved = ir.Constant(INT32S.llvm, places)
        vector = builder.add(vector, builder.shuffle_vector(vector, nothing, moved))
    return vector


running_sum = _of_one(lambda v: v.cumsum(dtype=np.int32), _summed_up)
"""Sums of each int32 and all before it."""


@_operation(lambda v: int(v[-1]))
def last_of(_typing: Any, vector: Any) -> Any:
    """Return the last number of a vector of int32."""

    def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        last = builder.extract_element(given[0], ir.Constant(_INT32, LANES - 1))
        return builder.sext(last, _INT64)

    return types.int64(vector), generate


bits_of = _of_one(lambda v: v.view(np.int32), lambda b, v: b.bitcast(v, INT32S.llvm), INT32S)
"""The bits of each float32."""
floats_of = _of_one(lambda v: v.astype(np.float32), lambda b, v: b.sitofp(v, FLOATS.llvm), FLOATS)
integers_of = _of_one(lambda v: v.astype(np.int32), lambda b, v: b.fptosi(v, INT32S.llvm), INT32S)
"""What float32 are without their fractions; no magnitude may reach 2**31."""


def _select(mask: NDArray[Any], one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    return np.where(mask < 0, one, other)


@_operation(_select)
def select(_typing: Any, mask: Any, one: Any, other: Any) -> Any:
    """Return those of `one` where `mask` is negative, and else those of `other`."""

    def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        zeros = ir.Constant(INT32S.llvm, [0] * LANES)
        return builder.select(builder.icmp_signed("<", given[0], zeros), given[1], given[2])

    return one(mask, one, other), generate


def _bits_of_one(value: int) -> int:
    return int(np.float32(value).view(np.int32))


@_operation(_bits_of_one)
def bits_of_one(_typing: Any, value: Any) -> Any:
    """Return what `float_bits` says of a single integer."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        number = context.cast(builder, given[0], signature.args[0], types.int32)
        bits = builder.bitcast(builder.sitofp(number, ir.FloatType()), _INT32)
        return builder.sext(bits, _INT64)

    return types.int64(value), generate


def _pair_of(array: NDArray[Any], index: int) -> int:
    return int(array[index : index + 2].copy().view(np.int32)[0])


@_operation(_pair_of)
def pair_of(_typing: Any, array: Any, index: Any) -> Any:
    """Return two neighbouring int16 as one int32, the first one in its low half."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind, of = signature.args
        address = _address(context, builder, given[0], kind, given[1], of)
        loaded = builder.load(builder.bitcast(address, _INT32.as_pointer()))
        loaded.align = 2
        return loaded

    return types.int32(array, index), generate


def _pair_products(sums: NDArray[Any], pair: int, weights: NDArray[Any], index: int) -> Any:
    two = weights[index : index + 2 * LANES].astype(np.int32).reshape(LANES, 2)
    return sums + two @ np.array([pair], np.int32).view(np.int16).astype(np.int32)


@_operation(_pair_products)
def pair_products(_typing: Any, sums: Any, pair: Any, weights: Any, index: Any) -> Any:
    """Add to 16 sums of int32 the products of two int16 factors with 16 pairs of int16 weights.

    The factors are the halves of an int32. Sum ``i`` grows by ``low * weights[index + 2 i]`` and by
    ``high * weights[index + 2 i + 1]``.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        _, of, table, place = signature.args
        both = context.cast(builder, given[1], of, types.int32)
        weights = _address(context, builder, given[2], table, given[3], place)
        return builder.add(given[0], _sums_of_pairs(builder, both, weights))

    return INT32S(sums, pair, weights, index), generate


def _with_products(builder: Any, sums: Any, pairs: Any, pair: Any) -> Any:
    """Return 16 sums with the products of 16 pairs of int16 and one pair, each in an int32."""
    weights = builder.bitcast(_filled(builder, pair, LANES // 2), INT16S.llvm)
    numbers = list(range(LANES))
    halves = []
    for start in (0, LANES // 2):
        places = ir.Constant(ir.VectorType(_INT32, LANES // 2), numbers[start : start + LANES // 2])
        factors = builder.bitcast(builder.shuffle_vector(pairs, pairs, places), INT16S.llvm)
        halves.append(_products_of_pairs(builder, factors, weights))
    places = ir.Constant(ir.VectorType(_INT32, LANES), numbers)
    return builder.add(sums, builder.shuffle_vector(*halves, places))


def _lane_products(
    sums: NDArray[Any], pairs: NDArray[Any], weights: NDArray[Any], index: int
) -> Any:
    two = pairs.view(np.int16).reshape(LANES, 2).astype(np.int32)
    return sums + two @ weights[index : index + 2].astype(np.int32)


@_operation(_lane_products)
def lane_products(_typing: Any, sums: Any, pairs: Any, weights: Any, index: Any) -> Any:
    """Add to 16 sums of int32 the products of 16 pairs of int16 factors with one pair of weights.

    Each int32 of `pairs` holds two factors, the first one in its low half.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        _, _, table, place = signature.args
        address = _address(context, builder, given[2], table, given[3], place)
        both = builder.load(builder.bitcast(address, _INT32.as_pointer()))
        both.align = 2
        return _with_products(builder, given[0], given[1], both)

    return INT32S(sums, pairs, weights, index), generate


def _two_products(sums: NDArray[Any], pairs: NDArray[Any], pair: int) -> Any:
    factors = pairs.view(np.int16).astype(np.int32).reshape(LANES, 2)
    return sums + factors @ np.array([pair], np.int32).view(np.int16).astype(np.int32)


@_operation(_two_products)
def two_products(_typing: Any, sums: Any, pairs: Any, pair: Any) -> Any:
    """Do what `lane_products` does with weights that are the halves of one int32."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        two = context.cast(builder, given[2], signature.args[2], types.int32)
        return _with_products(builder, given[0], given[1], two)

    return INT32S(sums, pairs, pair), generate


def _tile_products(
    sums: NDArray[Any], factors: NDArray[Any], at: int, weights: NDArray[Any], index: int
) -> Any:
    tile = weights[index : index + LANES * LANES].astype(np.int32).reshape(-1, LANES, 2)
    pairs = factors[at : at + LANES].astype(np.int32).reshape(-1, 1, 2)
    return sums + (tile * pairs).sum((0, 2), dtype=np.int32)


@_operation(_tile_products)
def tile_products(_typing: Any, sums: Any, factors: Any, at: Any, weights: Any, index: Any) -> Any:
    """Add to 16 sums of int32 the products of 16 int16 factors with 16 x 16 int16 weights.

    The weights lie as `pair_products` takes them, for one pair of factors after the other.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        _, kind, of, table, place = signature.args
        factors = _address(context, builder, given[1], kind, given[2], of)
        weights = _address(context, builder, given[3], table, given[4], place)
        total = given[0]
        for pair in range(LANES // 2):
            two = builder.gep(factors, [ir.Constant(_INT64, 2 * pair)])
            both = builder.load(builder.bitcast(two, _INT32.as_pointer()))
            both.align = 2
            here = builder.gep(weights, [ir.Constant(_INT64, 2 * LANES * pair)])
            total = builder.add(total, _sums_of_pairs(builder, both, here))
        return total

    return INT32S(sums, factors, at, weights, index), generate


def _sums_of_pairs(builder: Any, pair: Any, weights: Any) -> Any:
    """Return 16 sums of two products."""
    repeated = builder.bitcast(_filled(builder, pair, LANES // 2), INT16S.llvm)
    halves = [
        _half_products(builder, builder.gep(weights, [ir.Constant(_INT64, at)]), repeated)
        for at in (0, LANES)
    ]
    places = ir.Constant(ir.VectorType(_INT32, LANES), list(range(LANES)))
    return builder.shuffle_vector(*halves, places)


def _half_products(builder: Any, address: Any, factors: Any) -> Any:
    """Return eight sums of two products."""
    weights = builder.load(builder.bitcast(address, INT16S.llvm.as_pointer()))
    weights.align = 2
    return _products_of_pairs(builder, weights, factors)


def _products_of_pairs(builder: Any, weights: Any, factors: Any) -> Any:
    """Return eight sums of two products of 16 int16 each."""
    half = ir.VectorType(_INT32, LANES // 2)
    if _HAS_AVX2:
        kind = ir.FunctionType(half, [INT16S.llvm, INT16S.llvm])
        multiply = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.pmadd.wd")
        return builder.call(multiply, [weights, factors])
    single = builder.mul(builder.sext(weights, INT32S.llvm), builder.sext(factors, INT32S.llvm))
    even, odd = (
        builder.shuffle_vector(
            single,
            single,
            ir.Constant(ir.VectorType(_INT32, LANES // 2), list(range(start, LANES, 2))),
        )
        for start in (0, 1)
    )
    return builder.add(even, odd)


def _not_above(array: NDArray[Any], index: int, value: int) -> int:
    return int(np.count_nonzero(array[index : index + 16] <= value))


@_operation(_not_above)
def not_above(_typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Count those of 16 int16 that are not above a value."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind, of, number = signature.args
        address = _address(context, builder, given[0], kind, given[1], of)
        loaded = builder.load(builder.bitcast(address, INT16S.llvm.as_pointer()))
        loaded.align = 2
        limit = _filled(builder, context.cast(builder, given[2], number, types.int16))
        bits = builder.bitcast(builder.icmp_signed("<=", loaded, limit), _INT16)
        count = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_INT16, [_INT16]), "llvm.ctpop.i16"
        )
        return builder.zext(builder.call(count, [bits]), _INT64)

    return types.int64(array, index, value), generate


def _total_product(one: NDArray[Any], at: int, other: NDArray[Any], index: int) -> int:
    pair = one[at : at + LANES].astype(np.int32), other[index : index + LANES].astype(np.int32)
    return int((pair[0] * pair[1]).sum())


@_operation(_total_product)
def total_product(_typing: Any, one: Any, at: Any, other: Any, index: Any) -> Any:
    """Return the sum of 16 products of int16, which fits int32."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind, of, table, place = signature.args
        address = _address(context, builder, given[0], kind, given[1], of)
        factors = builder.load(builder.bitcast(address, INT16S.llvm.as_pointer()))
        factors.align = 2
        address = _address(context, builder, given[2], table, given[3], place)
        sums = _half_products(builder, address, factors)
        for half in (4, 2, 1):
            numbers = ir.VectorType(_INT32, half)
            low, high = (
                builder.shuffle_vector(
                    sums, sums, ir.Constant(numbers, list(range(start, start + half)))
                )
                for start in (0, half)
            )
            sums = builder.add(low, high)
        only = builder.extract_element(sums, ir.Constant(_INT32, 0))
        return builder.sext(only, _INT64)

    return types.int64(one, at, other, index), generate
