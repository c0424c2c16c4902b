"""Types, for numba, of the arguments of the context model's kernels."""

from numba import types

from numcodecs_neural.coefficients.network.prepared import Prepared
from numcodecs_neural.coefficients.network.room import Room
from numcodecs_neural.compilation import readable

__all__ = ["BITS", "CODES", "INT", "NET", "PLAIN", "PROGRESS", "ROOM", "STATES", "WORDS"]

INT = types.int64
WORDS = types.Array(types.int32, 1, "C")
STATES = PROGRESS = types.Array(types.int64, 1, "C")
CODES, BITS, PLAIN = readable(types.uint16), readable(types.uint32), types.uint32[::1]

_SHORTS = types.Array(types.int16, 1, "C")
NET = types.NamedTuple([_SHORTS, WORDS], Prepared)
ROOM = types.NamedTuple([_SHORTS, WORDS, STATES], Room)
