"""Learned image compression for numcodecs and Zarr."""

from typing import TYPE_CHECKING

from numcodecs_neural.codec import NeuralImage
from numcodecs_neural.errors import NeuralCodecError

if TYPE_CHECKING:
    from numcodecs_neural.zarr3 import NeuralImageCodec

__all__ = ["NeuralCodecError", "NeuralImage", "NeuralImageCodec"]


def __getattr__(name: str) -> object:
    """Import the Zarr class only when asked for: it needs zarr 3."""
    if name == "NeuralImageCodec":
        from numcodecs_neural.zarr3 import NeuralImageCodec

        globals()[name] = NeuralImageCodec
        return NeuralImageCodec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
