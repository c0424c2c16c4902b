"""Settings of this process: where and by what chunks are coded, and on how many threads.

They change speed and memory only, never bytes or pixels, so they are no part of a codec's
configuration and are never stored. Each is read when it is needed: what `set` was given, else the
environment variable, else the default.

=========  ==============================  =======  ==============================================
setting    environment variable            default  values
=========  ==============================  =======  ==============================================
device     ``NUMCODECS_NEURAL_DEVICE``     auto     auto (CUDA where there is one, else numpy);
                                                    numpy; cpu, cuda, cuda:0, ... (through torch)
backend    ``NUMCODECS_NEURAL_BACKEND``    auto     auto (what suits the device: numba, or torch);
                                                    numpy (no compiled code, slow); numba; torch
threads    ``NUMCODECS_NEURAL_THREADS``    auto     auto (the CPUs this process may use), 1, 2, ...
cache_mib  ``NUMCODECS_NEURAL_CACHE_MIB``  auto     auto (256), 0, 1, ...: mebibytes of decoded
                                                    chunks that readers of images keep
=========  ==============================  =======  ==============================================

Examples
--------
>>> from numcodecs_neural import config
>>> with config.set(device="numpy", threads=2):
...     config.get()
Settings(device='numpy', backend='auto', threads=2, cache_mib=256)
"""

import os
import re
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from numcodecs_neural.errors import ConfigError

__all__ = ["Settings", "backend", "cache_mib", "get", "set"]

_VARIABLES = {
    "device": "NUMCODECS_NEURAL_DEVICE",
    "backend": "NUMCODECS_NEURAL_BACKEND",
    "threads": "NUMCODECS_NEURAL_THREADS",
    "cache_mib": "NUMCODECS_NEURAL_CACHE_MIB",
}
_BACKENDS = ("auto", "numpy", "numba", "torch")
_CACHE_MIB = 256
_DEVICE = re.compile(r"auto|numpy|cpu|cuda(:\d+)?")

# Process-wide and not a context variable: zarr codes chunks on threads of its own event loop,
# which never see the context of the caller.
_chosen: dict[str, str] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings in force.

    Parameters
    ----------
    device : str
        ``"auto"``, ``"numpy"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    backend : str
        ``"auto"``, ``"numpy"``, ``"numba"`` or ``"torch"``.
    threads : int
        How many threads may work at once, at least 1.
    cache_mib : int
        Mebibytes of decoded chunks that readers of images keep, at least 0.
    """

    device: str
    backend: str = "auto"
    threads: int
    cache_mib: int = _CACHE_MIB


def get() -> Settings:
    """Return the settings in force now.

    Raises
    ------
    ConfigError
        If an environment variable holds a value that is not allowed.
    """
    found = {name: _lookup(name) for name in _VARIABLES}
    return Settings(
        device=_parse_device(*found["device"]),
        backend=backend(),
        threads=_parse_threads(*found["threads"]),
        cache_mib=cache_mib(),
    )


def backend() -> str:
    """Return the backend that is set; unlike `get`, this costs next to nothing."""
    return _parse_backend(*_lookup("backend"))


def cache_mib() -> int:
    """Return the size of the cache that is set; unlike `get`, this costs next to nothing."""
    return _parse_cache_mib(*_lookup("cache_mib"))


class set:
    """Set settings of this process, from now on or for the length of a `with`.

    Processes that are spawned start from the environment variables again.

    Parameters
    ----------
    device : str, optional
        ``"auto"``, ``"numpy"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``; left alone when absent.
    backend : str, optional
        ``"auto"``, ``"numpy"``, ``"numba"`` or ``"torch"``; left alone when absent.
    threads : int or "auto", optional
        How many threads may work at once; left alone when absent.
    cache_mib : int or "auto", optional
        Mebibytes of decoded chunks that readers of images keep; left alone when absent.

    Raises
    ------
    ConfigError
        If a value is not allowed; then nothing is set.
    """

    def __init__(
        self,
        *,
        device: str | None = None,
        backend: str | None = None,
        threads: int | str | None = None,
        cache_mib: int | str | None = None,
    ) -> None:
        new = {}
        if device is not None:
            new["device"] = _parse_device(device, "device")
        if backend is not None:
            new["backend"] = _parse_backend(backend, "backend")
        if threads is not None:
            _parse_threads(threads, "threads")
            new["threads"] = str(threads)
        if cache_mib is not None:
            _parse_cache_mib(cache_mib, "cache_mib")
            new["cache_mib"] = str(cache_mib)
        with _lock:
            self._before = {name: _chosen.get(name) for name in new}
            _chosen.update(new)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _lock:
            for name, value in self._before.items():
                if value is None:
                    _chosen.pop(name, None)
                else:
                    _chosen[name] = value


def _lookup(name: str) -> tuple[str, str]:
    """Return the raw value of a setting, and what to call it in an error."""
    if name in _chosen:
        return _chosen[name], name
    variable = _VARIABLES[name]
    return os.environ.get(variable) or "auto", variable


def _parse_device(value: object, source: str) -> str:
    if not (isinstance(value, str) and _DEVICE.fullmatch(value)):
        raise ConfigError(
            f"{source} is {value!r}; it can be 'auto', 'numpy', 'cpu', 'cuda' or 'cuda:N'"
        )
    return value


def _parse_backend(value: object, source: str) -> str:
    if not (isinstance(value, str) and value in _BACKENDS):
        allowed = ", ".join(map(repr, _BACKENDS[:-1]))
        raise ConfigError(f"{source} is {value!r}; it can be {allowed} or {_BACKENDS[-1]!r}")
    return value


def _parse_threads(value: object, source: str) -> int:
    if value == "auto":
        return _available_cpus()
    text = str(value)
    if isinstance(value, bool) or not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{source} is {value!r}; it can be 'auto' or a whole number from 1 on")
    return int(text)


def _parse_cache_mib(value: object, source: str) -> int:
    if value == "auto":
        return _CACHE_MIB
    text = str(value)
    if isinstance(value, bool) or not text.isdecimal():
        raise ConfigError(f"{source} is {value!r}; it can be 'auto' or a whole number from 0 on")
    return int(text)


def _available_cpus() -> int:
    """Count the CPUs this process may run on: in containers fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
