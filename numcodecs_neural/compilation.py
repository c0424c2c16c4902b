"""Compilation of kernels by numba, kept on disk where that is possible.

Import it only from modules that are imported lazily themselves: it imports numba.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba import types

__all__ = ["compiled", "readable"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def readable(dtype: types.Type, ndim: int = 1) -> types.Array:
    """Return the type of an array that is only read; numba passes writable ones as well."""
    return types.Array(dtype, ndim, "C", readonly=True)


def compiled(result: types.Type, *arguments: types.Type) -> Callable[[_Function], _Function]:
    """Compile for one signature, at import, without the global interpreter lock.

    Kept on disk where numba finds a place for it. Where it finds none (RuntimeError: neither the
    package's folder nor the user's can be written to) or fails to write there (OSError: the disk
    is full), the function is compiled in each process anew. With a signature both show here; a
    function compiled by its first call would fail in that call.

    Never in parallel: parallelism is over chunks, and numba's own threads abort the process when
    several others enter.
    """
    jit: Any = functools.partial(numba.njit, result(*arguments), nogil=True, error_model="numpy")

    def decorate(function: _Function) -> _Function:
        kernel: _Function
        try:
            kernel = jit(cache=True)(function)
        except (RuntimeError, OSError):
            kernel = jit()(function)
        return kernel

    return decorate
