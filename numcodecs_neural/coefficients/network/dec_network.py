"""Decode coefficients that the learned context model coded (SPEC.md, section 8.6)."""

import struct
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.coefficients.network import model, statuses
from numcodecs_neural.coefficients.network.limits import STATES_IN_TURN
from numcodecs_neural.coefficients.network.parameters import Component
from numcodecs_neural.coefficients.network.streams import Streams
from numcodecs_neural.errors import BitstreamError, NeuralCodecError, TruncatedChunkError
from numcodecs_neural.jpeg import Coefficients

__all__ = ["HEAD", "decoder_of"]

HEAD = struct.Struct("<I")
"""How many words of 16 bits follow the states; then come plain bits."""

_STATES = np.dtype("<u4")
_BLOCKS_PER_WORD = 1 << 14
"""A block takes two symbols at least, a flag of at most 32760 in 32768 and a DC of at most 32753.

They take 0.00101 bits together, so that 2^14 blocks take more than the 16 bits that a word brings,
or that a state loses.
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
    states, words, plain = _parts_of(data)
    blocks = sum(int(plane.coded.sum()) for plane in layout.planes)
    if blocks > _BLOCKS_PER_WORD * (STATES_IN_TURN + len(words)):
        raise TruncatedChunkError(
            f"network-coded coefficients have {len(data)} bytes, too few for {blocks} blocks"
        )
    streams = Streams.to_read(states, words, plain)
    coefficients = tuple(np.zeros(plane.shape, np.int16) for plane in layout.planes)
    model.run_model(layout, components, coefficients, streams)
    status = int(streams.progress[statuses.STATUS])
    if status != statuses.DONE:
        error, text = _ERRORS[status]
        raise error(text)
    _check_end(streams, plain)
    return coefficients


def _parts_of(data: bytes) -> tuple[NDArray[np.int64], NDArray[np.uint16], bytes]:
    """Take a stream apart: states, words, and plain bits."""
    start = HEAD.size + STATES_IN_TURN * _STATES.itemsize
    count = HEAD.unpack_from(data)[0] if len(data) >= HEAD.size else 0
    if len(data) < start + 2 * count:
        raise TruncatedChunkError(
            f"network-coded coefficients have {len(data)} bytes; expected {start} and {count} words"
        )
    states = np.frombuffer(data, _STATES, STATES_IN_TURN, HEAD.size).astype(np.int64)
    if states.min() < statuses.LOWEST_STATE:
        raise BitstreamError(f"network-coded coefficients begin with the state {states.min()}")
    words = np.frombuffer(data, "<u2", count, start).astype(np.uint16)
    return states, words, data[start + 2 * count :]


def _check_end(streams: Streams, plain: bytes) -> None:
    progress = streams.progress
    words = int(progress[statuses.WORDS_LEFT] - progress[statuses.WORD])
    bits = int(progress[statuses.BITS_LEFT] - progress[statuses.BIT])
    is_padded = bits == 0 or (bits < 8 and plain[-1] >> (8 - bits) == 0)
    if words or not is_padded or (streams.states != statuses.LOWEST_STATE).any():
        raise BitstreamError(
            f"network-coded coefficients have {words} words and {bits} bits too many, and end with "
            f"states {streams.states.tolist()}; expected no word, less than 8 bits, which are 0, "
            f"and states of {statuses.LOWEST_STATE}"
        )
