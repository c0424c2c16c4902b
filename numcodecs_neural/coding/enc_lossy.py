"""Mode ``lossy`` of the encoder: samples as grey levels, which the networks code."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_lossy import MAX_LOSSY_PIXELS, Levels
from numcodecs_neural.coding.enc_target import at_psnr
from numcodecs_neural.coding.enc_task import EncodeTask, Payload
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.format import Mode
from numcodecs_neural.networks.dec_model import LEVEL_BITS
from numcodecs_neural.networks.description import Pixels

__all__ = ["encode_lossy", "levels_of", "to_pixels"]


def encode_lossy(task: EncodeTask, _: Payload | None) -> Payload | None:
    """Return what the networks make of the planes; None if nothing may be lost.

    None as well where no quality reaches the PSNR that was asked for.

    Raises
    ------
    ConfigError
        If they have too many pixels.
    """
    if task.must_be_exact:
        return None
    n, _channels, height, width = task.planes.shape
    if n * height * width > MAX_LOSSY_PIXELS:
        raise ConfigError(
            f"a chunk of {n * height * width} pixels is larger than the {MAX_LOSSY_PIXELS} that "
            "can be coded: choose smaller chunks"
        )
    fraction = task.coder.pixel_fraction
    levels = levels_of(task.planes, task.parameters.value_range, fraction)
    pixels = to_pixels(task.planes, levels, fraction)
    if task.parameters.target_psnr is None:
        payload, quality = task.coder.encode(pixels, task.parameters), task.parameters.quality
    else:
        found = at_psnr(task, levels, pixels, task.parameters.target_psnr)
        if found is None:
            return None
        payload, quality = found.payload, found.quality
    return Payload(
        mode=Mode.LOSSY,
        sections=(payload,),
        fields={
            "weights_id": task.coder.weights_id,
            "quality": quality,
            "low": levels.low,
            "level_shift": levels.shift,
        },
    )


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
    reach = high - low
    if value_range is not None:
        given = value_range[1] - value_range[0]
        levels = Levels(max(value_range[0], int(np.iinfo(planes.dtype).min)), _shift_of(given))
        if value_range[0] <= low and high <= _highest(levels, fraction):
            return levels
        reach = max(reach, given)
    return Levels(low, _shift_of(reach))


def _shift_of(reach: int) -> int:
    return max(reach.bit_length() - LEVEL_BITS, 0)


def _highest(levels: Levels, fraction: int) -> int:
    """Return the highest sample that pixels of these levels stand for.

    Where pixels are finer than samples it is one more than fits the bits: the highest pixel is
    rounded up.
    """
    return levels.low + (1 << (LEVEL_BITS + levels.shift)) - (levels.shift >= fraction)


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
