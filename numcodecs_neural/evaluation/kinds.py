"""Kinds of images: how many channels of which dtype."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GREY", "GREY16", "KINDS", "RGB", "SPAN", "Kind", "Pixels"]

# (H, W, C); C is 3 or 1.
Pixels = NDArray[np.unsignedinteger[Any]]
# The least and the greatest sample of 8 bits.
SPAN = (0, 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the images of a set have in common.

    Parameters
    ----------
    channels : int
    dtype : str
    title : str
        What a sentence calls it.
    """

    channels: int
    dtype: str
    title: str

    def holds(self, pixels: NDArray[Any]) -> bool:
        """Whether (H, W, C) `pixels` are of this kind."""
        channels = pixels.shape[2] if pixels.ndim == 3 else 0
        return (channels, pixels.dtype.name) == (self.channels, self.dtype)


RGB = Kind(channels=3, dtype="uint8", title="RGB")
GREY = Kind(channels=1, dtype="uint8", title="grey")
GREY16 = Kind(channels=1, dtype="uint16", title="grey, 16 bit")
KINDS = (RGB, GREY, GREY16)
