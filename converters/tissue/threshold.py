"""Tissue detection by thresholds on colour and texture against the background."""

import numpy as np
from numpy.typing import NDArray

from .backdrop import backdrop, tint
from .light import find_glass, is_black, roughness, scanned_pixels
from .morphology import (
    Mask,
    box_sum,
    closed,
    eroded,
    grown,
    without_holes,
    without_specks,
)
from .overview import Overview, luma
from .pen import is_pen

__all__ = ["threshold_tissue"]

# A pixel is tissue if it differs this much from the glass, in grey levels; where there is texture
# less is enough, for light and stain that ran out are smooth.
_DARKER_BY, _MORE_COLOURED_BY = 16, 30
_TEXTURED_DARKER_BY, _TEXTURED_MORE_COLOURED_BY = 9, 12
# Texture: the deviation of means of 3 x 3 pixels, three times what is usual on the slide's glass.
_TEXTURE = (2, 5)
# Deviation of pixels that are tissue whatever their colour; likewise.
_ROUGHER_THAN = (5, 12)
# Gaps of so many pixels across are tissue, and so are holes of so few pixels.
_GAP_RADIUS, _HOLE_AREA = 3, 2000
# Smaller parts are dust, in pixels.
_SPECK_AREA = 40
_USUAL = 3**2


def threshold_tissue(overview: Overview) -> Mask:
    """Return the tissue mask: what is darker, more coloured, or rougher than the glass around it.

    In doubt it is tissue: what is called glass by mistake is lost. A slide that shows no glass is
    all tissue.
    """
    glass = find_glass(overview)
    if glass is None:
        return ~is_black(overview)
    pixels = scanned_pixels(overview, glass)
    light = luma(pixels)
    around = backdrop(pixels, light, glass)
    smooth = _smoothed(pixels)
    mask = _differs(smooth, around)
    # Squares of 5 x 5 are rough two pixels before the edge.
    mask |= eroded(_is_rough(light, _ROUGHER_THAN), 2)
    mask &= ~is_pen(smooth, around, mask)
    mask = without_specks(mask, _SPECK_AREA)
    return without_holes(closed(mask, _GAP_RADIUS), _HOLE_AREA)


def _differs(smooth: NDArray[np.int16], around: NDArray[np.int16]) -> Mask:
    light = luma(smooth)
    darker = luma(around) - light
    coloured = tint(smooth - around)
    mask = (darker > _DARKER_BY) | (coloured > _MORE_COLOURED_BY)
    is_pale = (darker > _TEXTURED_DARKER_BY) | (coloured > _TEXTURED_MORE_COLOURED_BY)
    is_pale &= grown(_is_rough(light, _TEXTURE), 2)
    differs: Mask = mask | is_pale
    return differs


def _smoothed(pixels: NDArray[np.uint8]) -> NDArray[np.int16]:
    smooth = np.empty(pixels.shape, np.int16)
    for c in range(3):
        smooth[..., c] = box_sum(pixels[..., c], 1) // 9
    return smooth


def _is_rough(light: NDArray[np.int32], limits: tuple[int, int]) -> Mask:
    """Return where the deviation over 5 x 5 pixels is three times the glass's own, within limits.

    At least a quarter of a slide is glass or as smooth, and its camera noise is not texture.
    """
    variance = roughness(light, 2)
    low, high = (deviation**2 for deviation in limits)
    # Only its values up to the limit matter.
    counts = np.bincount(np.minimum(variance, high // _USUAL + 1).ravel())
    noise = int(np.searchsorted(counts.cumsum(), variance.size // 4, side="right"))
    is_rough: Mask = variance > min(max(low, _USUAL * noise), high)
    return is_rough
