"""Mode ``lossy``: a chunk's payload through the networks of its weights (SPEC.md, section 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_levels import Levels, to_samples
from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.format import Chunk
from numcodecs_neural.networks.description import Pixels

__all__ = ["MAX_LOSSY_PIXELS", "LossyDecoder", "decode_lossy"]

MAX_LOSSY_PIXELS = 1 << 26
"""Of all images of a chunk: the networks need some hundred bytes for each."""


class LossyDecoder(Protocol):
    """Loaded weights that decode images.

    Their pixels are grey levels with `pixel_fraction` bits below them: uint8 without such bits,
    else uint16.
    """

    channels: int
    pixel_fraction: int

    def decode(self, stream: bytes, shape: tuple[int, int, int], quality: int) -> Pixels:
        """Return pixels (n, C, H, W) for ``shape = (n, H, W)``."""
        ...


def decode_lossy(chunk: Chunk, coder_of: Callable[[bytes], LossyDecoder]) -> NDArray[Any]:
    """Return planes (n, C, H, W).

    Raises
    ------
    BitstreamError
        If the chunk is larger than one may be, does not fit its weights, or is damaged.
    """
    header, (payload,) = chunk
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
    pixels = coder.decode(payload, (n, height, width), header.quality)
    levels = Levels(header.low, header.level_shift)
    return to_samples(pixels, levels, fraction, header.dtype.newbyteorder("="))
