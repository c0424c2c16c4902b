"""Work: decoding in threads, so many at a time, each once; and the memory of what came of it."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus

from .problems import Problem

__all__ = ["AbandonedError", "Memory", "Work"]

# What an entry takes beside its bytes; so that many empty ones are bounded, too.
_ENTRY_NBYTES = 512


class AbandonedError(Exception):
    """Nobody waits for the answer any more."""


class Memory:
    """The bytes that were used last, up to a limit; empty chunks are remembered as None.

    Used by one thread only: that of the event loop.

    Parameters
    ----------
    limit_nbytes : int
        Of all entries together.
    """

    def __init__(self, limit_nbytes: int) -> None:
        self._limit = limit_nbytes
        self._entries: OrderedDict[Hashable, bytes | None] = OrderedDict()
        self.nbytes = 0

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def get(self, key: Hashable) -> bytes | None:
        """Return what is kept, which is used last from now on; KeyError if it is not."""
        self._entries.move_to_end(key)
        return self._entries[key]

    def keep(self, key: Hashable, data: bytes | None) -> None:
        """Keep bytes, and forget those that were not used for longest."""
        if key in self._entries:
            return
        self._entries[key] = data
        self.nbytes += _nbytes(data)
        while self.nbytes > self._limit:
            _, forgotten = self._entries.popitem(last=False)
            self.nbytes -= _nbytes(forgotten)


class Work:
    """Calls in threads.

    Parameters
    ----------
    workers : int
        How many at a time.
    most_waiting : int
        How many more may wait for a thread; those after them are refused.
    memory_nbytes : int
        Limit of what is kept of their results.
    """

    def __init__(self, *, workers: int, most_waiting: int, memory_nbytes: int) -> None:
        self.memory = Memory(memory_nbytes)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="serve")
        self._free = asyncio.Semaphore(workers)
        self._waiting, self._most_waiting = 0, most_waiting
        self._running: dict[Hashable, asyncio.Future[bytes | None]] = {}

    async def bytes_of(
        self,
        key: Hashable,
        make: Callable[[], bytes | None],
        is_gone: Callable[[], Awaitable[bool]],
    ) -> bytes | None:
        """Return what `make` does, from memory if it is there; two that ask at once share a call.

        Parameters
        ----------
        key : hashable
            Of the result.
        make : callable
            Called in a thread.
        is_gone : callable
            Whether who asks has left: asked before the call, so that chunks that a viewer has
            scrolled past are not decoded.

        Raises
        ------
        Problem
            503 if too many wait.
        AbandonedError
            If who asks has left.
        """
        while True:
            if key in self.memory:
                return self.memory.get(key)
            if key not in self._running:
                return await self._first(key, make, is_gone)
            try:
                return await asyncio.shield(self._running[key])
            except AbandonedError:
                continue  # Who asked first has left; this one has not.

    def close(self) -> None:
        """Drop what waits; what runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _first(
        self,
        key: Hashable,
        make: Callable[[], bytes | None],
        is_gone: Callable[[], Awaitable[bool]],
    ) -> bytes | None:
        future = self._running[key] = asyncio.get_running_loop().create_future()
        try:
            async with self._turn():
                if await is_gone():
                    raise AbandonedError  # noqa: TRY301 -- the others learn of it below
                data = await self._in_thread(make)
            self.memory.keep(key, data)
            future.set_result(data)
        except BaseException as exc:
            is_cancelled = isinstance(exc, asyncio.CancelledError)
            future.set_exception(AbandonedError() if is_cancelled else exc)
            future.exception()  # Seen: there may be nobody else who waits.
            raise
        else:
            return data
        finally:
            del self._running[key]

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for a place among those that work, if there is one among those that wait."""
        if self._waiting >= self._most_waiting:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._most_waiting} requests wait already: ask again",
                {"Retry-After": "1"},
            )
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()

    async def _in_thread(self, make: Callable[[], bytes | None]) -> bytes | None:
        return await asyncio.get_running_loop().run_in_executor(self._pool, make)


def _nbytes(data: bytes | None) -> int:
    return _ENTRY_NBYTES + len(data or b"")
