"""Loaded weights: one coder per weights and device in a process.

Nothing here is part of a codec's configuration or of its pickle. A forked child starts with
nothing loaded: neither a device's context nor a lock that another thread held survives a fork.
"""

from __future__ import annotations

import os
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_neural import config
from numcodecs_neural.coding.dec_streams import decode_streams, latents_of_streams
from numcodecs_neural.dct.context.model import KIND
from numcodecs_neural.engine.batching import BatchingCoder
from numcodecs_neural.engine.turns import turn
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.networks.backends.choice import Choice, backend_for, choose
from numcodecs_neural.networks.backends.protocol import Backend
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.weights import WeightsInfo, load_decoder, load_encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from numcodecs_neural.coding.dec_lossy import Levels
    from numcodecs_neural.coding.enc_target import QualityTrials
    from numcodecs_neural.coding.enc_task import EncodeParameters
    from numcodecs_neural.engine.dct import DctCoder
    from numcodecs_neural.networks.description import Pixels
    from numcodecs_neural.networks.enc_model import EncoderModel

__all__ = ["coder_for"]

_coders: dict[tuple[str, str, str], DctCoder | NetworkCoder | BatchingCoder] = {}
_lock = threading.Lock()


def coder_for(info: WeightsInfo) -> DctCoder | NetworkCoder | BatchingCoder:
    """Return the coder of these weights on the backend that is set, loaded at first use.

    Raises
    ------
    WeightsError
        If the file is absent or damaged, or a bound of its networks does not hold.
    ConfigError
        If the backend or the device that is set does not exist.
    """
    settings = config.get()
    key = (info.sha256, settings.backend, settings.device)
    with _lock:
        if key not in _coders:
            _coders[key] = _load(info, choose())
        return _coders[key]


def _load(info: WeightsInfo, choice: Choice) -> DctCoder | NetworkCoder | BatchingCoder:
    file = load_decoder(info)
    if file.description.get("kind") == KIND:
        from numcodecs_neural.engine.dct import DctCoder

        return DctCoder(info, file, choice)
    decoder = DecoderModel.from_file(file)
    coder = NetworkCoder(info, decoder, backend_for(choice, decoder))
    return BatchingCoder(coder) if choice.implementation == "torch" else coder


class NetworkCoder:
    """Codes images with loaded weights; several streams at once where a device likes batches.

    Parameters
    ----------
    info : WeightsInfo
    decoder : DecoderModel
    backend : Backend
    """

    def __init__(self, info: WeightsInfo, decoder: DecoderModel, backend: Backend) -> None:
        self.weights_id, self.channels = info.id, decoder.channels
        self.pixel_fraction = decoder.pixel_fraction
        self._info, self._decoder, self._backend = info, decoder, backend

    @cached_property
    def _encoder(self) -> EncoderModel:
        """Loaded by the first chunk that is encoded: most processes only read."""
        from numcodecs_neural.networks.enc_model import EncoderModel

        return EncoderModel.from_file(load_encoder(self._info), self._info.sha256)

    def encode(self, images: Pixels, parameters: EncodeParameters) -> bytes:
        """Return the stream of (n, C, H, W).

        Raises
        ------
        ConfigError
            If the parameters ask for a tuning, which these weights do not have.
        """
        if parameters.tune != "psnr":
            raise ConfigError(
                f"tune is {parameters.tune!r}, and the weights {self._info.name!r} cannot be "
                "tuned: leave tune out, or choose another model"
            )
        with turn():
            return self.encode_batch([images], parameters)[0]

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
        with turn():
            return self.decode_batch([stream], shape, quality)[0]

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
        with turn():
            return self.latents_batch([stream], shape, quality)[0][:, :count]

    def latents_of_pixels(self, planes: NDArray[Any], count: int) -> NDArray[np.float32]:
        """Return NaN: a decoder does not know the latents of (n, C, H, W) samples."""
        n, _, height, width = planes.shape
        stride = self._decoder.stride
        return np.full((n, count, -(-height // stride), -(-width // stride)), np.nan, np.float32)

    @property
    def latents_count(self) -> int:
        """How many latents there are at each place."""
        return sum(self._decoder.groups)

    def encode_batch(self, images: list[Pixels], parameters: EncodeParameters) -> list[bytes]:
        """Return one stream for each array; all have one shape."""
        from numcodecs_neural.coding.enc_streams import encode_streams

        together = images[0] if len(images) == 1 else np.concatenate(images)
        return encode_streams(
            together,
            len(images),
            parameters.quality,
            decoder=self._decoder,
            encoder=self._encoder,
            backend=self._backend,
        )

    def decode_batch(
        self, streams: list[bytes], shape: tuple[int, int, int], quality: int
    ) -> list[Pixels]:
        """Return one (n, C, H, W) for each stream; all have one shape."""
        pixels = decode_streams(
            streams, shape, quality, decoder=self._decoder, backend=self._backend
        )
        return np.split(pixels, len(streams))

    def latents_batch(
        self, streams: list[bytes], shape: tuple[int, int, int], quality: int
    ) -> list[NDArray[np.float32]]:
        """Return one (n, latents, h, w) for each stream; all have one shape."""
        latents = latents_of_streams(
            streams, shape, quality, decoder=self._decoder, backend=self._backend
        )
        return np.split(latents, len(streams))


def _forget() -> None:
    global _lock
    _lock = threading.Lock()
    _coders.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
