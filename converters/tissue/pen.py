"""Detects felt-pen ink on glass by the colours that it absorbs."""

import numpy as np
from numpy.typing import NDArray

from .morphology import Mask, box_sum, grown

__all__ = ["is_pen"]

# Ink takes at least this much of red light, in grey levels; blue ink more, since nuclei are blue.
_GREEN_INK, _BLUE_INK, _BLACK_INK = 24, 120, 110
# Green ink takes red, and little else; blue ink takes red, then green; black ink takes all alike.
_GREEN_BY, _BLUE_BY, _BLACK_BY = 14, 25, 14
# Ink lies apart: of all that is tissue or ink around it, at most a quarter is tissue.
_RADIUS, _SHARE = 12, 4


def is_pen(pixels: NDArray[np.int16], glass: NDArray[np.int16], mask: Mask) -> Mask:
    """Return which pixels are ink on glass: green, blue, or black.

    Red ink is not told from blood, nor any ink among tissue from a dye that tissue may have: they
    are kept.

    Parameters
    ----------
    pixels, glass : ndarray
        Colours of the picture and of the glass at each pixel, (height, width, 3).
    mask : ndarray
        What may be tissue or ink.
    """
    taken = glass - pixels
    red, green, blue = (taken[..., c] for c in range(3))
    beyond = red - np.maximum(green, blue)
    is_green = (red > _GREEN_INK) & (beyond > _GREEN_BY) & (3 * beyond > red) & (blue > green - 8)
    is_blue = (red > _BLUE_INK) & (red - green > _BLUE_BY) & (red - blue > 3 * _BLUE_BY)
    least = np.minimum(np.minimum(red, green), blue)
    most = np.maximum(np.maximum(red, green), blue)
    is_black = (least > _BLACK_INK) & (most - least < _BLACK_BY)
    ink: Mask = mask & (is_green | is_blue | is_black)
    if not ink.any():
        return ink
    # The edges of a stroke are too thin to have its colour.
    inks = box_sum(ink, _RADIUS)
    others = box_sum(mask, _RADIUS) - inks
    is_apart = others * _SHARE <= inks
    stroke: Mask = mask & is_apart & grown(ink, 3)
    return stroke
