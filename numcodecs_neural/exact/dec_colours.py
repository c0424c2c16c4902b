"""Colour transforms of exact chunks, and back: YCoCg-R, YCbCr of JPEG (SPEC.md, section 10.1).

In place of green lies how bright a sample is, and in place of red and blue what its colour is.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.jpeg.pixels.arithmetic import (
    CB_TO_BLUE,
    CB_TO_GREEN,
    COLOUR_BITS,
    CR_TO_GREEN,
    CR_TO_RED,
    LEVEL,
)

__all__ = ["COLOURS", "jpeg_to_rgb", "luma_to_rgb"]

COLOURS = 3

_HALF = 1 << (COLOUR_BITS - 1)
_CHROMA = np.arange(256) - LEVEL
_RED = ((CR_TO_RED * _CHROMA + _HALF) >> COLOUR_BITS).astype(np.int16)
_BLUE = ((CB_TO_BLUE * _CHROMA + _HALF) >> COLOUR_BITS).astype(np.int16)
_GREEN_OF_RED = (CR_TO_GREEN * _CHROMA + _HALF).astype(np.int32)
_GREEN_OF_BLUE = (CB_TO_GREEN * _CHROMA).astype(np.int32)


def luma_to_rgb(levels: NDArray[np.uint16], most: int) -> NDArray[np.uint16]:
    """Return red, green and blue of YCoCg-R.

    Parameters
    ----------
    levels : ndarray, shape (n, 3, H, W)
        Co and `most`, Y, and Cg and `most`.
    most : int
        The highest level of red, green and blue.
    """
    orange, luma, green = (levels[:, i].astype(np.int32) for i in range(COLOURS))
    orange -= most
    green -= most
    luma -= green >> 1
    green += luma
    luma -= orange >> 1
    orange += luma
    rgb = np.empty(levels.shape, np.uint16)
    for i, channel in enumerate((orange, green, luma)):
        rgb[:, i] = np.clip(channel, 0, most)
    return rgb


def jpeg_to_rgb(levels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return red, green and blue as JPEG decoders make them of Cr, Y and Cb, (n, 3, H, W)."""
    red, luma, blue = levels[:, 0], levels[:, 1].astype(np.int16), levels[:, 2]
    green = ((_GREEN_OF_RED[red] + _GREEN_OF_BLUE[blue]) >> COLOUR_BITS).astype(np.int16)
    rgb = np.empty(levels.shape, np.uint8)
    for i, change in enumerate((_RED[red], green, _BLUE[blue])):
        rgb[:, i] = np.clip(luma + change, 0, 255)
    return rgb
