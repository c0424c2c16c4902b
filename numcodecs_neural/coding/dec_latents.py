"""Decode a chunk as far as its dequantised latents, without making pixels of them.

Of a lossy chunk they are what its decoder has in hand before the synthesis or the inverse DCT.
Chunks of other modes hold pixels in another form: weights of the DCT family tell their coefficients
from these, and networks do not know them (NaN).
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_chunk import DECODERS
from numcodecs_neural.coding.dec_lossy import Levels, LossyDecoder, coder_of_lossy
from numcodecs_neural.format import Chunk, Mode

__all__ = ["LatentDecoder", "decode_latents"]


class LatentDecoder(LossyDecoder, Protocol):
    """Loaded weights that decode images, and what these are made of."""

    @property
    def latents_count(self) -> int:
        """How many latents there are at each place."""

    def latents(
        self,
        stream: bytes,
        shape: tuple[int, int, int],
        quality: int,
        *,
        levels: Levels,
        count: int,
    ) -> NDArray[np.float32]:
        """Return the first latents of a stream, (n, count, h, w), for ``shape = (n, H, W)``.

        Those of a DCT count samples, by the levels; those of networks are what these read.
        """

    def latents_of_pixels(self, planes: NDArray[Any], count: int) -> NDArray[np.float32]:
        """Return the same of samples (n, C, H, W) that no stream holds; NaN if it is not known."""


def decode_latents(
    chunk: Chunk, coder_of: Callable[[bytes], LatentDecoder], weights_id: bytes, count: int
) -> NDArray[np.float32]:
    """Return the first latents of a chunk's box, (n, count, h, w).

    Parameters
    ----------
    chunk : Chunk
    coder_of : callable
        Gives the coder of a weights id.
    weights_id : bytes
        Of the weights whose latents are asked for; of a lossy chunk they are those of its own.
    count : int
        How many.

    Raises
    ------
    BitstreamError
        If its sections do not hold what its header says.
    """
    header = chunk.header
    if header.mode is not Mode.LOSSY:
        planes = DECODERS[header.mode](chunk, coder_of)
        return coder_of(weights_id).latents_of_pixels(planes, count)
    n, _, height, width = header.planes_shape
    coder = coder_of_lossy(chunk, coder_of)
    levels = Levels(header.low, header.level_shift)
    return coder.latents(
        chunk.sections[0], (n, height, width), header.quality, levels=levels, count=count
    )
