"""Work in threads: each once, so many at a time, so many that wait, and so many bytes kept."""

import asyncio
import threading

import pytest

from numcodecs_neural.serve.problems import Problem
from numcodecs_neural.serve.work import AbandonedError, Memory, Work


async def stays() -> bool:
    return False


async def has_left() -> bool:
    return True


def new_work(*, most_waiting: int = 8) -> Work:
    return Work(workers=1, most_waiting=most_waiting, memory_nbytes=2**20)


class Gate:
    """Work that takes until it is let go; counts how often it was begun."""

    def __init__(self) -> None:
        self.calls = 0
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self) -> bytes:
        self.calls += 1
        self.begun.set()
        self.go.wait()
        return b"done"

    async def wait_until_begun(self) -> None:
        await asyncio.to_thread(self.begun.wait)


def test_two_that_ask_at_once_share_a_call() -> None:
    gate = Gate()

    async def ask() -> list[bytes | None]:
        work = new_work()
        tasks = [asyncio.create_task(work.bytes_of("key", gate, stays)) for _ in range(2)]
        await gate.wait_until_begun()
        gate.go.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(ask()) == [b"done", b"done"]
    assert gate.calls == 1


def test_what_was_made_is_kept() -> None:
    gate = Gate()
    gate.go.set()

    async def ask() -> None:
        work = new_work()
        await work.bytes_of("key", gate, stays)
        await work.bytes_of("key", gate, stays)

    asyncio.run(ask())
    assert gate.calls == 1


def test_a_failure_is_not_kept() -> None:
    outcomes = iter([ValueError("torn"), None])

    def fails_once() -> bytes:
        error = next(outcomes)
        if error is not None:
            raise error
        return b"data"

    async def ask() -> bytes | None:
        work = new_work()
        with pytest.raises(ValueError, match="torn"):
            await work.bytes_of("key", fails_once, stays)
        return await work.bytes_of("key", fails_once, stays)

    assert asyncio.run(ask()) == b"data"


def test_one_too_many_is_told_to_come_back() -> None:
    gate = Gate()

    async def ask() -> Problem:
        work = new_work(most_waiting=1)
        first = asyncio.create_task(work.bytes_of(1, gate, stays))
        await gate.wait_until_begun()
        second = asyncio.create_task(work.bytes_of(2, gate, stays))
        await asyncio.sleep(0)  # so that it waits
        with pytest.raises(Problem) as refused:
            await work.bytes_of(3, gate, stays)
        gate.go.set()
        await asyncio.gather(first, second)
        return refused.value

    problem = asyncio.run(ask())
    assert problem.status == 503
    assert problem.headers == {"Retry-After": "1"}


def test_nothing_is_decoded_for_who_has_left() -> None:
    gate = Gate()

    async def ask() -> None:
        with pytest.raises(AbandonedError):
            await new_work().bytes_of("key", gate, has_left)

    asyncio.run(ask())
    assert gate.calls == 0


def test_who_stays_gets_what_who_has_left_had_asked_for() -> None:
    gate = Gate()
    gate.go.set()

    async def ask() -> list[bytes | BaseException | None]:
        work = new_work()
        asked = [work.bytes_of("key", gate, is_gone) for is_gone in (has_left, stays)]
        return await asyncio.gather(*asked, return_exceptions=True)

    left, stayed = asyncio.run(ask())
    assert isinstance(left, AbandonedError)
    assert stayed == b"done"


def test_memory_forgets_what_was_not_used_for_longest() -> None:
    memory = Memory(limit_nbytes=2 * (512 + 100))
    memory.keep("a", bytes(100))
    memory.keep("b", bytes(100))
    memory.get("a")

    memory.keep("c", bytes(100))

    assert [key in memory for key in "abc"] == [True, False, True]
    assert memory.nbytes == 2 * (512 + 100)


def test_memory_of_empty_chunks_is_bounded() -> None:
    memory = Memory(limit_nbytes=5120)

    for key in range(1000):
        memory.keep(key, None)

    assert memory.nbytes <= 5120


def test_what_is_larger_than_all_memory_is_not_kept() -> None:
    memory = Memory(limit_nbytes=1000)

    memory.keep("large", bytes(2000))

    assert memory.nbytes == 0
