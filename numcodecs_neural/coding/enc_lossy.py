"""Mode ``lossy`` of the encoder: samples as grey levels, which the networks code."""

import numpy as np

from numcodecs_neural.coding.dec_lossy import MAX_LOSSY_PIXELS, Levels
from numcodecs_neural.coding.enc_levels import levels_again, levels_of, to_pixels
from numcodecs_neural.coding.enc_target import at_psnr
from numcodecs_neural.coding.enc_task import EncodeTask, LossyEncoder, Payload
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.format import Mode

__all__ = ["encode_lossy"]


def encode_lossy(task: EncodeTask, _: Payload | None) -> Payload | None:
    """Return what the networks make of the planes; None if nothing may be lost.

    None as well where no quality reaches the PSNR that was asked for.

    Raises
    ------
    ConfigError
        If they have too many pixels.
    """
    coder = task.coder
    if task.must_be_exact or coder is None:
        return None
    n, _channels, height, width = task.planes.shape
    if n * height * width > MAX_LOSSY_PIXELS:
        raise ConfigError(
            f"a chunk of {n * height * width} pixels is larger than the {MAX_LOSSY_PIXELS} that "
            "can be coded: choose smaller chunks"
        )
    fraction = coder.pixel_fraction
    levels = _levels_of(task, coder)
    pixels = to_pixels(task.planes, levels, fraction)
    if task.parameters.target_psnr is None:
        payload, quality = coder.encode(pixels, task.parameters), task.parameters.quality
    else:
        found = at_psnr(task, levels, pixels, task.parameters.target_psnr)
        if found is None:
            return None
        payload, quality = found.payload, found.quality
    return Payload(
        mode=Mode.LOSSY,
        sections=(payload,),
        fields={
            "weights_id": coder.weights_id,
            "quality": quality,
            "low": levels.low,
            "level_shift": levels.shift,
        },
    )


def _levels_of(task: EncodeTask, coder: LossyEncoder) -> Levels:
    """Return the finest levels of a chunk, or those that it was decoded from."""
    planes, given = task.planes, task.parameters.value_range
    fraction = coder.pixel_fraction
    levels = levels_of(planes, given, fraction)
    is_given = given is not None and levels.low == max(given[0], np.iinfo(planes.dtype).min)
    steps = [] if planes.dtype.itemsize == 1 else coder.grey_steps(task.parameters)
    return levels if is_given or not steps else levels_again(planes, levels, steps, fraction)
