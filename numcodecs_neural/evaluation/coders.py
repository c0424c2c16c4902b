"""What is measured: a model of ours or another codec, as one pair of functions over settings."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.codec import NeuralImage
from numcodecs_neural.evaluation.kinds import Kind, Pixels
from numcodecs_neural.weights import resolve

__all__ = ["QUALITIES", "Entrant", "ImageCoder", "neural_entrant"]

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
        ``(pixels, setting, span) -> bytes`` for C-contiguous pixels (H, W, C) of an image whose
        samples lie within `span`, which matters for 16 bits.
    decode : callable
        ``(bytes, setting, shape) -> pixels`` of that `shape` (H, W, C); (H, W) will do for
        (H, W, 1). Setting and shape are what the metadata of an array tell a reader.
    """

    name: str
    settings: tuple[float, ...]
    encode: Callable[[Pixels, float, tuple[int, int]], bytes]
    decode: Callable[[bytes, float, tuple[int, ...]], NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A codec that takes part, and how it codes each kind of images.

    Parameters
    ----------
    name : str
    coder_for : callable
        ``kind -> ImageCoder``, or None for a kind that it does not code.
    """

    name: str
    coder_for: Callable[[Kind], ImageCoder | None]


def neural_entrant(model: str, qualities: tuple[int, ...] = QUALITIES) -> Entrant:
    """Return a model of ours: whole chunks as Zarr stores them, header and checksum included.

    Parameters
    ----------
    model : str
        Name of weights; the entrant has their exact name.
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
    >>> from numcodecs_neural.evaluation.kinds import GREY, RGB
    >>> entrant = neural_entrant("he-fast")
    >>> entrant.coder_for(RGB).settings
    (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    >>> entrant.coder_for(GREY)
    """
    info = resolve(model)
    codecs = {quality: NeuralImage(model, quality) for quality in qualities}
    first = codecs[qualities[0]]

    def encode(pixels: Pixels, setting: float, span: tuple[int, int]) -> bytes:
        if pixels.dtype == np.uint8:
            codec = codecs[int(setting)]
        else:
            # As an array whose range is known is written: no chunk is coded finer than another.
            codec = NeuralImage(model, int(setting), value_range=span)
        # Chunks of slides are (c, y, x), and those of grey images (y, x).
        return codec.encode(pixels.transpose(2, 0, 1) if info.channels > 1 else pixels[..., 0])

    def decode(chunk: bytes, _setting: float, _shape: tuple[int, ...]) -> NDArray[np.generic]:
        decoded = np.asarray(first.decode(chunk))
        return decoded.transpose(1, 2, 0) if info.channels > 1 else decoded

    def coder_for(kind: Kind) -> ImageCoder | None:
        if kind.channels != info.channels or kind.dtype not in info.dtypes:
            return None
        return ImageCoder(name=first.model, settings=qualities, encode=encode, decode=decode)

    return Entrant(name=first.model, coder_for=coder_for)
