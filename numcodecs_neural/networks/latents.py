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
) -> NDArray[np.int32]:
    """Whole steps of `y` about `mean`: rounded towards 0 where that saves more bits than it costs.

    Symbols that are not coded (index `SKIP`) are 0.
    """
    rounding = np.zeros(SKIP + 1, np.int32)
    rounding[: len(model.rounding)] = model.rounding
    rest = y - mean
    symbols = np.sign(rest) * ((np.abs(rest) + rounding[indexes]) >> FRACTION_BITS)
    symbols[indexes == SKIP] = 0
    whole: NDArray[np.int32] = symbols.astype(np.int32, copy=False)
    return whole


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
