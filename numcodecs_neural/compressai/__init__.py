"""The papers' models as a codec: CompressAI's architectures inside numcodecs and Zarr.

For comparison, and for models that were trained elsewhere. Needs the extra ``[compressai]``;
nothing else in this package does.
"""

from typing import TYPE_CHECKING

from numcodecs_neural.compressai.checkpoints import import_checkpoint
from numcodecs_neural.compressai.codec import CompressAIImage
from numcodecs_neural.compressai.store import models_folder

if TYPE_CHECKING:
    from numcodecs_neural.compressai.zarr3 import CompressAIImageCodec

__all__ = ["CompressAIImage", "CompressAIImageCodec", "import_checkpoint", "models_folder"]


def __getattr__(name: str) -> object:
    """Import the Zarr class only when asked for: it needs zarr 3."""
    if name == "CompressAIImageCodec":
        from numcodecs_neural.compressai.zarr3 import CompressAIImageCodec

        globals()[name] = CompressAIImageCodec
        return CompressAIImageCodec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
