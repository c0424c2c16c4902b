"""What is measured: a model of ours or another codec, as one pair of functions over settings."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.codec import NeuralImage

__all__ = ["QUALITIES", "ImageCoder", "neural_coder"]

QUALITIES = tuple(range(0, 101, 10))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCoder:
    """A named curve: one codec, and the settings that it is measured at.

    Parameters
    ----------
    name : str
    settings : tuple of float
        In order of rising rate.
    encode : callable
        ``(pixels, setting) -> bytes`` for pixels (H, W, 3) uint8, C-contiguous.
    decode : callable
        ``bytes -> pixels``.
    """

    name: str
    settings: tuple[float, ...]
    encode: Callable[[NDArray[np.uint8], float], bytes]
    decode: Callable[[bytes], NDArray[np.uint8]]


def neural_coder(model: str, qualities: tuple[int, ...] = QUALITIES) -> ImageCoder:
    """Return a model of ours: whole chunks as Zarr stores them, header and checksum included.

    Parameters
    ----------
    model : str
        Name of RGB weights; the coder has their exact name.
    qualities : tuple of int
        Rising, 0 to 100.

    Raises
    ------
    ConfigError
        If a quality is out of range.
    WeightsError
        If there are no such weights.

    Examples
    --------
    >>> neural_coder("he-fast").settings
    (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    """
    codecs = {quality: NeuralImage(model, quality) for quality in qualities}
    first = codecs[qualities[0]]

    def encode(pixels: NDArray[np.uint8], setting: float) -> bytes:
        # Chunks of slides are (c, y, x).
        return codecs[int(setting)].encode(pixels.transpose(2, 0, 1))

    def decode(chunk: bytes) -> NDArray[np.uint8]:
        return np.asarray(first.decode(chunk)).transpose(1, 2, 0)

    return ImageCoder(name=first.model, settings=qualities, encode=encode, decode=decode)
