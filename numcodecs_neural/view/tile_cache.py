"""TileCache: the packed tiles that were asked for last, up to a number of bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

__all__ = ["TileCache"]


class TileCache:
    """Bytes by key; those that were asked for longest ago go first. Safe between threads.

    Parameters
    ----------
    limit : int
        Bytes of all values together.

    Examples
    --------
    >>> cache = TileCache(4)
    >>> cache.get("a", lambda: b"123"), cache.get("a", lambda: b"456")
    (b'123', b'123')
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[Hashable, bytes] = OrderedDict()
        self._nbytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], bytes | None]) -> bytes | None:
        """Return the value of a key, made now if it is not kept; None is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        made = make()
        if made is not None:
            self._keep(key, made)
        return made

    def _keep(self, key: Hashable, value: bytes) -> None:
        with self._lock:
            self._nbytes += len(value) - len(self._values.pop(key, b""))
            self._values[key] = value
            while self._nbytes > self._limit:
                self._nbytes -= len(self._values.popitem(last=False)[1])
