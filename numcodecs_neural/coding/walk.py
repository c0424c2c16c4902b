"""The walk over hyper-latents and passes that encoder and decoder share (SPEC.md, section 6.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy import SKIP
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.description import Network, Pixels
from numcodecs_neural.networks.enc_latents import dequantize
from numcodecs_neural.networks.passes import Pass, positions_of

__all__ = ["Backend", "Walk"]

_Tensors = dict[str, NDArray[Any]]


class Backend(Protocol):
    """Where networks run; tensors are (N, h, w, channels)."""

    def run(
        self, network: Network, tensors: Mapping[str, NDArray[Any]], quality: int
    ) -> dict[str, NDArray[Any]]:
        """Return the tensors given, and every layer's result by name."""
        ...

    def run_to_pixels(
        self, network: Network, tensors: Mapping[str, NDArray[Any]], quality: int
    ) -> Pixels:
        """Return (N, C, H, W) uint8, or uint16 where the network's pixels have fractions."""
        ...


class Walk:
    """What is known at each moment of the decoding of latents.

    The sequence is `begin`, then for each pass `parameters` and `add`. What belongs to a pass has
    the shape (N, positions, channels of its group): the positions of its phase alone.

    Parameters
    ----------
    decoder : DecoderModel
    backend : Backend
    quality : int
    size : (h, w)
        Latent positions of an image.
    codes_all : (N,) bool
        In which images improbable symbols are coded too, and not taken as 0.

    Attributes
    ----------
    dequantized : dict
        ``d1``, ``d2``, ... of the groups that are complete: (N, h, w, g).
    """

    def __init__(
        self,
        decoder: DecoderModel,
        backend: Backend,
        quality: int,
        size: tuple[int, int],
        codes_all: NDArray[np.bool_],
    ) -> None:
        self._decoder, self._backend, self._quality, self._size = decoder, backend, quality, size
        self._read_later = decoder.read_later
        self._skips = ~codes_all
        self._tensors: _Tensors = {}
        self._begun: dict[int, NDArray[np.int32]] = {}
        self.dequantized: _Tensors = {}

    def hyper_indexes(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Table indexes of the hyper-latents: (N, hz, wz, hyper) for a shape that begins so."""
        row = self._decoder.hyper_index[self._quality]
        return np.ascontiguousarray(np.broadcast_to(row, (*shape[:3], len(row))))

    def begin(self, z: NDArray[np.int32]) -> None:
        """Take the hyper-latents (N, hz, wz, hyper)."""
        tensors = {"z": z.astype(np.float32)}
        out = self._backend.run(self._decoder.networks["features"], tensors, self._quality)
        h, w = self._size
        self._tensors = {"f": np.ascontiguousarray(out["f"][:, :h, :w])}

    def parameters(self, step: Pass) -> tuple[NDArray[np.int32] | int, NDArray[np.uint8]]:
        """Means in sixteenths of a step, and table indexes, of a pass."""
        network = self._decoder.networks[step.network]
        given = {name: self._tensors[name] for name in network.reads}
        results = self._backend.run(network, given, self._quality)
        self._tensors |= {x: results[x] for x in self._read_later & results.keys()}
        indexes = self.at(step, results[step.index]).astype(np.uint8)
        improbable = indexes < self._decoder.skip_below
        if not self._skips.all():
            improbable &= self._skips[:, None, None]
        indexes[improbable] = SKIP
        mean = self.at(step, results[step.mean]).astype(np.int32) if step.has_mean else 0
        return mean, indexes

    def at(self, step: Pass, x: NDArray[Any]) -> NDArray[Any]:
        """What a tensor (N, h, w, channels) holds at the positions of a pass."""
        positions = positions_of(step.phase, *self._size)
        flat = x.reshape(len(x), -1, x.shape[-1])
        return flat if positions is None else np.take(flat, positions, 1)

    def add(self, step: Pass, y: NDArray[np.int32]) -> None:
        """Take the decoded latents of a pass, in sixteenths of a step."""
        group, shape = step.group, (len(y), *self._size, y.shape[-1])
        positions = positions_of(step.phase, *self._size)
        if positions is not None:
            if group not in self._begun:
                self._begun[group] = np.zeros(shape, np.int32)
            whole = self._begun[group]
            whole.reshape(len(y), -1, y.shape[-1])[:, positions] = y
            y = whole
        y = y.reshape(shape)
        if f"y{group}" in self._read_later:
            self._tensors[f"y{group}"] = y.astype(np.float32)
        if step.is_last_of_group:
            channels = self._decoder.group_slices[group - 1]
            self.dequantized[f"d{group}"] = dequantize(self._decoder, y, channels, self._quality)
