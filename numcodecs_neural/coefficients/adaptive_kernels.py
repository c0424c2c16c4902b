"""`adaptive_rows` compiled by numba: the same numbers, over 100 times as fast.

Import it only when coefficients are coded, since it imports numba.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

from numba import types

from numcodecs_neural.coefficients import adaptive_rows
from numcodecs_neural.compilation import compiled, readable

__all__ = ["code_row"]

_INT, _NONE = types.int64, types.void
_LINE, _GRID = types.int64[::1], types.int64[:, ::1]
_CONSTANTS = readable(types.int64)
_PREDICTORS = readable(types.int64, 2)
_PLACE = types.UniTuple(types.int64, 3)
_CODER = (_LINE, types.uint16[::1], _CONSTANTS, types.uint32[::1], types.int32[:, ::1])
_CODER_TUPLE = types.Tuple(_CODER)
_BLOCKS, _TWINS = types.int16[:, :, ::1], readable(types.int32, 3)
_PLANE = types.Tuple(
    (
        _BLOCKS,
        readable(types.uint8, 2),
        _TWINS,
        readable(types.int64, 2),
        _CONSTANTS,
        _PREDICTORS,
        _PREDICTORS,
    )
)
_SPREADS = types.int32[:, :, ::1]
_LINES = types.Tuple((_SPREADS, _GRID, types.int64[:, :, ::1], _LINE, _GRID))

# In an order in which each calls only those before it.
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "learned": (_INT, _CONSTANTS, _INT, _INT),
    "advance": (_INT, _LINE, types.uint16[::1], _INT, _INT),
    "code_bit": (_INT, *_CODER, *[_INT] * 7),
    "bucket": (_INT, _CONSTANTS, _INT),
    "signed_bucket": (_INT, _CONSTANTS, _INT),
    "code_count": (_INT, _CODER_TUPLE, *[_INT] * 4),
    "take_sign": (_NONE, _CONSTANTS, _LINE, *[_INT] * 3),
    "code_level": (_INT, *_CODER, _LINE, *[_INT] * 3),
    "code_sign": (_INT, *_CODER, _LINE, *[_INT] * 2),
    "code_mantissa": (_INT, *_CODER, _LINE, *[_INT] * 3),
    "code_value": (_INT, *_CODER, _LINE, *[_INT] * 3),
    "slope_of": (_INT, types.int64[:, :, ::1], _LINE, _INT, _INT),
    "place_level": (_NONE, _CONSTANTS, _LINE, _BLOCKS, _PREDICTORS, _SPREADS, _PLACE, _INT, _INT),
    "predicted": (_INT, _CONSTANTS, _LINE, _PREDICTORS, _INT, _INT),
    "place_guesses": (_NONE, _CONSTANTS, _LINE, *[_INT] * 3),
    "place_signs": (_NONE, _CONSTANTS, _LINE, _PREDICTORS, *[_INT] * 3),
    "twin_of_dc": (_INT, _BLOCKS, _TWINS, _PLACE, _INT),
    "place_dc": (_NONE, _CONSTANTS, _LINE, _PREDICTORS, _INT, _INT),
    "explain": (_NONE, _CONSTANTS, _LINE, _CONSTANTS, _INT, _INT),
    "begin_block": (_NONE, _LINE, _GRID, _INT, _INT),
    "end_block": (_NONE, _LINE, _LINES, _INT, _INT),
    "skip_block": (_NONE, _LINES, _INT, _INT),
    "count_of": (_INT, _CODER_TUPLE, _PLANE, _LINES, _PLACE, _INT),
    "code_ac": (_NONE, _CODER_TUPLE, _LINE, _PLANE, _LINES, _PLACE, *[_INT] * 3),
    "code_dc": (_NONE, _CODER_TUPLE, _LINE, _PLANE, _PLACE, *[_INT] * 3),
    "code_row": (_NONE, _CODER_TUPLE, _LINE, _PLANE, _LINES, _INT, _INT),
}


def _kernels() -> dict[str, Callable[..., Any]]:
    """Compile each function with the compiled ones in place of those it calls."""
    names: dict[str, Any] = dict(vars(adaptive_rows))
    for name, signature in _SIGNATURES.items():
        plain = getattr(adaptive_rows, name)
        function = FunctionType(plain.__code__, names, name)
        names[name] = compiled(*signature, allocates=False)(function)
    return names


code_row = _kernels()["code_row"]
