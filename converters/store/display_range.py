"""Display range (contrast limits) of each channel, from the coarsest level."""

from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from ..geometry.axes import Axes

__all__ = ["display_windows", "sample_limits", "window_of"]

# A few bright specks must not make the rest of a channel dark.
_DARK, _BRIGHT = 0.1, 99.9
# Enough planes and times for a window, of any number that there are.
_FRAMES = 8


def sample_limits(dtype: "np.dtype[Any]", significant_bits: int | None) -> tuple[float, float]:
    """Return the least and the greatest value that a sample can have; 0 and 1 for floats.

    Examples
    --------
    >>> sample_limits(np.dtype("uint16"), 12)
    (0, 4095)
    """
    if dtype.kind == "f":
        return 0, 1
    if significant_bits:
        return 0, (1 << significant_bits) - 1
    info = np.iinfo(dtype)
    return info.min, info.max


def display_windows(
    smallest: zarr.Array[Any], axes: Axes, limits: tuple[float, float]
) -> tuple[tuple[float, float], ...]:
    """Return the darkest and the brightest sample to show, for each channel.

    That is all there is for RGB, and else what all but a thousandth of the smallest level's pixels
    lie between.

    Parameters
    ----------
    smallest : zarr.Array
        The smallest level, complete.
    axes : Axes
        Its axes.
    limits : tuple of float
        The least and the greatest value of a sample.
    """
    if axes.samples == 3:
        return (limits,) * 3
    lengths = dict(axes.frames)
    count = lengths.get("c", 1)
    return tuple(_window(smallest, axes, channel, limits) for channel in range(count))


def _window(
    smallest: zarr.Array[Any], axes: Axes, channel: int, limits: tuple[float, float]
) -> tuple[float, float]:
    frames = [
        frame
        for frame in axes.all_frames()
        if all(
            name != "c" or at == channel for (name, _), at in zip(axes.frames, frame, strict=True)
        )
    ]
    chosen = frames[:: max(1, len(frames) // _FRAMES)][:_FRAMES]
    return window_of(np.stack([np.asarray(smallest[frame]) for frame in chosen]), limits)


def window_of(pixels: NDArray[Any], limits: tuple[float, float]) -> tuple[float, float]:
    """Return what all but a thousandth of the samples at each end lie between.

    Parameters
    ----------
    pixels : ndarray
        Of one channel.
    limits : tuple of float
        Where no sample is a number.
    """
    if pixels.dtype.kind == "f":
        # What is no number, or has no end, is none in JSON either.
        pixels = pixels[np.isfinite(pixels)]
    if not pixels.size:
        return limits
    low, high = np.percentile(pixels, (_DARK, _BRIGHT), method="nearest").tolist()
    return (low, high) if high > low else (low, low + 1)
