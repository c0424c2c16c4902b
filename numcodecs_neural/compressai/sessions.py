"""Loaded models, one for each digest and device in a process, and the settings they run under."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from numcodecs_neural import config
from numcodecs_neural.compressai.architectures import Architecture
from numcodecs_neural.compressai.networks import build_model
from numcodecs_neural.compressai.priors import Coded, make_prior
from numcodecs_neural.compressai.store import load_model
from numcodecs_neural.engine.turns import turn
from numcodecs_neural.networks.backends.choice import device_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Session", "session_for"]

_sessions: dict[tuple[str, str, str], Session] = {}
_lock = threading.Lock()


class Session:
    """A model on a device: pixels to coded latents, and back.

    Parameters
    ----------
    net : torch.nn.Module
    arch : Architecture
    device : str
        ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    """

    def __init__(self, net: Any, arch: Architecture, device: str) -> None:
        self._device = torch.device(device)
        net = net.to(self._device)
        self._g_a, self._g_s = net.g_a, net.g_s
        self._prior = make_prior(net, arch)

    @property
    def stream_count(self) -> int:
        """How many streams a chunk has."""
        return self._prior.stream_count

    def encode(self, images: NDArray[np.uint8]) -> Coded:
        """Code (n, 3, H, W); the sides are multiples of 64."""
        with turn(), _reproducibly(self._device):
            x = torch.from_numpy(images).to(self._device).float() / 255
            return self._prior.encode(self._g_a(x))  # -> (n, M, H / 16, W / 16)

    def decode(self, streams: tuple[bytes, ...], shape: tuple[int, int, int]) -> Coded:
        """Decode the latents of ``shape = (n, H, W)``."""
        with turn(), _reproducibly(self._device):
            return self._prior.decode(streams, shape)

    def synthesize(self, coded: Coded) -> NDArray[np.uint8]:
        """Return the pixels (n, 3, H, W) of latents."""
        with turn(), _reproducibly(self._device):
            x_hat = self._g_s(coded.y_hat.float().to(self._device))
            pixels: NDArray[np.uint8] = (
                (x_hat.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
            )
        return pixels


def session_for(arch: Architecture, digest: str) -> Session:
    """Return the model with this SHA-256 on the device that is set, loaded at first use.

    Raises
    ------
    WeightsError
        If it is not in the models folder, is damaged, or is of another architecture.
    MissingDependencyError
        If CompressAI cannot be imported.
    ConfigError
        If the device that is set does not exist.
    """
    key = (arch.name, digest, device_of(config.get().device))
    with _lock:
        if key not in _sessions:
            arrays = load_model(digest, arch.name)
            net = build_model(arch.name, arrays, source=f"the model {digest}")
            _sessions[key] = Session(net, arch, key[2])
        return _sessions[key]


@contextmanager
def _reproducibly(device: torch.device) -> Iterator[None]:
    """The settings under which every chunk is coded: one thread, float32 as it is written.

    Threads change the order of sums. The limit is this thread's own, so nothing outside sees it.
    """
    torch.get_num_threads()  # the first use of torch in a thread sets its number of threads
    with (
        _threads().limit(limits=1),
        torch.inference_mode(),
        torch.autocast(device.type, enabled=False),
        _float32_convolutions(device),
    ):
        yield


_cudnn_lock = threading.Lock()


@contextmanager
def _float32_convolutions(device: torch.device) -> Iterator[None]:
    """No TF32 and no choice of algorithm by timing. These switches are the whole process's."""
    if device.type != "cuda":
        yield
        return
    with (
        _cudnn_lock,
        torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        ),
    ):
        yield


@functools.cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="openmp")


def _forget() -> None:
    global _lock, _cudnn_lock
    _lock, _cudnn_lock = threading.Lock(), threading.Lock()
    _sessions.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
