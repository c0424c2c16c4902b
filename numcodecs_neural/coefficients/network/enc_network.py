"""Encode coefficients by the learned context model."""

import numpy as np

from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.coefficients.network import model, statuses
from numcodecs_neural.coefficients.network.dec_network import HEAD
from numcodecs_neural.compilation import uncompiled, use_numba
from numcodecs_neural.jpeg import Coefficients

__all__ = ["encode_network"]

_STEPS_PER_BLOCK = 80
"""Room for so many steps at first; few images need more."""


def encode_network(coefficients: Coefficients, layout: Layout, weights_id: bytes) -> bytes:
    """Return the coefficients of all components as bytes.

    Raises
    ------
    BitstreamError
        If the layout is one that the model does not code.
    WeightsError
        If the weights are not installed.
    """
    from numcodecs_neural.coefficients.network.enc_steps import encode_steps
    from numcodecs_neural.coefficients.network.symbols import MAX_STEPS

    model.check_layout(layout)
    components = model.components_of(weights_id)
    blocks = sum(int(plane.coded.sum()) for plane in layout.planes)
    room = _STEPS_PER_BLOCK * blocks + 65 * MAX_STEPS
    contiguous = [np.ascontiguousarray(plane, np.int16) for plane in coefficients]
    while True:
        steps, progress = np.empty((room, 2), np.int32), np.array([0, 0, statuses.DONE], np.int64)
        model.run_model(layout, components, contiguous, progress, steps=steps)
        if progress[statuses.STATUS] != statuses.TOO_MANY_STEPS:
            break
        room *= 4
    count = int(progress[statuses.POSITION])
    words, final = np.empty(count + 1, np.uint16), np.zeros(2, np.int64)
    kernel = encode_steps if use_numba() else uncompiled(encode_steps)
    kernel(steps[:count], words, final)
    written = words[len(words) - int(final[1]) :]
    return HEAD.pack(int(final[0])) + written.astype("<u2").tobytes()
