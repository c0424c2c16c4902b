"""Items picked by a hash of their key: the same ones each time, wherever and in any order."""

import hashlib
import heapq
from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["pick", "rank"]

T = TypeVar("T")


def pick(items: Iterable[T], count: int, key: Callable[[T], Iterable[object]]) -> list[T]:
    """Return the `count` items of lowest rank, lowest first; no more are held at a time.

    Picks of chunk coordinates are spread over a slide, and larger counts pick the same and more.

    Examples
    --------
    >>> pick(range(100), 3, key=lambda number: ("sample", number))
    [92, 73, 27]
    """
    return heapq.nsmallest(count, items, key=lambda item: rank(*key(item)))


def rank(*key: object) -> bytes:
    """Return the SHA-256 of the parts of a key, joined by slashes."""
    return hashlib.sha256("/".join(map(str, key)).encode()).digest()
