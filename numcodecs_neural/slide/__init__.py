"""OME-Zarr images behind the interface of OpenSlide, and in batches of patches for training."""

from typing import TYPE_CHECKING

from numcodecs_neural.reading.cache import ChunkCache

from .base import SlideError
from .omezarr_slide import OmeZarrSlide
from .openslide_patch import patch_openslide
from .patches import PatchReader

if TYPE_CHECKING:
    from .dataset import PatchDataset

__all__ = [
    "ChunkCache",
    "OmeZarrSlide",
    "PatchDataset",
    "PatchReader",
    "SlideError",
    "patch_openslide",
]


def __getattr__(name: str) -> object:
    """Import the data set only when asked for: it needs torch."""
    if name == "PatchDataset":
        from .dataset import PatchDataset

        globals()[name] = PatchDataset
        return PatchDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
