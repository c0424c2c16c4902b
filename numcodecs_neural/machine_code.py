"""Machine code of kernels on disk: it is loaded without numba, in a tenth of the time.

A file holds the code of one kernel for one processor. Its name is a digest of all that the code
depends on: the sources, by their contents; the versions of the compiler; the processor; and the
environment variables that numba reads. What was made of anything else is never found.
"""

import contextlib
import ctypes
import functools
import hashlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Arguments", "MachineCode", "Program", "key_of", "load", "save"]

Arguments = tuple[tuple[str, int], ...]
"""Of each argument its dtype and its dimensions: 0 for a number, which is an int64."""

_ROOT = Path(__file__).parent
_SHARED = ("compilation.py", "machine_code.py", "vectors.py")
_DIGEST_BYTES = 32
_LIBC: dict[str, Any] = {
    "memcpy": ctypes.memmove,  # does all that memcpy does
    "memmove": ctypes.memmove,
    "memset": ctypes.memset,
}


class Program(NamedTuple):
    """Compiled code.

    Parameters
    ----------
    symbol : str
        Name of the function in the code.
    arguments : Arguments
    is_void : bool
        Whether it returns nothing; else an int64.
    code : bytes
        An object file.
    """

    symbol: str
    arguments: Arguments
    is_void: bool
    code: bytes


class MachineCode:
    """A kernel in memory; it runs without the global interpreter lock.

    Parameters
    ----------
    program : Program
        Its function takes what numba passes on: where the result and an error go, then for each
        array two empty owners, its size, the size of an element, its address, shape and strides.
    """

    def __init__(self, program: Program) -> None:
        self._engine = _engine_for(program.code)
        self._arguments = tuple((np.dtype(name), ndim) for name, ndim in program.arguments)
        self._is_void = program.is_void
        words = sum(5 + 2 * ndim if ndim else 1 for _, ndim in program.arguments)
        kind = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 2, *[ctypes.c_ssize_t] * words)
        self._function = kind(self._engine.get_function_address(program.symbol))

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel.

        Raises
        ------
        TypeError
            If an argument is of another type.
        """
        words: list[int] = []
        for argument, (dtype, ndim) in zip(arguments, self._arguments, strict=True):
            words += _words_of(argument, dtype, ndim) if ndim else (int(argument),)
        result, error = ctypes.c_int64(), ctypes.c_void_p()
        status = self._function(ctypes.byref(result), ctypes.byref(error), *words)
        if status:
            raise RuntimeError(f"a kernel ended with status {status}")
        return None if self._is_void else result.value


def _words_of(array: Any, dtype: np.dtype[Any], ndim: int) -> tuple[int, ...]:
    if array.dtype != dtype or array.ndim != ndim or not array.flags.c_contiguous:
        raise TypeError(f"a kernel got {array.dtype} of {array.ndim} dimensions, not {dtype}")
    address = array.__array_interface__["data"][0]
    return (0, 0, array.size, array.itemsize, address, *array.shape, *array.strides)


def _engine_for(code: bytes) -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for name, function in _LIBC.items():
        if llvm.address_of_symbol(name) is None:
            llvm.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def key_of(module: str, name: str) -> str:
    """Return what a kernel's file is called.

    Parameters
    ----------
    module : str
        Of this package. It may import only what is in its own folder of the package, or one of the
        modules that all kernels share.
    name : str

    Raises
    ------
    OSError, ImportError
        If the sources or the compiler are not there.
    """
    floor = module.split(".")[1]
    return f"{name}-{hashlib.sha256(f'{module} {_surroundings(floor)}'.encode()).hexdigest()[:40]}"


@functools.cache
def _surroundings(floor: str) -> str:
    """Return a digest of all that code of a folder depends on."""
    import llvmlite.binding as llvm

    parts = [
        version("numba"),
        version("llvmlite"),
        platform.machine(),
        sys.platform,
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
        sorted(item for item in os.environ.items() if item[0].startswith("NUMBA_")),
        [hashlib.sha256(path.read_bytes()).hexdigest() for path in _sources(floor)],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _sources(floor: str) -> Iterator[Path]:
    yield from (_ROOT / name for name in _SHARED)
    yield from sorted((_ROOT / floor).rglob("*.py"))


def _folders() -> Iterator[Path]:
    """Yield where code may be kept: where numba keeps its own."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        yield Path(chosen) / "numcodecs-neural"
        return
    yield _ROOT / "__pycache__"
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA")
    else:
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    if not home:
        return
    try:
        folder = Path(home).expanduser()
    except RuntimeError:  # a user without a home
        return
    yield folder / "numcodecs-neural"


def load(key: str) -> Program | None:
    """Return what was kept under a key; None if nothing was, or the file is damaged."""
    for folder in _folders():
        with contextlib.suppress(OSError):
            found = _unpacked((folder / f"{key}.kernel").read_bytes())
            if found is not None:
                return found
    return None


def save(key: str, program: Program) -> None:
    """Keep code, where there is a place for it."""
    for folder in _folders():
        with contextlib.suppress(OSError):
            _write(folder, f"{key}.kernel", _packed(program))
            return


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write a file at once: other processes see all of it or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        file = Path(place) / name
        file.write_bytes(content)
        file.replace(folder / name)


def _packed(program: Program) -> bytes:
    head = json.dumps(program[:-1]).encode()
    body = len(head).to_bytes(4, "little") + head + program.code
    return hashlib.sha256(body).digest() + body


def _unpacked(content: bytes) -> Program | None:
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    end = 4 + int.from_bytes(body[:4], "little")
    symbol, arguments, is_void = json.loads(body[4:end])
    return Program(symbol, tuple((name, ndim) for name, ndim in arguments), is_void, body[end:])
