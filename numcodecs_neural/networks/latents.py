"""Integers between entropy coder and networks: steps, means and rounding of latents.

All of it is element-wise integer arithmetic; shifts floor. Latents lie last: (..., channels).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy import SKIP
from numcodecs_neural.networks.models import (
    DEQUANTIZED_LIMIT,
    FRACTION_BITS,
    LATENT_LIMIT,
    DecoderModel,
    EncoderModel,
)

_HALF_STEP = 1 << (FRACTION_BITS - 1)
_NEAR_SIXTEENTHS, _ENOUGH_LATENTS = 3, 64


def in_steps(model: EncoderModel, y: NDArray[np.float32], quality: int) -> NDArray[np.int32]:
    """Latents of the analysis as sixteenths of a step at `quality`."""
    half = 1 << (model.inverse_shift - 1)
    scaled = (y.astype(np.int64) * model.inverse_step[quality] + half) >> model.inverse_shift
    limited: NDArray[np.int32] = np.clip(scaled, -LATENT_LIMIT, LATENT_LIMIT).astype(np.int32)
    return limited


def symbols_of(
    model: EncoderModel,
    y: NDArray[np.int32],
    mean: NDArray[np.int32] | int,
    indexes: NDArray[np.uint8],
    nearest: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Whole steps of `y` about `mean`: rounded towards 0 where that saves more bits than it costs.

    Latents are (N, positions, channels). Images for which `nearest` (N, 1, 1) is True are rounded
    to the nearest step. Symbols that are not coded (index `SKIP`) are 0.
    """
    rounding = np.zeros(SKIP + 1, np.int32)
    rounding[: len(model.rounding)] = model.rounding
    rest = y - mean
    offset = np.where(nearest, _HALF_STEP, rounding[indexes])
    symbols = np.sign(rest) * ((np.abs(rest) + offset) >> FRACTION_BITS)
    symbols[indexes == SKIP] = 0
    whole: NDArray[np.int32] = symbols.astype(np.int32, copy=False)
    return whole


def look_decoded(y: NDArray[np.int32], mean: NDArray[np.int32] | int) -> NDArray[np.bool_]:
    """Which images were decoded from a chunk of this quality before: (N, 1, 1).

    Their latents lie near whole steps: on average 1/20 to 3/20 of a step away, those of other
    images 1/4. Rounding such an image towards 0 once more would lose a little with each
    generation.
    """
    rest = np.abs(y - mean)
    fraction = rest & (2 * _HALF_STEP - 1)
    distance = np.minimum(fraction, 2 * _HALF_STEP - fraction)
    is_coded = rest > _HALF_STEP + 1
    count = is_coded.sum((1, 2), keepdims=True)
    total = (distance * is_coded).sum((1, 2), keepdims=True)
    near: NDArray[np.bool_] = (total < _NEAR_SIXTEENTHS * count) & (count >= _ENOUGH_LATENTS)
    return near


def latents_of(symbols: NDArray[np.int32], mean: NDArray[np.int32] | int) -> NDArray[np.int32]:
    """Latents in sixteenths of a step, limited: what every decoder computes."""
    limit = LATENT_LIMIT >> FRACTION_BITS << 1  # keeps the product within 32 bits
    y = (np.clip(symbols, -limit, limit) << FRACTION_BITS) + mean
    limited: NDArray[np.int32] = np.clip(y, -LATENT_LIMIT, LATENT_LIMIT)
    return limited


def dequantize(
    model: DecoderModel, y: NDArray[np.int32], channels: slice, quality: int
) -> NDArray[np.float32]:
    """Latents in the units of the synthesis: float32 holding integers of 11 bits."""
    step, shift = model.step[quality, channels], model.step_shift[channels]
    out: NDArray[np.float32] = _dequantize()(y.reshape(-1, y.shape[-1]), step, shift)
    return out.reshape(y.shape)


@functools.cache
def _dequantize() -> Callable[..., NDArray[np.float32]]:
    try:
        from numcodecs_neural.networks.kernels import dequantize as compiled
    except ImportError:
        return plain_dequantize
    return compiled


def plain_dequantize(
    y: NDArray[np.int32], step: NDArray[np.int32], shift: NDArray[np.int32]
) -> NDArray[np.float32]:
    """``clamp((y * step + 2**(shift - 1)) >> shift)`` on rows of channels."""
    half = np.int64(1) << (shift.astype(np.int64) - 1)
    scaled: NDArray[Any] = (y.astype(np.int64) * step + half) >> shift
    limited: NDArray[np.float32] = np.clip(scaled, -DEQUANTIZED_LIMIT, DEQUANTIZED_LIMIT).astype(
        np.float32
    )
    return limited
