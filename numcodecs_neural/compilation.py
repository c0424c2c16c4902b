"""Compilation of kernels by numba: whether they run, and how they are kept on disk."""

import functools
import types as python
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from numcodecs_neural import config
from numcodecs_neural.errors import ConfigError

if TYPE_CHECKING:
    from numba import types

__all__ = ["ABSENT", "Integer", "compiled", "inlined", "readable", "uncompiled", "use_numba"]

Integer = Any
"""An integer inside a kernel, where those of Python and of numpy mix."""


class _Absent:
    """What stands for numba's types and instructions where numba cannot be imported.

    Signatures made of it are never looked at: kernels run as the Python that they are written in.
    """

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __call__(self, *_: object, **__: object) -> "_Absent":
        return _Absent()

    def __getitem__(self, _: object) -> "_Absent":
        return self

    def __getattr__(self, name: str) -> "_Absent":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __mro_entries__(self, _: object) -> tuple[type, ...]:
        return (_Absent,)


ABSENT: Any = _Absent()

_Function = TypeVar("_Function", bound=Callable[..., Any])


def use_numba() -> bool:
    """Whether compiled kernels run: wherever numba works, unless the setting `backend` is numpy.

    Where numba is absent or broken, numpy and plain Python do the same work slowly. numba is a
    dependency of this package, so that is worth one warning in a process.

    Raises
    ------
    ConfigError
        If numba is asked for and cannot be imported.
    """
    backend = config.backend()
    if backend == "numpy":
        return False
    failure = _import_failure()
    if failure is not None and backend == "numba":
        raise ConfigError(
            f"the backend is set to 'numba', which cannot be imported ({failure}): reinstall "
            "numba, or set the backend to 'auto'"
        )
    if failure is not None:
        _warn(failure)
    return failure is None


@functools.cache
def _import_failure() -> str | None:
    try:
        import numba  # noqa: F401 - whether it can be imported is the question
    except Exception as exc:  # a broken numba raises more than ImportError: OSError, SystemError
        return f"{type(exc).__name__}: {exc}"
    return None


@functools.cache
def _warn(failure: str) -> None:
    warnings.warn(
        f"numba cannot be imported ({failure}); chunks are coded without compiled kernels, which "
        "is slow. Reinstall numba, or set NUMCODECS_NEURAL_BACKEND=numpy to keep it so",
        RuntimeWarning,
        stacklevel=3,
    )


def readable(dtype: "types.Type", ndim: int = 1) -> "types.Array":
    """Return the type of an array that is only read; numba passes writable ones as well."""
    if isinstance(dtype, _Absent):
        return cast("types.Array", ABSENT)
    from numba import types

    return types.Array(dtype, ndim, "C", readonly=True)


def compiled(
    result: "types.Type", *arguments: "types.Type", allocates: bool = True
) -> Callable[[_Function], _Function]:
    """Compile for one signature, at import, without the global interpreter lock.

    Kept on disk where numba finds a place for it. Where it finds none (RuntimeError: neither the
    package's folder nor the user's can be written to) or fails to write there (OSError: the disk
    is full), the function is compiled in each process anew. With a signature both show here; a
    function compiled by its first call would fail in that call.

    Never in parallel: parallelism is over chunks, and numba's own threads abort the process when
    several others enter.

    Parameters
    ----------
    result, *arguments
        The signature.
    allocates : bool
        Whether the function makes arrays. numba need not count references to them otherwise,
        which costs much where arrays lie in tuples or are sliced.
    """
    return _jit(result, *arguments, _nrt=allocates)


def inlined(
    result: "types.Type", *arguments: "types.Type", fuses: bool = False
) -> Callable[[_Function], _Function]:
    """Compile, as `compiled` does, what becomes a part of the kernels that call it.

    It must not make arrays. No call is left that would copy its tuples of arrays.

    Parameters
    ----------
    result, *arguments
        The signature.
    fuses : bool
        Whether sums of products may be rounded once instead of twice.
    """
    return _jit(
        result,
        *arguments,
        _nrt=False,
        forceinline=True,
        no_cfunc_wrapper=True,
        fastmath={"contract"} if fuses else False,
    )


def _jit(*signature: "types.Type", **options: Any) -> Callable[[_Function], _Function]:
    if isinstance(signature[0], _Absent):
        return _interpreted
    import numba

    result, *arguments = signature
    jit: Any = functools.partial(
        numba.njit, result(*arguments), nogil=True, error_model="numpy", **options
    )

    def decorate(function: _Function) -> _Function:
        kernel: _Function
        try:
            kernel = jit(cache=True)(function)
        except (RuntimeError, OSError):
            kernel = jit()(function)
        return kernel

    return decorate


def _interpreted(function: _Function) -> _Function:
    """Return a function that `uncompiled` takes as it takes a compiled one."""
    kernel: Any = function
    kernel.py_func = function
    return function


def uncompiled(
    kernel: _Function, instead: Mapping[Callable[..., Any], Callable[..., Any]] | None = None
) -> _Function:
    """Return a compiled function as Python runs it: the same source, and slow.

    Parameters
    ----------
    kernel : callable
        What `compiled` made.
    instead : mapping, optional
        Functions to call in place of compiled ones that the kernel calls.
    """
    function: _Function = _plain(kernel, dict(instead or {}))
    return function


def _plain(kernel: Any, made: dict[Any, Any]) -> Any:
    if kernel not in made:
        function = kernel.py_func
        names = dict(function.__globals__)
        made[kernel] = python.FunctionType(function.__code__, names, closure=function.__closure__)
        for name in function.__code__.co_names:
            if hasattr(names.get(name), "py_func"):
                names[name] = _plain(names[name], made)
    return made[kernel]
