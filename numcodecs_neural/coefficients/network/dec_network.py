"""Decode coefficients that the learned context model coded (SPEC.md, section 8.6)."""

import struct
from collections.abc import Callable, Mapping

import numpy as np

from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.coefficients.network import model, statuses
from numcodecs_neural.coefficients.network.parameters import Component
from numcodecs_neural.errors import BitstreamError, NeuralCodecError, TruncatedChunkError
from numcodecs_neural.jpeg import Coefficients

__all__ = ["HEAD", "decoder_of"]

HEAD = struct.Struct("<I")
"""The state of the coder; words of 16 bits follow."""

_BLOCKS_PER_BYTE = 21_000
"""A block takes two symbols at least, a flag of at most 32760 in 32768 and a DC of at most 32762.

Such symbols take 8 and 6 of 32768 parts from a state of at least two wholes, thus 0.00041 bits
together; a word brings less than 17 bits, and so does the state at first.
"""

_ERRORS: Mapping[int, tuple[type[NeuralCodecError], str]] = {
    statuses.TRUNCATED: (TruncatedChunkError, "network-coded coefficients end early"),
    statuses.OUT_OF_RANGE: (BitstreamError, "a network-coded coefficient has more than 11 bits"),
    statuses.BAD_ESCAPE: (BitstreamError, "network-coded coefficients hold an endless escape"),
}


def decoder_of(weights_id: bytes) -> Callable[[bytes, Layout], Coefficients]:
    """Return the decoder of weights.

    Raises
    ------
    WeightsError
        If this release does not have them, or they are no weights of this coder.
    """
    components = model.components_of(weights_id)

    def decode(data: bytes, layout: Layout) -> Coefficients:
        return _decode(data, layout, components)

    return decode


def _decode(data: bytes, layout: Layout, components: Mapping[str, Component]) -> Coefficients:
    """Return the coefficients of all components.

    Raises
    ------
    BitstreamError
        If `data` are damaged, or the layout is one that the model does not code.
    """
    model.check_layout(layout)
    if len(data) < HEAD.size or len(data) % 2:
        raise TruncatedChunkError(
            f"network-coded coefficients have {len(data)} bytes; expected {HEAD.size} and words"
        )
    (state,) = HEAD.unpack_from(data)
    if state < statuses.LOWEST_STATE:
        raise BitstreamError(f"network-coded coefficients begin with the state {state}")
    blocks = sum(int(plane.coded.sum()) for plane in layout.planes)
    if blocks > _BLOCKS_PER_BYTE * len(data):
        raise TruncatedChunkError(
            f"network-coded coefficients have {len(data)} bytes, too few for {blocks} blocks"
        )
    words = np.frombuffer(data, "<u2", offset=HEAD.size).astype(np.uint16)
    progress = np.array([state, 0, statuses.DONE], np.int64)
    coefficients = tuple(np.zeros(plane.shape, np.int16) for plane in layout.planes)
    model.run_model(layout, components, coefficients, progress, words=words)
    left_over = len(words) - int(progress[statuses.POSITION])
    status = statuses.TRUNCATED if left_over < 0 else int(progress[statuses.STATUS])
    if status != statuses.DONE:
        error, text = _ERRORS[status]
        raise error(text)
    if left_over or progress[statuses.STATE] != statuses.LOWEST_STATE:
        raise BitstreamError(
            f"network-coded coefficients have {2 * left_over} bytes too many, and end with the "
            f"state {progress[statuses.STATE]}; expected none and {statuses.LOWEST_STATE}"
        )
    return coefficients
