"""Mode ``exact``: a payload to samples, equal or within a bound (SPEC.md, section 10)."""

import functools
import math
from typing import Any

from numpy.typing import NDArray

from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.format import Chunk
from numcodecs_neural.weights import exact_weights_by_id, load_decoder

__all__ = ["MAX_EXACT_PLANES", "decode_exact", "model_of"]

_SAMPLES_PER_BYTE = 1500
"""No entry has more than 16384 - 63 of 16384 slots: a sample takes 0.0055 bits or more."""

MAX_EXACT_PLANES = 1 << 16
"""Of all images and channels of a chunk: each has a head of its own."""


def decode_exact(chunk: Chunk, _: object) -> NDArray[Any]:
    """Return planes (n, C, H, W).

    Raises
    ------
    BitstreamError
        If the chunk is damaged, or does not fit its header.
    WeightsError
        If its weights are not installed.
    """
    # With the first chunk that needs them: kernels are compiled when they are imported.
    from numcodecs_neural.exact.dec_stream import decode_levels
    from numcodecs_neural.exact.dec_values import read_values
    from numcodecs_neural.exact.planes import Settings

    header, (payload,) = chunk.header, chunk.sections
    values, start = read_values(payload, header.dtype, header.planes_shape[1])
    step = int(values.table[1]) - int(values.table[0]) if len(values.table) > 1 else 1
    if values.error * step > header.max_error:
        raise BitstreamError(
            f"an exact chunk errs by {values.error * step}; its header allows {header.max_error}"
        )
    shape = header.planes_shape
    if shape[0] * shape[1] > MAX_EXACT_PLANES or math.prod(shape) > _SAMPLES_PER_BYTE * len(
        payload
    ):
        raise BitstreamError(
            f"an exact chunk of {len(payload)} bytes cannot hold {shape[0] * shape[1]} planes and "
            f"{math.prod(shape)} samples"
        )
    settings = Settings(values.most, values.error)
    levels = decode_levels(payload[start:], shape, settings, model_of(header.weights_id))
    return values.samples(levels)


@functools.cache
def model_of(weights_id: bytes) -> Any:
    """Return the model of these weights, loaded once.

    Raises
    ------
    WeightsError
        If they are not installed, or no exact model.
    """
    from numcodecs_neural.exact.model import ExactModel

    return ExactModel.from_file(load_decoder(exact_weights_by_id(weights_id)))
