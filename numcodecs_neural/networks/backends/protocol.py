"""What a backend is: it runs networks, and keeps their tensors where it computed them."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from numpy.typing import DTypeLike, NDArray

from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.description import Network, Pixels
from numcodecs_neural.networks.passes import Phase

__all__ = ["Backend", "Tensor"]

Tensor = Any
"""An array of a backend, (N, h, w, channels): networks take and give float32 that hold integers,
latents are int32. It can be sliced and reshaped, and has arithmetic and ``clip``."""


class Backend(Protocol):
    """Where networks run.

    Data move between host and device in `to_device`, `to_host` and `run_to_pixels` alone.
    """

    def to_device(self, array: NDArray[Any]) -> Tensor:
        """Return integers (uint8, uint16 or int32) of the host as a tensor."""

    def to_host(self, tensor: Tensor, dtype: DTypeLike) -> NDArray[Any]:
        """Return a tensor as an array of `dtype`, which holds all its values."""

    def floats(self, tensor: Tensor) -> Tensor:
        """Return a tensor as float32, which networks take."""

    def integers(self, tensor: Tensor) -> Tensor:
        """Return a tensor as int32."""

    def run(
        self,
        network: Network,
        tensors: Mapping[str, Tensor],
        quality: int,
        wanted: Collection[str],
    ) -> dict[str, Tensor]:
        """Return the results of the layers whose names are wanted."""

    def run_to_pixels(
        self, network: Network, tensors: Mapping[str, Tensor], quality: int
    ) -> Pixels:
        """Return (N, C, H, W) of the host: uint8, or uint16 where pixels have fractions."""

    def take(self, tensor: Tensor, phase: Phase) -> Tensor:
        """Return (N, positions, channels): a tensor at the positions of a phase."""

    def place(
        self, latents: Tensor, phase: Phase, size: tuple[int, int], whole: Tensor | None
    ) -> Tensor:
        """Undo `take`: return (N, h, w, channels) for ``size = (h, w)``.

        The other positions are those of `whole`, which may be overwritten, or 0.
        """

    def dequantize(
        self, latents: Tensor, model: DecoderModel, channels: slice, quality: int
    ) -> Tensor:
        """Return latents in the units of the synthesis (SPEC.md, section 6.3, step 3).

        `channels` says which of the model's `latents` are.
        """
