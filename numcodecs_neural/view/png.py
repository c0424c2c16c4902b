"""PNG files without compression, which take the least time to write."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["png"]


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture, (height, width) and 1, 3 or 4 samples, as an uncompressed PNG file."""
    from imagecodecs import PNG, png_encode

    # To a page on the same machine the time to pack a tile counts, and its bytes do not: deflated
    # with the fastest settings it takes half the bytes, and seven times as long.
    plain = {"level": 0, "filter": PNG.FILTER.NO}
    # A copy: of one pixel, numpy takes any strides for contiguous, and the encoder does not.
    return bytes(png_encode(np.array(picture, order="C"), **plain))
