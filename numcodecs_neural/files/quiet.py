"""Silences warnings of libraries that a user can do nothing about."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet"]

# Filters of warnings are the whole process's: two threads at once would leave them in disorder.
_lock = threading.RLock()


@contextmanager
def quiet(*libraries: str) -> Iterator[None]:
    """Silence warnings that come from the code of `libraries`.

    Only for opening files: while it lasts, no other thread opens one with it.
    """
    with _lock, warnings.catch_warnings():
        for library in libraries:
            warnings.filterwarnings("ignore", category=UserWarning, module=rf"{library}\b")
        yield
