"""Turns, batches and devices: speed may depend on them, results never do."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.coding.dec_lossy import Levels
from numcodecs_neural.coding.enc_task import EncodeParameters
from numcodecs_neural.engine.batching import MAX_BATCH, BatchingCoder
from numcodecs_neural.engine.sessions import coder_for
from numcodecs_neural.engine.turns import turn
from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.format import Mode
from numcodecs_neural.weights import resolve
from tests.annotations import Image


def blas_threads() -> list[int]:
    return [int(x["num_threads"]) for x in threadpool_info() if x["user_api"] == "blas"]


def test_no_more_chunks_at_once_than_threads_are_allowed() -> None:
    seen: list[int] = []
    inside = 0
    lock = threading.Lock()
    pause = threading.Event()
    both = threading.Barrier(2)

    def work() -> None:
        nonlocal inside
        with turn():
            with lock:
                inside += 1
                seen.append(inside)
            both.wait(60)
            pause.wait(0.01)
            with lock:
                inside -= 1

    with config.set(threads=2), ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work) for _ in range(20)]:
            future.result()

    assert max(seen) == 2


def test_matrix_products_keep_to_one_thread_and_the_setting_comes_back() -> None:
    before = blas_threads()

    with config.set(threads=2), turn(), turn():
        during = blas_threads()

    assert set(during) == {1}
    assert blas_threads() == before


def test_chunks_without_loss_wait_for_a_turn(tissue: Image) -> None:
    image = tissue[0, :64, :64]
    codec = NeuralImage(max_error=0)
    chunk = codec.encode(image)
    assert codec.parse(chunk).header.mode is Mode.EXACT

    with config.set(threads=1), ThreadPoolExecutor(1) as pool:
        with turn():
            decoded = pool.submit(codec.decode, chunk)
            with pytest.raises(TimeoutError):
                decoded.result(0.05)
        np.testing.assert_array_equal(decoded.result(), image)


class Recording:
    """Takes its first batch and waits with it until it is opened, so that requests collect."""

    weights_id, channels, pixel_fraction = b"recorder", 3, 0
    latents_count = 4

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.is_busy, self.open = threading.Event(), threading.Event()

    def encode_batch(self, images: list[Image], parameters: EncodeParameters) -> list[bytes]:
        self._take(len(images))
        return [bytes([int(x.flat[0]), parameters.quality]) for x in images]

    def decode_batch(
        self, streams: list[bytes], shape: tuple[int, int, int], quality: int
    ) -> list[Image]:
        self._take(len(streams))
        if b"broken" in streams:
            raise BitstreamError("broken")
        return [np.full((1, 3, *shape[1:]), s[0], np.uint8) for s in streams]

    def latents_batch(
        self, streams: list[bytes], shape: tuple[int, int, int], quality: int
    ) -> list[NDArray[np.float32]]:
        self._take(len(streams))
        return [np.full((1, self.latents_count, 1, 1), s[0], np.float32) for s in streams]

    def latents_of_pixels(self, planes: NDArray[Any], count: int) -> NDArray[np.float32]:
        return np.full((len(planes), count, 1, 1), np.nan, np.float32)

    def _take(self, count: int) -> None:
        self.batches.append(count)
        self.is_busy.set()
        assert self.open.wait(60)


def in_flight_together(
    pool: ThreadPoolExecutor, requests: list[Callable[[BatchingCoder], Any]]
) -> tuple[list[Future[Any]], Recording]:
    """Send requests while the coder is busy with one of another kind, and let it go on then."""
    recorder = Recording()
    coder = BatchingCoder(recorder)
    first = pool.submit(
        coder.encode, np.zeros((1, 3, 1, 1), np.uint8), EncodeParameters(quality=99)
    )
    assert recorder.is_busy.wait(60)

    futures = [pool.submit(request, coder) for request in requests]
    pause = threading.Event()
    for _ in range(60_000):
        if len(coder._waiting) == len(requests):
            break
        pause.wait(0.001)
    recorder.open.set()
    assert first.result() == bytes([0, 99])
    return futures, recorder


def test_requests_in_flight_run_as_batches_of_one_kind() -> None:
    images = [np.full((1, 3, 2, 2), i, np.uint8) for i in range(40)]

    with ThreadPoolExecutor(41) as pool:
        futures, recorder = in_flight_together(
            pool,
            [
                partial(BatchingCoder.encode, images=x, parameters=EncodeParameters(quality=i % 2))
                for i, x in enumerate(images)
            ],
        )
        results = [f.result() for f in futures]

    assert results == [bytes([i, i % 2]) for i in range(40)]
    assert sorted(recorder.batches) == [1, 20 - MAX_BATCH, 20 - MAX_BATCH, MAX_BATCH, MAX_BATCH]


def test_latents_in_flight_are_decoded_together() -> None:
    chosen: dict[str, Any] = {"shape": (1, 16, 16), "quality": 5, "levels": Levels(), "count": 2}

    with ThreadPoolExecutor(4) as pool:
        futures, recorder = in_flight_together(
            pool, [partial(BatchingCoder.latents, stream=s, **chosen) for s in (b"a", b"b")]
        )
        found = [future.result() for future in futures]

    assert recorder.batches == [1, 2]
    assert [latents.ravel().tolist() for latents in found] == [[97, 97], [98, 98]]


def test_one_damaged_chunk_does_not_spoil_its_batch() -> None:
    streams = [b"a", b"broken", b"c"]

    with ThreadPoolExecutor(4) as pool:
        futures, recorder = in_flight_together(
            pool,
            [partial(BatchingCoder.decode, stream=s, shape=(1, 2, 2), quality=5) for s in streams],
        )

    assert recorder.batches == [1, 3, 1, 1, 1]
    assert futures[0].result().flat[0] == ord("a")
    assert futures[2].result().flat[0] == ord("c")
    with pytest.raises(BitstreamError, match="broken"):
        futures[1].result()


@pytest.mark.parametrize("weights", ["he-fast-1", "grey-fast-1"])
def test_a_batch_gives_what_each_of_its_chunks_gives_alone(weights: str, tissue: Image) -> None:
    with config.set(device="numpy"):
        coder: Any = coder_for(resolve(weights))
    planes = tissue.astype(np.uint16 if coder.pixel_fraction else np.uint8)
    crops = [
        np.ascontiguousarray(planes[None, : coder.channels, y : y + 32, :48])
        << coder.pixel_fraction
        for y in (0, 200, 400)
    ]

    parameters = EncodeParameters(quality=60)
    streams = coder.encode_batch(crops, parameters)
    decoded = coder.decode_batch(streams, (1, 32, 48), 60)

    assert streams == [coder.encode(crop, parameters) for crop in crops]
    assert len(set(streams)) == 3
    for stream, pixels in zip(streams, decoded, strict=True):
        np.testing.assert_array_equal(pixels, coder.decode(stream, (1, 32, 48), 60), strict=True)
