"""Requests in flight, run as one batch: what makes a GPU worth having behind plain `zarr.open`.

Zarr hands over one chunk at a time, from many threads. While the device works on one batch, the
requests that arrive collect; the next batch takes all of one kind. A lone request never waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from numcodecs_neural.coding.dec_lossy import Levels
    from numcodecs_neural.coding.enc_target import QualityTrials
    from numcodecs_neural.coding.enc_task import EncodeParameters
    from numcodecs_neural.networks.description import Pixels

__all__ = ["MAX_BATCH", "BatchingCoder"]

MAX_BATCH = 16


class _BatchCoder(Protocol):
    weights_id: bytes
    channels: int
    pixel_fraction: int

    def encode_batch(self, images: list[Pixels], parameters: EncodeParameters) -> list[bytes]: ...

    def decode_batch(
        self, streams: list[bytes], shape: tuple[int, int, int], quality: int
    ) -> list[Pixels]: ...

    def latents_batch(
        self, streams: list[bytes], shape: tuple[int, int, int], quality: int
    ) -> list[NDArray[np.float32]]: ...

    def latents_of_pixels(self, planes: NDArray[Any], count: int) -> NDArray[np.float32]: ...

    @property
    def latents_count(self) -> int: ...


@dataclass(slots=True)
class _Request:
    """One chunk to code; requests of equal `kind` can run together."""

    kind: Hashable
    run: Callable[[list[Any]], list[Any]]
    item: Any
    future: Future[Any] = field(default_factory=Future)


class BatchingCoder:
    """A coder that collects the requests of all threads for another that takes batches.

    Batches run in the worker of an executor: an interpreter that ends waits for it. A daemon thread
    is killed wherever it is, and within torch that aborts the process.
    """

    def __init__(self, coder: _BatchCoder) -> None:
        self.weights_id, self.channels = coder.weights_id, coder.channels
        self.pixel_fraction = coder.pixel_fraction
        self._coder = coder
        self._waiting: list[_Request] = []
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1)

    def encode(self, images: Pixels, parameters: EncodeParameters) -> bytes:
        """Return the stream of (n, C, H, W)."""
        stream: bytes = self._submit(
            ("encode", images.shape, parameters),
            lambda items: self._coder.encode_batch(items, parameters),
            images,
        )
        return stream

    def grey_steps(self, parameters: EncodeParameters) -> tuple[()]:
        """Return nothing: networks have no steps that an image shows."""
        del parameters
        return ()

    def trials(self, images: Pixels, parameters: EncodeParameters) -> QualityTrials:
        """Return the encodings of (n, C, H, W) that a target is looked for among."""
        from numcodecs_neural.coding.enc_target import QualityTrials

        return QualityTrials(self, images, parameters)

    def decode(self, stream: bytes, shape: tuple[int, int, int], quality: int) -> Pixels:
        """Return (n, C, H, W) for ``shape = (n, H, W)``."""
        pixels: Pixels = self._submit(
            ("decode", shape, quality),
            lambda items: self._coder.decode_batch(items, shape, quality),
            stream,
        )
        return pixels

    def latents(
        self,
        stream: bytes,
        shape: tuple[int, int, int],
        quality: int,
        *,
        levels: Levels,
        count: int,
    ) -> NDArray[np.float32]:
        """Return dequantised latents (n, count, h, w) for ``shape = (n, H, W)``."""
        del levels
        latents: NDArray[np.float32] = self._submit(
            ("latents", shape, quality),
            lambda items: self._coder.latents_batch(items, shape, quality),
            stream,
        )
        return latents[:, :count]

    def latents_of_pixels(self, planes: NDArray[Any], count: int) -> NDArray[np.float32]:
        """Return what the coder below says of samples that are in no stream."""
        return self._coder.latents_of_pixels(planes, count)

    @property
    def latents_count(self) -> int:
        """How many latents there are at each place."""
        return self._coder.latents_count

    def _submit(self, kind: Hashable, run: Callable[[list[Any]], list[Any]], item: Any) -> Any:
        request = _Request(kind, run, item)
        with self._lock:
            self._waiting.append(request)
        self._worker.submit(self._run_next)
        return request.future.result()

    def _run_next(self) -> None:
        """Run the oldest request and those of its kind, unless a batch before took them all."""
        with self._lock:
            alike = [r for r in self._waiting if r.kind == self._waiting[0].kind][:MAX_BATCH]
            taken = set(map(id, alike))
            self._waiting = [r for r in self._waiting if id(r) not in taken]
        if alike:
            _run(alike)


def _run(batch: list[_Request]) -> None:
    """Fulfil the requests of a batch; where it fails, each alone, so that one cannot spoil all."""
    try:
        results = batch[0].run([r.item for r in batch])
    except Exception as exc:
        if len(batch) == 1:
            batch[0].future.set_exception(exc)
            return
        for request in batch:
            _run([request])
        return
    for request, result in zip(batch, results, strict=True):
        request.future.set_result(result)
