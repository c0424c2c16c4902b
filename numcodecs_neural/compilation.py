"""Compilation of kernels by numba: whether they run, and how they are kept on disk."""

import functools
import importlib
import importlib.util
import threading
import types as python
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from numcodecs_neural import config, machine_code
from numcodecs_neural.errors import ConfigError

if TYPE_CHECKING:
    from numba import types

__all__ = [
    "ABSENT",
    "Integer",
    "Kernel",
    "compiled",
    "inlined",
    "may_use_numba",
    "outermost",
    "readable",
    "uncompiled",
    "use_numba",
]

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


def may_use_numba() -> bool:
    """Whether compiled kernels are wanted, and numba is at least installed; imports nothing then.

    Where it is not, `use_numba` says so.
    """
    is_wanted = config.backend() != "numpy"
    return is_wanted and (importlib.util.find_spec("numba") is not None or use_numba())


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


def outermost(result: "types.Type", *arguments: "types.Type") -> Callable[[_Function], _Function]:
    """Declare a function that a `Kernel` compiles for one signature when it is first called.

    It must not make arrays, takes arrays and int64, and returns nothing or an int64.
    """

    def decorate(function: _Function) -> _Function:
        declared: Any = python.FunctionType(function.__code__, function.__globals__)
        declared.py_func, declared.types = declared, (result, *arguments)
        kernel: _Function = declared
        return kernel

    return decorate


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


class Kernel:
    """A function that is declared `outermost`, as Python calls it.

    Its module, and numba, are imported only if no machine code of it is kept on disk: to load them
    takes ten times as long.

    Parameters
    ----------
    module, name : str
        Where the function is.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name
        self._lock = threading.Lock()
        self._compiled: Callable[..., Any] | None = None

    def function(self) -> Callable[..., Any]:
        """Return what runs: compiled code, or else the same source, run by Python."""
        return self.compiled() or uncompiled(self._source())

    def compiled(self) -> Callable[..., Any] | None:
        """Return compiled code; None where there is no numba, or the backend is numpy.

        Raises
        ------
        ConfigError
            If numba is asked for and cannot be imported.
        """
        if config.backend() == "numpy":
            return None
        with self._lock:
            self._compiled = self._compiled or self._kept() or self._made()
            return self._compiled

    def _source(self) -> Any:
        return getattr(importlib.import_module(self._module), self._name)

    def _kept(self) -> Callable[..., Any] | None:
        """Return what earlier processes kept, unless it cannot be loaded for any reason."""
        try:
            program = machine_code.load(machine_code.key_of(self._module, self._name))
            return program and machine_code.MachineCode(program)
        except Exception:  # whatever a compiler's library raises, numba is tried next
            return None

    def _made(self) -> Callable[..., Any] | None:
        """Compile, and keep the code; without the means for it, as `compiled` does."""
        if not use_numba():
            return None
        source = self._source()
        try:
            program = _program_of(source)
            kernel = machine_code.MachineCode(program)
            machine_code.save(machine_code.key_of(self._module, self._name), program)
        except Exception:  # numba's inner parts change between its releases, its decorators do not
            return compiled(*source.types, allocates=False)(cast("Callable[..., Any]", source))
        return kernel


def _program_of(source: Any) -> machine_code.Program:
    """Compile a function without what Python needs to call it by numba."""
    import numba

    result, *arguments = source.types
    jit: Any = numba.njit
    dispatcher = jit(
        result(*arguments),
        nogil=True,
        error_model="numpy",
        _nrt=False,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )(source)
    (made,) = dispatcher.overloads.values()
    if result not in (numba.types.void, numba.types.int64):
        raise TypeError(f"a kernel returns {result}")
    _check_alone(made.library)
    return machine_code.Program(
        symbol=made.fndesc.llvm_func_name,
        arguments=tuple(_described(argument) for argument in arguments),
        is_void=result == numba.types.void,
        code=made.library._get_compiled_object(),
    )


_LIBC = {"memcpy", "memmove", "memset"}
_LIBM = ("ceil", "cos", "exp", "floor", "log", "nearbyint", "pow", "rint", "round", "sin", "trunc")


def _check_alone(library: Any) -> None:
    """Refuse code that calls what numba brings: LLVM ends a process that loads it without numba."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(library.get_llvm_str())
    used = {f.name for f in (*module.functions, *module.global_variables) if f.is_declaration}
    harmless = {n for n in used if n.startswith("llvm.") and n.split(".")[1] not in _LIBM}
    missing = used - _LIBC - harmless
    if missing:
        raise TypeError(f"a kernel calls {sorted(missing)}")


def _described(argument: Any) -> tuple[str, int]:
    import numba

    if isinstance(argument, numba.types.Array):
        return str(argument.dtype), argument.ndim
    if argument != numba.types.int64:
        raise TypeError(f"a kernel takes {argument}")
    return "int64", 0


def uncompiled(
    kernel: _Function,
    instead: Mapping[Callable[..., Any], Callable[..., Any]] | None = None,
    **constants: Any,
) -> _Function:
    """Return a compiled function as Python runs it: the same source, and slow.

    Parameters
    ----------
    kernel : callable
        What `compiled` made.
    instead : mapping, optional
        Functions to call in place of compiled ones that the kernel calls.
    **constants
        Other values for names of the modules in which the kernel, and what it calls, are.
    """
    function: _Function = _plain(kernel, dict(instead or {}), constants)
    return function


def _plain(kernel: Any, made: dict[Any, Any], constants: Mapping[str, Any]) -> Any:
    if kernel not in made:
        function = kernel.py_func
        names = {**function.__globals__, **constants}
        made[kernel] = python.FunctionType(function.__code__, names, closure=function.__closure__)
        for name in function.__code__.co_names:
            if hasattr(names.get(name), "py_func"):
                names[name] = _plain(names[name], made, constants)
    return made[kernel]
