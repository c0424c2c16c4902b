"""Encoder's rounding of latents to steps, and detection of images that were decoded before.

All of it is element-wise integer arithmetic; shifts floor. Latents lie last: (..., channels).
"""

import math

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.networks.dec_model import HALF_STEP, LATENT_LIMIT
from numcodecs_neural.networks.enc_model import EncoderModel

__all__ = ["in_steps", "look_decoded", "with_noise"]

# Thresholds on the mean squared distance of latents to the nearest path, in 1/20 of the square of
# 1/16 step; from the coarsest steps on they rise by one with each quality.
_PER_SQUARE = 20
_AT_COARSEST_20THS, _OF_FEW_20THS, _AT_FINE_STEPS_20THS = 110, 160, 260
_FEWEST_LATENTS, _ENOUGH_LATENTS = 12, 64
_FINE_QUALITY = 90
_NOISE_SIXTEENTHS = 4


def in_steps(
    model: EncoderModel, y: NDArray[np.float32], quality: int, *, is_decoded: bool = False
) -> NDArray[np.int32]:
    """Latents of the analysis as sixteenths of a step at `quality`.

    The analysis of an image shrinks its finer latents a little, as suits the noise of coarse steps;
    for fine ones the encoder's steps undo it. Of an image that was decoded before it must not, and
    the shrinking is undone at every quality.
    """
    inverse = (model.restoring_step if is_decoded else model.inverse_step)[quality]
    half = 1 << (model.inverse_shift - 1)
    scaled = (y.astype(np.int64) * inverse + half) >> model.inverse_shift
    limited: NDArray[np.int32] = np.clip(scaled, -LATENT_LIMIT, LATENT_LIMIT).astype(np.int32)
    return limited


def look_decoded(
    y: NDArray[np.int32], halves: NDArray[np.int32], quality: int
) -> NDArray[np.bool_]:
    """Which images were decoded from a chunk of this quality before: (N,).

    Parameters
    ----------
    y : ndarray of int32, shape (N, ...)
        Latents that are coded without a mean, in sixteenths of a step.
    halves : ndarray of int32
        The same, quantised with the least error. Its square is 14 to 18 on average, and 9 at the
        lowest qualities, where most latents are small; below 3 where all latents lie near a path,
        and up to 12 at the highest qualities, where the rounding of pixels moves latents by a good
        part of a step. A mean of few latents can be 9 by chance.
    quality : int
    """
    error = y - HALF_STEP * halves
    axes = tuple(range(1, y.ndim))
    is_coded = np.abs(y) > HALF_STEP + 1
    count = is_coded.sum(axes)
    total = (error**2 * is_coded).sum(axes)
    is_fine = quality >= _FINE_QUALITY
    of_many = _AT_FINE_STEPS_20THS if is_fine else _AT_COARSEST_20THS + quality
    nearest = np.where(count < _ENOUGH_LATENTS, min(of_many, _OF_FEW_20THS), of_many)
    near: NDArray[np.bool_] = (_PER_SQUARE * total < nearest * count) & (count >= _FEWEST_LATENTS)
    return near


def with_noise(y: NDArray[np.int32], is_decoded: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Spread the latents at 0 of images that were decoded before: (N, h, w, M).

    The hyper-analysis takes the size of latents from them, and zeros would say too little: a fixed
    pattern stands for what quantisation took away.
    """
    if not is_decoded.any():
        return y
    index = np.arange(math.prod(y.shape[1:])).reshape(y.shape[1:])
    noise = ((index * 7919) ^ (index >> 5)) % (2 * _NOISE_SIXTEENTHS + 1) - _NOISE_SIXTEENTHS
    at_zero = (np.abs(y) <= HALF_STEP) & is_decoded[:, None, None, None]
    spread: NDArray[np.int32] = np.where(at_zero, y + noise, y).astype(np.int32)
    return spread
