"""Grey levels of samples: the finest that hold them, or those that they were decoded from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_lossy import Levels
from numcodecs_neural.dct.arithmetic import BLOCK, COEFFICIENT_BITS
from numcodecs_neural.dct.enc_grey import Sample, grey_levels, sample_blocks
from numcodecs_neural.networks.dec_model import LEVEL_BITS
from numcodecs_neural.networks.description import Pixels

__all__ = ["levels_again", "levels_of", "to_pixels"]

_LEVEL = BLOCK << COEFFICIENT_BITS
"""A constant part of one grey level."""

_MOST_SHIFT, _MOST_COARSER = 8, 3
"""Of levels, and by how much they are coarser at most than the samples that came back need."""

_SURE = 32
"""Symbols, without which levels are not taken to have been coarser: few may be even by chance."""

_NEARLY = 0.25
"""Offsets of constant parts, in eighths, that differ by no more are alike."""


def levels_of(
    planes: NDArray[Any], value_range: tuple[int, int] | None = None, fraction: int = 0
) -> Levels:
    """Return the finest levels that hold all samples, and no finer ones than `value_range` needs.

    Where the levels of the range hold all samples, level 0 is its lowest, whatever a chunk's own
    lowest is: so samples that were decoded before lie on the same levels again, though some may
    exceed the range.

    Parameters
    ----------
    planes : ndarray
    value_range : (low, high), optional
    fraction : int
        Bits of a pixel below a grey level.

    Examples
    --------
    >>> levels_of(np.array([1000, 1700], np.uint16))
    Levels(low=1000, shift=2)
    >>> levels_of(np.array([1000, 1700], np.uint16), value_range=(0, 4095))
    Levels(low=0, shift=4)
    >>> levels_of(np.array([1000, 1700], np.uint16), value_range=(1500, 2000))
    Levels(low=1000, shift=2)
    >>> levels_of(np.array([1000, 4096], np.uint16), value_range=(0, 4095), fraction=8)
    Levels(low=0, shift=4)
    """
    if planes.dtype.itemsize == 1:
        return Levels()
    low, high = int(planes.min()), int(planes.max())
    least = 0
    if value_range is not None:
        least = _shift_of(value_range[1] - value_range[0])
        levels = Levels(max(value_range[0], int(np.iinfo(planes.dtype).min)), least)
        if value_range[0] <= low and high <= _highest(levels, fraction):
            return levels
    finest = next(
        shift for shift in range(_MOST_SHIFT + 1) if high <= _highest(Levels(low, shift), fraction)
    )
    return Levels(low, max(finest, least))


def _shift_of(reach: int) -> int:
    return max(reach.bit_length() - LEVEL_BITS, 0)


def _highest(levels: Levels, fraction: int) -> int:
    """Return the highest sample that pixels of these levels stand for.

    Where pixels are finer than samples it is one more than fits the bits: the highest pixel is
    rounded up.
    """
    return levels.low + (1 << (LEVEL_BITS + levels.shift)) - (levels.shift >= fraction)


def levels_again(
    planes: NDArray[Any], levels: Levels, steps: Sequence[NDArray[np.int64]], fraction: int
) -> Levels:
    """Return the levels that grey samples were decoded from, or `levels` if they were not.

    Decoded samples need other levels than the original ones did: their darkest may be brighter,
    and their range smaller. On other levels they would be rounded to other multiples of steps.

    Parameters
    ----------
    planes : ndarray of uint16 or int16, shape (n, 1, H, W)
    levels : Levels
        The finest that hold all samples, with the darkest one as level 0.
    steps : sequence of (1, 256) int64
        With which they may have been decoded.
    fraction : int
        Bits of a pixel below a grey level.
    """
    # Later images of a chunk may be predicted from the first, which is coded as it is in any form.
    sample = _sample_of(planes[:1], levels, fraction)
    found = None
    for coarser in range(min(_MOST_COARSER, _MOST_SHIFT - levels.shift) + 1):
        on_coarser = sample.coarser(coarser)
        for choice in steps:
            fit = on_coarser.fit(choice, knows_level=False)
            is_sure = fit.is_good and (coarser == 0 or fit.symbols >= _SURE)
            if is_sure and (found is None or fit.ratio < found[0].ratio):
                found = fit, int(choice[0, 0]), Levels(levels.low, levels.shift + coarser)
    if found is None:
        return levels
    fit, step, levels = found
    return levels if sample.is_clipped else _lowered(planes, levels, fit.offset, step, fraction)


def _sample_of(images: NDArray[Any], levels: Levels, fraction: int) -> Sample:
    """Return some blocks of samples (n, 1, H, W) in grey levels."""
    blocks, is_clipped = sample_blocks(images)
    return Sample(grey_levels(to_pixels(blocks, levels, fraction), fraction), is_clipped)


def _lowered(
    planes: NDArray[Any], levels: Levels, offset: float, step: int, fraction: int
) -> Levels:
    """Return levels that begin so much lower that constant parts are multiples of their step.

    Every step lower there is another such sample; the highest of them leaves nothing clipped that
    was not.
    """
    spare = _highest(levels, fraction) - int(planes.max())
    lower = np.arange(min(spare, levels.low - int(np.iinfo(planes.dtype).min)) + 1)
    beyond = offset + lower * (_LEVEL / (1 << levels.shift))
    beyond = np.abs(beyond - step * np.rint(beyond / step))
    return Levels(levels.low - int(np.argmax(beyond <= beyond.min() + _NEARLY)), levels.shift)


def to_pixels(planes: NDArray[Any], levels: Levels, fraction: int) -> Pixels:
    """Return the pixels that `to_samples` turns into the nearest samples, or one sample further."""
    if planes.dtype == np.uint8 and fraction == 0:
        return planes
    coarser = levels.shift - fraction
    above = planes.astype(np.int32) - levels.low
    if coarser <= 0:
        pixels = np.minimum(above << -coarser, (1 << (LEVEL_BITS + fraction)) - 1)
    else:
        pixels = (above - (above >> (LEVEL_BITS + fraction)) + (1 << (coarser - 1))) >> coarser
    found: Pixels = pixels.astype(np.uint16 if fraction else np.uint8)
    return found
