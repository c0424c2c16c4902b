"""Encode coefficients by the learned context model."""

import numpy as np

from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.coefficients.network import model, statuses
from numcodecs_neural.coefficients.network.dec_network import HEAD
from numcodecs_neural.coefficients.network.limits import STATES_IN_TURN
from numcodecs_neural.coefficients.network.order import AC_PASSES
from numcodecs_neural.coefficients.network.streams import Streams
from numcodecs_neural.compilation import uncompiled, use_numba
from numcodecs_neural.jpeg import Coefficients

__all__ = ["encode_network"]


_MOST_BITS = 48
"""More plain bits than a coefficient takes."""


def encode_network(coefficients: Coefficients, layout: Layout, weights_id: bytes) -> bytes:
    """Return the coefficients of all components as bytes.

    Raises
    ------
    BitstreamError
        If the layout is one that the model does not code.
    WeightsError
        If the weights are not installed.
    """
    from numcodecs_neural.coefficients.network.enc_words import write_words

    model.check_layout(layout)
    components = model.components_of(weights_id)
    blocks = sum(int(plane.coded.sum()) for plane in layout.planes)
    streams = Streams.to_write((64 + AC_PASSES) * blocks, 64 * _MOST_BITS * blocks)
    contiguous = [np.ascontiguousarray(plane, np.int16) for plane in coefficients]
    model.run_model(layout, components, contiguous, streams)
    count, bits = int(streams.progress[statuses.COUNT]), int(streams.progress[statuses.BIT])
    states = np.full(STATES_IN_TURN, statuses.LOWEST_STATE, np.int64)
    words = np.empty(count, np.uint16)
    kernel = write_words if use_numba() else uncompiled(write_words)
    written = words[int(kernel(streams.notes, count, words, states)) :]
    pieces = [HEAD.pack(len(written)), states.astype("<u4"), written.astype("<u2")]
    plain = streams.plain.astype("<u4").tobytes()[: (bits + 7) // 8]
    return b"".join([*map(bytes, pieces), plain])
