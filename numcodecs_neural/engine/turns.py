"""Turns at the processors: no more chunks at once than threads are allowed, one core each.

Zarr and dask both call from many threads. Parallelism is over chunks, so while any chunk is being
coded the matrix products of this process keep to one thread each; afterwards the former setting
is back.
"""

import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

from numcodecs_neural import config

__all__ = ["turn"]


class _Turns:
    """How many chunks are being coded now."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._working = 0
        self._limiter: Any = None

    @contextmanager
    def take(self) -> Iterator[None]:
        threads = config.get().threads
        with self._condition:
            self._condition.wait_for(lambda: self._working < threads)
            self._working += 1
            if self._limiter is None:
                self._limiter = _controller().limit(limits=1, user_api="blas")
        try:
            yield
        finally:
            with self._condition:
                self._working -= 1
                if self._working == 0:
                    self._limiter.restore_original_limits()
                    self._limiter = None
                self._condition.notify()


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


_turns = _Turns()


def turn() -> Any:
    """Context manager: wait until a thread is free, and hold it."""
    return _turns.take()


def _forget() -> None:
    global _turns
    _turns = _Turns()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
