"""The threads of this process that decode several chunks of one request at the same time."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_parallel"]

# As many chunks as a GPU takes in one batch, and enough to wait for files behind a URL. How many
# of them decode at once is up to the codec, which keeps to the setting ``threads``.
_MAX_THREADS = 16

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_parallel(work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
    """Return what `work`, which must not call this, returns for each item, in order.

    All items are worked on even if one fails; then the first error is raised.
    """
    running = [_pool().submit(work, item) for item in items]
    errors = [error for error in (future.exception() for future in running) if error]
    if errors:
        raise errors[0]
    return [future.result() for future in running]


def _pool() -> ThreadPoolExecutor:
    global _threads
    with _lock:
        if _threads is None:
            _threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="numcodecs_neural")
        return _threads


def _begin_anew() -> None:
    global _threads, _lock
    _threads, _lock = None, threading.Lock()


_threads: ThreadPoolExecutor | None = None
_lock = threading.Lock()

if hasattr(os, "register_at_fork"):
    # A forked child has none of the threads.
    os.register_at_fork(after_in_child=_begin_anew)
