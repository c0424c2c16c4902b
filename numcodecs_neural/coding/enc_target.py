"""The encoding of images whose PSNR is what was asked for: the search, for any weights.

A coder offers its encodings on a ladder of rungs, from the coarsest to the finest. One rung is
guessed, encoded and measured on what a reader will decode; the next ones follow from what was
measured, along a straight line of decibels over rungs.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_lossy import Levels, to_samples
from numcodecs_neural.coding.enc_bracket import Bracket
from numcodecs_neural.coding.enc_task import EncodeParameters, EncodeTask, Trial, Trials
from numcodecs_neural.networks.dec_model import QUALITIES
from numcodecs_neural.networks.description import Pixels

__all__ = ["QualityTrials", "at_psnr", "coarsest_within", "peak_of", "psnr"]

_WIDE = 0.35
"""Mean squared error in units, above which rounding adds what it adds to any number."""

_NETWORK_SLOPE = 0.2
"""Decibels from one quality of a network to the next, about."""

_MOST_ABOVE = 0.2
"""Decibels above the target that end the search."""

_AIMED_ABOVE = 0.07
"""Decibels above the target that are aimed at: to be below it costs an encoding."""


class _Coder(Protocol):
    def encode(self, images: Pixels, parameters: EncodeParameters) -> bytes: ...

    def decode(self, stream: bytes, shape: tuple[int, int, int], quality: int) -> Pixels: ...


@dataclass(frozen=True, slots=True)
class QualityTrials:
    """Encodings by networks, whose steps are those of 101 qualities.

    Parameters
    ----------
    coder : coder of a network
    images : ndarray, shape (n, C, H, W)
    parameters : EncodeParameters
    """

    coder: _Coder
    images: Pixels
    parameters: EncodeParameters

    @property
    def rungs(self) -> int:
        """One for each quality."""
        return QUALITIES

    def guess(self, error: float) -> tuple[int, float]:
        """Return the middle: only encoding tells more."""
        del error
        return QUALITIES // 2, _NETWORK_SLOPE

    def again(self, rung: int) -> None:
        """Find nothing: to know whether networks decoded an image before, each is encoded."""

    def at(self, rung: int) -> Trial:
        """Encode at a quality, and decode."""
        parameters = replace(self.parameters, quality=rung, target_psnr=None)
        payload = self.coder.encode(self.images, parameters)
        n, _, height, width = self.images.shape
        pixels = self.coder.decode(payload, (n, height, width), rung)
        return Trial(payload=payload, quality=rung, pixels=pixels)


def at_psnr(task: EncodeTask, levels: Levels, pixels: Pixels, target: float) -> Trial | None:
    """Return the encoding of a chunk's pixels whose samples reach a PSNR, or None if none does.

    Parameters
    ----------
    task : EncodeTask
    levels : Levels
        Of the samples.
    pixels : ndarray, shape (n, C, H, W)
        The samples of the task as pixels of its coder.
    target : float
        Decibels.
    """
    coder = task.coder
    assert coder is not None  # for mypy: lossy chunks have one
    fraction, dtype = coder.pixel_fraction, task.planes.dtype
    peak = peak_of(dtype, task.parameters.value_range)
    levels_squared = 1 << (2 * levels.shift)
    error = peak * peak / 10 ** (target / 10) / levels_squared
    return coarsest_within(
        coder.trials(pixels, task.parameters),
        target,
        expected=_before_rounding(error, 0.5 ** min(levels.shift, fraction)),
        psnr_of=lambda found: psnr(task.planes, to_samples(found, levels, fraction, dtype), peak),
    )


def _before_rounding(error: float, unit: float) -> float:
    """Return the squared error of numbers that have `error` when rounded to multiples of `unit`.

    Errors are distributed normally. The source lies on multiples: where few errors exceed half of a
    unit, few are left.
    """
    error /= unit * unit
    if error > _WIDE:
        return (error - 1 / 12) * unit * unit
    return (unit * 0.5 / NormalDist().inv_cdf(1 - error / 2)) ** 2


def peak_of(dtype: np.dtype[Any], value_range: tuple[int, int] | None) -> int:
    """Return the range of samples that a PSNR is relative to.

    Examples
    --------
    >>> peak_of(np.dtype("u1"), None), peak_of(np.dtype("i2"), None)
    (255, 65535)
    >>> peak_of(np.dtype("u2"), (0, 4095))
    4095
    """
    if dtype.itemsize == 1 or value_range is None:
        return (1 << (8 * dtype.itemsize)) - 1
    return max(value_range[1] - value_range[0], 1)


def psnr(planes: NDArray[Any], found: NDArray[Any], peak: int) -> float:
    """Return decibels; infinite if nothing differs."""
    # Whole numbers, whose sum is exact in whatever order a library takes it.
    difference = np.subtract(planes, found, dtype=np.int32).ravel()
    error = int(np.square(difference, dtype=np.int64).sum())
    return math.inf if error == 0 else 10 * math.log10(peak * peak * planes.size / error)


def coarsest_within(
    trials: Trials, target: float, *, expected: float, psnr_of: Callable[[Pixels], float]
) -> Trial | None:
    """Return an encoding with `target` decibels or a little more; None if all have less.

    It ends at most 0.2 dB above the target, or where the next coarser rung is below it; there are
    chunks of which the coarsest encoding is better. Images that were decoded before from an
    encoding of about this target get that encoding again, which has far more decibels: generations
    lose next to nothing.

    Parameters
    ----------
    trials : Trials
    target : float
    expected : float
        Mean squared error of pixels that the target stands for, in grey levels.
    psnr_of : callable
        From decoded pixels to decibels.
    """
    first, slope = trials.guess(expected)
    earlier = trials.again(first)
    if earlier is not None and psnr_of(earlier.pixels) >= target + _MOST_ABOVE:
        return earlier
    bracket = Bracket(trials.rungs, target + _AIMED_ABOVE, first=first, slope=slope)
    best = None
    while not bracket.is_closed:
        rung = bracket.next()
        trial = trials.at(rung)
        found = psnr_of(trial.pixels)
        bracket.note(rung, found, is_enough=found >= target)
        if found >= target:
            best = trial
            if found <= target + _MOST_ABOVE:
                break
    return best
