"""The cache of decoded chunks: each once, up to a limit, under many threads and after a fork."""

import multiprocessing
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from numcodecs_neural import config
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.reading.cache import ChunkCache, shared_cache
from tests.annotations import Image

THREADS = 8


def chunk(value: int = 0, nbytes: int = 10_000) -> Image:
    return np.full(nbytes, value, np.uint8)


class Decoder:
    """Counts how often it is called, and waits for nobody."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Image:
        self.calls += 1
        return chunk(self.calls)


def test_a_chunk_is_decoded_once() -> None:
    cache, decode = ChunkCache(1_000_000), Decoder()

    first, second = (cache.get(("slide", 0), decode) for _ in range(2))

    assert decode.calls == 1
    assert first is second


def test_nobody_can_change_a_chunk_of_others() -> None:
    found = ChunkCache(1_000_000).get(("slide", 0), chunk)

    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_eight_threads_that_ask_for_one_chunk_wait_for_one_decoding() -> None:
    cache, decode = ChunkCache(1_000_000), Decoder()
    asked = threading.Barrier(THREADS)

    def slowly() -> Image:
        # Ends when the other threads stand at the cache's door, or a moment before.
        asked.wait(timeout=60)
        return decode()

    def ask(number: int) -> Any:
        if number:
            asked.wait(timeout=60)
        return cache.get(("slide", 0), slowly)

    with ThreadPoolExecutor(THREADS) as pool:
        first = pool.submit(ask, 0)
        while ("slide", 0) not in cache._running:
            pass
        found = [first, *(pool.submit(ask, n) for n in range(1, THREADS))]
        arrays = [future.result() for future in found]

    assert decode.calls == 1
    assert all(array is arrays[0] for array in arrays)


def test_the_chunks_that_nobody_asked_for_the_longest_leave_first() -> None:
    cache = ChunkCache(35_000)
    for number in (0, 1, 2, 0, 3):
        cache.get(("slide", number), chunk)

    kept = [number for number in range(4) if cache.peek(("slide", number)) is not None]

    assert kept == [0, 2, 3]
    assert cache.nbytes <= 35_000


def test_a_chunk_larger_than_the_cache_is_handed_on_and_not_kept() -> None:
    cache = ChunkCache(15_000)
    cache.get(("slide", "small"), chunk)

    found = cache.get(("slide", "large"), lambda: chunk(7, 20_000))

    assert found.nbytes == 20_000
    assert cache.peek(("slide", "large")) is None
    assert cache.peek(("slide", "small")) is not None


def test_a_chunk_of_one_value_takes_no_room() -> None:
    cache = ChunkCache(5_000)

    cache.get(("slide", 0), lambda: np.broadcast_to(np.uint8(255), (3, 512, 512)))

    assert cache.peek(("slide", 0)) is not None


def test_an_error_reaches_the_caller_and_is_not_kept() -> None:
    cache = ChunkCache(1_000_000)

    def fail() -> Image:
        raise OSError("the cable was pulled")

    with pytest.raises(OSError, match="cable"):
        cache.get(("slide", 0), fail)

    assert cache.get(("slide", 0), chunk).nbytes == 10_000


def test_an_interrupted_thread_leaves_the_chunk_to_those_who_wait() -> None:
    cache, decode = ChunkCache(1_000_000), Decoder()
    begun, interrupt = threading.Event(), threading.Event()

    def interrupted() -> Image:
        begun.set()
        interrupt.wait(timeout=60)
        raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, ("slide", 0), interrupted)
        begun.wait(timeout=60)
        second = pool.submit(cache.get, ("slide", 0), decode)
        interrupt.set()

        with pytest.raises(KeyboardInterrupt):
            first.result()
        assert second.result()[0] == 1


def test_chunks_of_one_owner_are_forgotten() -> None:
    cache = ChunkCache(1_000_000)
    for owner in ("a", "b"):
        cache.get((owner, 0), chunk)

    cache.forget("a")

    assert cache.peek(("a", 0)) is None
    assert cache.peek(("b", 0)) is not None
    assert cache.nbytes < 11_000


def test_a_cleared_cache_is_empty() -> None:
    cache = ChunkCache(1_000_000)
    cache.get(("slide", 0), chunk)

    cache.clear()

    assert (cache.nbytes, cache.peek(("slide", 0))) == (0, None)


def test_the_shared_cache_follows_the_setting() -> None:
    with config.set(cache_mib=3):
        assert shared_cache().limit_nbytes == 3 * 2**20


def test_a_cache_below_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="-1 bytes"):
        ChunkCache(-1)


def test_a_cache_pickles_without_what_it_holds() -> None:
    cache = ChunkCache(50_000)
    cache.get(("slide", 0), chunk)

    copy = pickle.loads(pickle.dumps(cache))

    assert (copy.limit_nbytes, copy.nbytes) == (50_000, 0)


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_begins_with_an_empty_cache_that_nobody_locks() -> None:
    cache = ChunkCache(1_000_000)
    cache.get(("slide", 0), chunk)
    results = multiprocessing.get_context("fork").SimpleQueue()

    def child() -> None:
        before = cache.nbytes
        cache.get(("slide", 1), chunk)
        results.put((before, cache.nbytes > 0))

    # As another thread does that holds it at that moment.
    with cache._lock:
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
    found = results.get()
    process.join()

    assert found == (0, True)
