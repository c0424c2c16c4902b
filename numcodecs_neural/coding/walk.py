"""The walk over hyper-latents and passes that encoder and decoder share (SPEC.md, section 6.3)."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy import SKIP
from numcodecs_neural.networks.backends.protocol import Backend, Tensor
from numcodecs_neural.networks.dec_model import DecoderModel, latents_of
from numcodecs_neural.networks.description import Pixels
from numcodecs_neural.networks.passes import Pass

__all__ = ["Walk"]


class Walk:
    """What is known at each moment of the decoding of latents.

    The sequence is `begin`, then for each pass `indexes` and `add`. What belongs to a pass has the
    shape (N, positions, channels of its group): the positions of its phase alone. Tensors stay on
    the backend's device; the entropy coder's arrays are the host's.

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
        ``d1``, ``d2``, ... of the groups that are complete: tensors (N, h, w, g).
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
        self._tensors: dict[str, Tensor] = {}
        self._mean: Tensor = 0
        self._begun: dict[int, Tensor] = {}
        self.dequantized: dict[str, Tensor] = {}

    def hyper_indexes(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Table indexes of the hyper-latents: (N, hz, wz, hyper) for a shape that begins so."""
        row = self._decoder.hyper_index[self._quality]
        return np.ascontiguousarray(np.broadcast_to(row, (*shape[:3], len(row))))

    def begin(self, z: Tensor) -> None:
        """Take the hyper-latents, a tensor (N, hz, wz, hyper)."""
        tensors = {"z": self._backend.floats(z)}
        network = self._decoder.networks["features"]
        features = self._backend.run(network, tensors, self._quality, ("f",))["f"]
        h, w = self._size
        self._tensors = {"f": features[:, :h, :w]}

    def indexes(self, step: Pass) -> NDArray[np.uint8]:
        """Predict a pass; return its table indexes."""
        network = self._decoder.networks[step.network]
        later = self._read_later & {layer.name for layer in network.layers}
        parameters = {step.index, step.mean} if step.has_mean else {step.index}
        given = {name: self._tensors[name] for name in network.reads}
        results = self._backend.run(network, given, self._quality, parameters | later)
        self._tensors |= {name: results[name] for name in later}
        self._mean = 0
        if step.has_mean:
            self._mean = self._backend.integers(self._backend.take(results[step.mean], step.phase))
        index = self._backend.take(results[step.index], step.phase)
        return self._skipping(self._backend.to_host(index, np.uint8))

    def mean(self) -> NDArray[np.int32] | int:
        """Return the means of the pass that was predicted last, in sixteenths of a step."""
        if isinstance(self._mean, int):
            return self._mean
        return self._backend.to_host(self._mean, np.int32)

    def add(self, step: Pass, halves: NDArray[np.int32]) -> None:
        """Take what the symbols of the pass that was predicted last stand for: halves of a step."""
        self.add_latents(step, latents_of(self._backend.to_device(halves), self._mean))

    def add_latents(self, step: Pass, latents: Tensor) -> None:
        """Take the latents of a pass, in sixteenths of a step."""
        backend, group = self._backend, step.group
        y = backend.place(latents, step.phase, self._size, self._begun.get(group))
        self._begun[group] = y
        if f"y{group}" in self._read_later:
            self._tensors[f"y{group}"] = backend.floats(y)
        if step.is_last_of_group:
            channels = self._decoder.group_slices[group - 1]
            d = backend.dequantize(y, self._decoder, channels, self._quality)
            self.dequantized[f"d{group}"] = d

    def latents(self) -> NDArray[np.float32]:
        """Return what the synthesis reads, (N, C, h, w), once all groups are complete."""
        groups = range(1, len(self._decoder.groups) + 1)
        parts = [self._backend.to_host(self.dequantized[f"d{n}"], np.float32) for n in groups]
        return np.ascontiguousarray(np.moveaxis(np.concatenate(parts, axis=-1), -1, 1))

    def pixels(self) -> Pixels:
        """Return (N, C, H, W), once all groups are complete."""
        synthesis = self._decoder.networks["synthesis"]
        return self._backend.run_to_pixels(synthesis, self.dequantized, self._quality)

    def _skipping(self, indexes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Mark the symbols that are too improbable to code."""
        improbable = indexes < self._decoder.skip_below
        if not self._skips.all():
            improbable &= self._skips[:, None, None]
        indexes[improbable] = SKIP
        return indexes
