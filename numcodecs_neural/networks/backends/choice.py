"""Which implementation computes, and on which device: the settings, and what the machine has."""

import ctypes
import importlib.util
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from numcodecs_neural import config
from numcodecs_neural.compilation import may_use_numba, use_numba
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend, PlainKernels
from numcodecs_neural.networks.backends.protocol import Backend
from numcodecs_neural.networks.backends.selftest import is_exact
from numcodecs_neural.networks.dec_model import DecoderModel

__all__ = ["Choice", "backend_for", "choose", "device_of"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What runs the networks.

    Parameters
    ----------
    implementation : {"numpy", "numba", "torch"}
        numba stands for numpy with compiled loops.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    """

    implementation: Literal["numpy", "numba", "torch"]
    device: str


def choose() -> Choice:
    """Return what the settings ask for; by default torch on CUDA where it works, else numpy.

    The words of the setting `device` imply an implementation: ``"numpy"`` is the CPU without torch,
    ``"cpu"`` and ``"cuda"`` are devices of torch. The setting `backend` outranks that for the CPU.

    Raises
    ------
    ConfigError
        If they ask for something that this machine, or this installation, lacks, or contradict
        each other.
    """
    settings = config.get()
    backend, device = settings.backend, settings.device
    on_cuda, wants_torch = device.startswith("cuda"), backend == "torch"
    if (on_cuda and backend in ("numpy", "numba")) or (device == "numpy" and wants_torch):
        raise ConfigError(
            f"the backend is set to {backend!r} and the device to {device!r}, which exclude each "
            "other: set one of them to 'auto'"
        )
    if backend == "auto":
        wants_torch = device == "cpu" or device_of(device).startswith("cuda")
    if wants_torch:
        what = f"the backend is set to {backend!r}" if backend == "torch" else _said(device)
        _check_torch(what)
        return Choice("torch", device_of(device))
    return Choice("numba" if may_use_numba() else "numpy", "cpu")


def device_of(setting: str) -> str:
    """Return ``"cpu"``, ``"cuda"`` or ``"cuda:N"`` for a value of the setting `device`.

    ``"auto"`` is CUDA where torch and a driver are there, else the CPU; torch is not imported to
    find out that there is no driver. It is the CPU too in a process that was forked from one that
    had used CUDA, as the workers of a torch data loader are: CUDA does not survive a fork.

    Raises
    ------
    ConfigError
        If the setting asks for a device that this machine, or this installation, lacks.
    """
    if setting == "auto":
        is_there = _has_driver() and _has_torch() and _cuda_works() and not _cuda_was_forked()
        return "cuda" if is_there else "cpu"
    if not setting.startswith("cuda"):
        return "cpu"
    _check_torch(_said(setting))
    _check_cuda(setting)
    return setting


def backend_for(choice: Choice, decoder: DecoderModel) -> Backend:
    """Return a backend whose integers were checked against 64-bit arithmetic.

    One that fails the check, by faulty hardware or a library that is not exact, is replaced with
    numpy in float64, with one warning.
    """
    backend = _make(choice)
    if is_exact(backend, decoder):
        return backend
    warnings.warn(
        f"{choice.implementation} on device {choice.device!r} does not compute integer networks "
        "exactly; chunks are coded by numpy in float64 instead, which is slow",
        RuntimeWarning,
        stacklevel=2,
    )
    return NumpyBackend(PlainKernels(), np.float64)


def _make(choice: Choice) -> Backend:
    if choice.implementation == "torch":
        from numcodecs_neural.networks.backends.torch_backend import TorchBackend

        return TorchBackend(choice.device)
    if choice.implementation == "numba" and use_numba():
        from numcodecs_neural.networks.backends.numba_kernels import CompiledKernels

        return NumpyBackend(CompiledKernels())
    return NumpyBackend(PlainKernels())


def _said(device: str) -> str:
    return f"the device is set to {device!r}"


def _check_torch(said: str) -> None:
    if not _has_torch():
        raise ConfigError(
            f"{said}, which needs torch: install it (pip install 'numcodecs-neural[torch]') or set "
            "it to 'auto'"
        )


def _check_cuda(setting: str) -> None:
    said = f"{_said(setting)}, and"
    if not _cuda_works():
        raise ConfigError(f"{said} torch finds no CUDA device here: set the device to 'auto'")
    if _cuda_was_forked():
        raise ConfigError(
            f"{said} this process was forked from one that had used CUDA, which cannot be used "
            "after a fork: set the device to 'auto', or start processes by 'spawn'"
        )
    last = _cuda_count() - 1
    if int(setting.partition(":")[2] or 0) > last:
        raise ConfigError(f"{said} the last CUDA device that torch finds here is 'cuda:{last}'")


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def _has_driver() -> bool:
    for name in ("libcuda.so.1", "nvcuda.dll"):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def _cuda_works() -> bool:
    import torch

    return torch.cuda.is_available()


def _cuda_was_forked() -> bool:
    import torch

    return bool(torch.cuda._is_in_bad_fork())


def _cuda_count() -> int:
    import torch

    return torch.cuda.device_count()
