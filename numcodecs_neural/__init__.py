"""Learned image compression for numcodecs and Zarr."""

from importlib import import_module
from typing import TYPE_CHECKING

from numcodecs_neural.errors import NeuralCodecError

if TYPE_CHECKING:
    from numcodecs_neural.codec import NeuralImage
    from numcodecs_neural.coding.enc_exactly import exactly
    from numcodecs_neural.zarr3 import NeuralImageCodec

__all__ = ["NeuralCodecError", "NeuralImage", "NeuralImageCodec", "exactly"]

_MODULES = {
    "NeuralImage": "codec",
    "NeuralImageCodec": "zarr3",
    "exactly": "coding.enc_exactly",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for.

    The Zarr class needs zarr 3; and the programs are to start within milliseconds, so that Ctrl-C
    finds them ready (`numcodecs_neural.programs`).
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return globals()[name]
