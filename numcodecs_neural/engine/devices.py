"""Which device computes: the setting, what the machine has, and a check that its sums are exact."""

from __future__ import annotations

import ctypes
import importlib.util
import warnings

import numpy as np

from numcodecs_neural.coding.enc_streams import Backend
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.networks.backends.numpy_backend import Kernels, NumpyBackend, PlainKernels
from numcodecs_neural.networks.backends.selftest import is_exact
from numcodecs_neural.networks.dec_model import DecoderModel

__all__ = ["backend_for", "device_of"]


def device_of(setting: str) -> str:
    """Return ``"numpy"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"`` for a value of the setting.

    ``"auto"`` is CUDA where torch and a driver are there, else numpy; torch is not imported to
    find out that there is no driver. It is numpy too in a process that was forked from one that had
    used CUDA, as the workers of a torch data loader are: CUDA does not survive a fork.

    Raises
    ------
    ConfigError
        If the setting asks for a device that this machine, or this installation, lacks.
    """
    if setting == "numpy":
        return setting
    if setting == "auto":
        is_there = _has_driver() and _has_torch() and _cuda_works() and not _cuda_was_forked()
        return "cuda" if is_there else "numpy"
    if not _has_torch():
        raise ConfigError(
            f"the device is set to {setting!r}, which needs torch: install it "
            "(pip install 'numcodecs-neural[torch]') or set the device to 'auto'"
        )
    if setting.startswith("cuda"):
        _check_cuda(setting)
    return setting


def backend_for(device: str, decoder: DecoderModel) -> Backend:
    """Return a backend on `device` whose integers were checked against 64-bit arithmetic.

    A device that fails the check, by faulty hardware or a library that is not exact, is replaced
    with numpy in float64, with one warning.
    """
    backend = _make(device)
    if is_exact(backend, decoder):
        return backend
    warnings.warn(
        f"device {device!r} does not compute integer networks exactly; chunks are coded by numpy "
        "in float64 instead, which is slow",
        RuntimeWarning,
        stacklevel=2,
    )
    return NumpyBackend(PlainKernels(), np.float64)


def _make(device: str) -> Backend:
    if device == "numpy":
        return NumpyBackend(_kernels())
    from numcodecs_neural.networks.backends.torch_backend import TorchBackend

    return TorchBackend(device)


def _kernels() -> Kernels:
    try:
        from numcodecs_neural.networks.backends.numba_kernels import CompiledKernels
    except ImportError:
        return PlainKernels()
    return CompiledKernels()


def _check_cuda(setting: str) -> None:
    said = f"the device is set to {setting!r}, and"
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
