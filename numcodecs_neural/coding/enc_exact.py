"""Mode ``exact`` of the encoder: lossless, or with a bound that holds for every sample."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_exact import MAX_EXACT_PLANES, model_of
from numcodecs_neural.coding.enc_task import EncodeTask, Payload
from numcodecs_neural.errors import NeuralCodecError
from numcodecs_neural.format import Mode
from numcodecs_neural.weights import exact_weights

__all__ = ["encode_exact"]


def encode_exact(task: EncodeTask, best: Payload | None) -> Payload | None:
    """Return what predicts the planes within the bound; None without one, or where that is larger.

    Raises
    ------
    NeuralCodecError
        If what was encoded does not decode within the bound, which is a fault of this package.
    """
    max_error = 0 if task.must_be_exact else task.parameters.max_error
    if max_error is None or len(task.planes) * task.planes.shape[1] > MAX_EXACT_PLANES:
        return None
    from numcodecs_neural.exact.dec_stream import decode_levels
    from numcodecs_neural.exact.enc_colours import leveled
    from numcodecs_neural.exact.enc_stream import encode_levels

    weights = exact_weights()
    model = model_of(weights.id)
    found = leveled(task.planes, max_error, model)
    stream = encode_levels(found.levels, found.settings, model)
    if best is not None and len(found.head) + len(stream) >= best.nbytes:
        return None
    shape = _shape_of(found.levels)
    decoded = found.values.samples(decode_levels(stream, shape, found.settings, model))
    missed = int(np.abs(decoded.astype(np.int32) - task.planes).max())
    if missed > max_error:
        raise NeuralCodecError(
            f"a chunk was encoded with an error of {missed}; asked for were {max_error}. This is "
            "a fault of numcodecs-neural: please report it with the chunk"
        )
    fields = {"weights_id": weights.id, "max_error": max_error}
    return Payload(mode=Mode.EXACT, sections=(found.head + stream,), fields=fields)


def _shape_of(levels: NDArray[np.uint16]) -> tuple[int, int, int, int]:
    images, channels, height, width = levels.shape
    return images, channels, height, width
