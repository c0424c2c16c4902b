"""Mode ``lossy`` of the encoder: samples as grey levels, which the networks code."""

from __future__ import annotations

from numcodecs_neural.coding.dec_lossy import MAX_LOSSY_PIXELS
from numcodecs_neural.coding.enc_levels import levels_of, to_pixels
from numcodecs_neural.coding.enc_task import EncodeTask, Payload
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.format import Mode

__all__ = ["encode_lossy"]


def encode_lossy(task: EncodeTask, _: Payload | None) -> Payload:
    """Return what the networks make of the planes.

    Raises
    ------
    ConfigError
        If they have too many pixels.
    """
    n, _channels, height, width = task.planes.shape
    if n * height * width > MAX_LOSSY_PIXELS:
        raise ConfigError(
            f"a chunk of {n * height * width} pixels is larger than the {MAX_LOSSY_PIXELS} that "
            "can be coded: choose smaller chunks"
        )
    levels = levels_of(task.planes, task.parameters.value_range)
    pixels = to_pixels(task.planes, levels, task.coder.pixel_fraction)
    return Payload(
        mode=Mode.LOSSY,
        sections=(task.coder.encode(pixels, task.parameters),),
        fields={
            "weights_id": task.coder.weights_id,
            "quality": task.parameters.quality,
            "low": levels.low,
            "level_shift": levels.shift,
        },
    )
