"""Mode ``lossy``: a chunk's payload by its weights to samples (SPEC.md, sections 6 and 9).

A model's pixel counts 256 grey levels, and fractions of them where it has any. Samples of 8 bits
are grey levels as they are. Those of 16 bits are first moved down by the chunk's lowest and divided
by a power of two, so that a dark or narrow chunk is coded as finely as its range allows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.format import Chunk
from numcodecs_neural.networks.dec_model import LEVEL_BITS
from numcodecs_neural.networks.description import Pixels

__all__ = [
    "MAX_LOSSY_PIXELS",
    "Levels",
    "LossyDecoder",
    "coder_of_lossy",
    "decode_lossy",
    "to_samples",
]

MAX_LOSSY_PIXELS = 1 << 26
"""Of all images of a chunk: the networks need some hundred bytes for each."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Which samples are which grey levels.

    Parameters
    ----------
    low : int
        The sample that is level 0.
    shift : int
        A level is ``2**shift`` samples.
    """

    low: int = 0
    shift: int = 0


class LossyDecoder(Protocol):
    """Loaded weights that decode images.

    Their pixels are grey levels with `pixel_fraction` bits below them: uint8 without such bits,
    else uint16.
    """

    channels: int
    pixel_fraction: int

    def decode(self, stream: bytes, shape: tuple[int, int, int], quality: int) -> Pixels:
        """Return pixels (n, C, H, W) for ``shape = (n, H, W)``."""


Decoder = TypeVar("Decoder", bound=LossyDecoder)


def decode_lossy(chunk: Chunk, coder_of: Callable[[bytes], LossyDecoder]) -> NDArray[Any]:
    """Return planes (n, C, H, W).

    Raises
    ------
    BitstreamError
        If the chunk is larger than one may be, does not fit its weights, or is damaged.
    """
    header, (payload,) = chunk
    n, _, height, width = header.planes_shape
    coder = coder_of_lossy(chunk, coder_of)
    pixels = coder.decode(payload, (n, height, width), header.quality)
    levels = Levels(header.low, header.level_shift)
    return to_samples(pixels, levels, coder.pixel_fraction, header.dtype.newbyteorder("="))


def coder_of_lossy(chunk: Chunk, coder_of: Callable[[bytes], Decoder]) -> Decoder:
    """Return the coder of a lossy chunk; raises what `decode_lossy` does for one that fits not."""
    header = chunk.header
    n, channels, height, width = header.planes_shape
    if n * height * width > MAX_LOSSY_PIXELS:
        raise BitstreamError(
            f"chunk has {n * height * width} pixels; allowed are {MAX_LOSSY_PIXELS}"
        )
    coder = coder_of(header.weights_id)
    fraction = coder.pixel_fraction
    if channels != coder.channels or (fraction == 0 and header.dtype != np.uint8):
        raise BitstreamError(
            f"chunk has {channels} channels of {header.dtype}; its weights code "
            f"{coder.channels} of {'8 or 16 bits' if fraction else 'uint8'}"
        )
    return coder


def to_samples(pixels: Pixels, levels: Levels, fraction: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the samples of pixels (section 6.4): what every decoder computes."""
    if dtype == np.uint8 and fraction == 0:
        return pixels
    coarser = levels.shift - fraction
    above = pixels.astype(np.int32)
    if coarser < 0:
        above = (above + (1 << (-coarser - 1))) >> -coarser
    else:  # the highest bits again below the lowest, so that both ends of the range are reached
        above = (above << coarser) + (above >> (LEVEL_BITS + fraction - coarser))
    limits = np.iinfo(dtype)
    above += levels.low
    return np.clip(above, limits.min, limits.max, out=above).astype(dtype)
