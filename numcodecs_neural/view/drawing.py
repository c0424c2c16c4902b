"""Pixels of any kind drawn as RGB, and PNG files of them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .looks import RGB

__all__ = ["mixed", "png"]


def mixed(planes: Iterable[tuple[NDArray[Any], RGB, float, float]]) -> NDArray[np.uint8]:
    """Return channels in their colours, added up, (height, width, 3).

    Parameters
    ----------
    planes : iterable
        Samples (height, width), the colour of the brightest, and the samples that are shown black
        and in full colour.

    Examples
    --------
    >>> green = (np.array([[0, 50, 100]], np.uint16), (0, 255, 0), 0.0, 100.0)
    >>> mixed([green]).tolist()
    [[[0, 0, 0], [0, 128, 0], [0, 255, 0]]]
    """
    total: NDArray[np.float32] | None = None
    for samples, colour, low, high in planes:
        share = (samples.astype(np.float32) - low) * np.float32(1 / max(high - low, 1e-12))
        share = np.clip(np.nan_to_num(share), 0, 1)
        light = share[..., None] * np.array(colour, np.float32)
        total = light if total is None else total + light
    if total is None:
        raise ValueError("no channel is given")
    return np.rint(np.minimum(total, 255)).astype(np.uint8)


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture, (height, width) and 1, 3 or 4 samples, as a PNG file, packed quickly."""
    from imagecodecs import PNG, png_encode

    # To a page on the same machine the time to pack a tile counts, and its bytes do not: this takes
    # half the time of the default, and a tenth more bytes.
    quick = {"level": 1, "strategy": PNG.STRATEGY.RLE, "filter": PNG.FILTER.UP}
    return bytes(png_encode(np.ascontiguousarray(picture), **quick))
