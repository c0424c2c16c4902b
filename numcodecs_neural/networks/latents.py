"""Integers between entropy coder and networks: steps, means and rounding of latents.

All of it is element-wise integer arithmetic; shifts floor. Latents lie last: (..., channels).
"""

from __future__ import annotations

import functools
import math
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
_FAR_SIXTEENTHS, _ENOUGH_LATENTS = 4, 64  # 4: the mean distance where chance decides
_DEVIATIONS = 20  # sixteenths: nine standard deviations of one distance
_NOISE_SIXTEENTHS = 4


def in_steps(
    model: EncoderModel, y: NDArray[np.float32], quality: int, *, is_decoded: bool = False
) -> NDArray[np.int32]:
    """Latents of the analysis as sixteenths of a step at `quality`.

    The analysis of an image shrinks its finer latents a little, as suits their noise. Of an image
    that was decoded before it must not, and the shrinking is undone.
    """
    inverse = (model.restoring_step if is_decoded else model.inverse_step)[quality]
    half = 1 << (model.inverse_shift - 1)
    scaled = (y.astype(np.int64) * inverse + half) >> model.inverse_shift
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


def look_decoded(y: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which images were decoded from a chunk of this quality before: (N,).

    Parameters
    ----------
    y : ndarray of int32, shape (N, h, w, channels)
        Latents that are coded without a mean. They lie near whole steps then: on average 1/50 to
        1/5 of a step away (most in bright images at high quality, whose pixels were clipped and
        rounded), those of other images 1/4.
    """
    rest = np.abs(y)
    fraction = rest & (2 * _HALF_STEP - 1)
    distance = np.minimum(fraction, 2 * _HALF_STEP - fraction)
    is_coded = rest > _HALF_STEP + 1
    count = is_coded.sum((1, 2, 3))
    total = (distance * is_coded).sum((1, 2, 3))
    chance = _FAR_SIXTEENTHS * count - _DEVIATIONS * np.sqrt(count)
    near: NDArray[np.bool_] = (total < chance) & (count >= _ENOUGH_LATENTS)
    return near


def with_noise(y: NDArray[np.int32]) -> NDArray[np.int32]:
    """Spread latents that lie at 0, as before they were decoded, by a fixed pattern: (N, ...).

    The hyper-analysis takes the size of latents from them, and zeros would say too little.
    """
    place = np.arange(math.prod(y.shape[1:])).reshape(y.shape[1:])
    noise = ((place * 7919) ^ (place >> 5)) % (2 * _NOISE_SIXTEENTHS + 1) - _NOISE_SIXTEENTHS
    spread: NDArray[np.int32] = np.where(np.abs(y) <= _HALF_STEP, y + noise, y).astype(np.int32)
    return spread


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
