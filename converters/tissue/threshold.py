"""The threshold detector: colour and texture against the glass nearby, rule by rule."""

import numpy as np
from numpy.typing import NDArray

from .area import Mask, box_sum, closed, without_holes, without_specks
from .light import Glass, find_glass, is_black, roughness
from .overview import Overview, luma
from .pen import is_pen

__all__ = ["threshold_tissue"]

# A pixel is tissue if one of these holds, against the colour of the glass, in grey levels.
_DARKER_BY = 16
_MORE_COLOURED_BY = 18
# Standard deviation; three times the slide's own noise, but within these bounds.
_ROUGHER_THAN = (5, 12)
# Gaps of so many pixels across are tissue, and so are holes of so few pixels.
_GAP_RADIUS, _HOLE_AREA = 3, 2000
# Smaller parts are dust, in pixels.
_SPECK_AREA = 60

# Glass in the neighbourhood: smooth, and as far from the slide's glass as light and stain may vary.
_BLOCK_PX = 8
_NEAR_LUMA, _NEAR_TINT = 40, 18
_NEIGHBOURHOODS = (4, 12)  # in blocks
_NOISE = 4
_WHITE = 254


def threshold_tissue(overview: Overview) -> Mask:
    """Return the tissue mask: what is darker, more coloured, or rougher than the glass around it.

    In doubt it is tissue: what is called glass by mistake is lost. A slide that shows no glass is
    all tissue.
    """
    glass = find_glass(overview)
    if glass is None:
        return ~is_black(overview)
    pixels = _without_unscanned(overview.pixels, glass)
    light = luma(pixels)
    around = _glass_around(pixels, light, glass)
    smooth = _smoothed(pixels)
    mask = luma(around) - luma(smooth) > _DARKER_BY
    mask |= _tint(smooth - around) > _MORE_COLOURED_BY
    mask |= _is_rough(light)
    mask &= ~is_black(overview)
    mask &= ~is_pen(smooth, around, mask)
    mask = without_specks(mask, _SPECK_AREA)
    return without_holes(closed(mask, _GAP_RADIUS), _HOLE_AREA)


def _without_unscanned(pixels: NDArray[np.uint8], glass: Glass) -> NDArray[np.uint8]:
    """Return `pixels` with the colour of glass wherever they are white: else borders are edges."""
    is_white = (pixels >= _WHITE).all(axis=-1)
    filled = pixels.copy()
    filled[is_white] = glass
    return filled


def _smoothed(pixels: NDArray[np.uint8]) -> NDArray[np.int16]:
    smooth = np.empty(pixels.shape, np.int16)
    for c in range(3):
        smooth[..., c] = box_sum(pixels[..., c], 1) // 9
    return smooth


def _glass_around(
    picture: NDArray[np.uint8], light: NDArray[np.int32], glass: Glass
) -> NDArray[np.int16]:
    """Return the colour of the glass near each pixel, (height, width, 3).

    Lamps are uneven, lenses shade the corners, and eosin stains the mounting medium.
    """
    colour = np.array(glass, np.int16)
    pixels = picture.astype(np.int16)
    is_glass = roughness(light, 2) <= _NOISE**2
    is_glass &= abs(light - int(luma(colour))) <= _NEAR_LUMA
    is_glass &= _tint(pixels - colour) <= _NEAR_TINT
    pixels[~is_glass] = 0
    counts = _block_sums(is_glass)
    sums = np.stack([_block_sums(pixels[..., c]) for c in range(3)], axis=-1)
    blocks = np.broadcast_to(colour.astype(np.int32), sums.shape).copy()
    for radius in reversed(_NEIGHBOURHOODS):
        number = box_sum(counts, radius)
        # A twentieth of the square, so that a few odd pixels do not speak for it.
        enough = number * 20 >= (_BLOCK_PX * (2 * radius + 1)) ** 2
        blocks[enough] = (box_sum(sums, radius) // np.maximum(number, 1)[..., None])[enough]
    around = blocks.astype(np.int16).repeat(_BLOCK_PX, 0).repeat(_BLOCK_PX, 1)
    return around[: light.shape[0], : light.shape[1]]


def _block_sums(values: NDArray[np.generic]) -> NDArray[np.int32]:
    height, width = values.shape
    values = np.pad(values, [(0, -height % _BLOCK_PX), (0, -width % _BLOCK_PX)])
    rows = values.reshape(-1, _BLOCK_PX, values.shape[1]).sum(1, dtype=np.int32)
    return rows.reshape(len(rows), -1, _BLOCK_PX).sum(2, dtype=np.int32)


def _tint(difference: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return how much a difference of colours is one of hue."""
    # Against green, which both haematoxylin and eosin take away.
    red, green, blue = (difference[..., c] for c in range(3))
    return np.maximum(abs(red - green), abs(blue - green))


def _is_rough(light: NDArray[np.int32]) -> Mask:
    """Return where the standard deviation over 5 x 5 pixels is above the glass's own."""
    variance = roughness(light, 2)
    # At least a quarter of a slide is glass or as smooth, and its camera noise is not texture.
    noise = int(np.partition(variance, variance.size // 4, axis=None)[variance.size // 4])
    low, high = (deviation**2 for deviation in _ROUGHER_THAN)
    is_rough: Mask = variance > min(max(low, 9 * noise), high)
    return is_rough
