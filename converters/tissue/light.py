"""Detects bright-field illumination and the background colour."""

import numpy as np
from numpy.typing import NDArray

from .morphology import Mask, box_sum, eroded, grown
from .overview import Overview, luma

__all__ = [
    "WHITE",
    "Glass",
    "find_glass",
    "glass_colour",
    "glass_grey",
    "is_black",
    "is_bright_field",
    "roughness",
    "scanned_pixels",
]

WHITE = 255

# Unscanned area and the frame around a scan are as black as this, all over.
_BLACK, _BLACK_RADIUS = 20, 3
# Bright-field slides are lit: what was scanned is grey or brighter in the middle, and somewhere
# much brighter. What is narrower than 11 pixels on black is a shining nucleus, not a scan.
_DARK, _LIT_MEDIAN, _LIT_BRIGHTEST = 16, 90, 130
_SCAN_RADIUS = 5

# Glass: a peak among the smooth pixels, of 9 grey levels and a fiftieth of the picture.
_SMOOTH_DEVIATION = 5
_PEAK_RADIUS, _PEAK_SHARE = 4, 50
# What is darker than this, or more tinted, is a slide full of tissue; dim glass must be grey.
_GLASS_LUMA, _GLASS_TINT = 175, 50
_DIM_LUMA, _DIM_TINT = 155, 25
# Exactly white is unscanned if there is another peak, as grey and as narrow as glass is.
_WHITE, _SCANNED_TINT = 254, 20

Glass = tuple[int, int, int]
"""Colour of glass: red, green, blue."""


def is_bright_field(overview: Overview) -> bool:
    """Return whether the slide was lit from behind; fluorescence is not.

    Black frames and unscanned area are passed over, whatever their share. What remains must be
    broad and bright: fluorescence is dark between its cells, and nowhere evenly lit.
    """
    light = luma(overview.pixels)
    is_lit = light > _DARK
    scanned = light[eroded(is_lit, _SCAN_RADIUS)]
    # Anything else is sprinkled on black: no field of view is that small.
    if 2 * scanned.size < np.count_nonzero(is_lit) or 64 * scanned.size < light.size:
        return False
    median, brightest = np.sort(scanned)[[scanned.size // 2, scanned.size * 15 // 16]]
    return bool(median > _LIT_MEDIAN and brightest > _LIT_BRIGHTEST)


def glass_colour(overview: Overview) -> Glass:
    """Return the colour of the slide's glass, or of its brighter half if it shows no glass."""
    found = find_glass(overview)
    if found is not None:
        return found
    light = luma(overview.pixels)
    return _mode(overview.pixels[light >= np.sort(light, axis=None)[light.size // 2]])


def find_glass(overview: Overview) -> Glass | None:
    """Return the colour of the glass: the brightest that many smooth pixels have. None if none is.

    The brightest, not the most frequent: of pale tissue there may be more than of glass.
    """
    light = luma(overview.pixels)
    is_smooth = roughness(light, 1) <= _SMOOTH_DEVIATION**2
    is_smooth &= light >= _DIM_LUMA
    is_white = _in_all_channels(overview.pixels >= _WHITE)
    white = _glass_among(overview, light, is_smooth)
    if white is None or min(white) < _WHITE:
        return white
    scanned = _glass_among(overview, light, is_smooth & ~is_white)
    if scanned is None or max(scanned) - min(scanned) > _SCANNED_TINT:
        return white
    is_narrow = _is_narrow(light[is_smooth & ~is_white], int(luma(np.array(scanned))))
    return scanned if is_narrow else white


def glass_grey(overview: Overview, tissue: Mask) -> int:
    """Return the median grey of what is not tissue; white if no glass shows.

    That is of the glass, or of the white around what was scanned where there is more of it. A
    frame of black is passed over: it would stand out beside all tissue.
    """
    if find_glass(overview) is None:
        return WHITE
    around = overview.pixels[~tissue & ~is_black(overview)]
    if not around.size:
        return WHITE
    # Of one sample for three channels, their mean is the nearest.
    greys = (2 * around.sum(axis=-1, dtype=np.int32) + 3) // 6
    counts = np.bincount(greys, minlength=WHITE + 1)
    return int(np.searchsorted(2 * counts.cumsum(), greys.size))


def is_black(overview: Overview) -> Mask:
    """Return what is black all over, as a frame and unscanned area are: there is no tissue."""
    black = _in_all_channels(overview.pixels <= _BLACK)
    # Grown by whatever was taken at the edges, and by the blur of the edge itself.
    return grown(eroded(black, _BLACK_RADIUS), _BLACK_RADIUS + 2)


def scanned_pixels(overview: Overview, glass: Glass) -> NDArray[np.uint8]:
    """Return the pixels, with the colour of glass in all that was not scanned, black or white.

    Else borders of what was scanned look like the edges of something.
    """
    pixels = overview.pixels.copy()
    pixels[is_black(overview) | _in_all_channels(pixels >= _WHITE)] = glass
    return pixels


def roughness(light: NDArray[np.int32], radius: int) -> NDArray[np.int32]:
    """Return the variance of `light` over the square of `radius`, rounded down."""
    count = (2 * radius + 1) ** 2
    variance = box_sum(light * light, radius)
    variance *= count
    variance -= box_sum(light, radius) ** 2
    variance //= count * count
    return variance


def _glass_among(overview: Overview, light: NDArray[np.int32], where: Mask) -> Glass | None:
    counts = np.bincount(light[where], minlength=256)
    # Beyond white is as much again: half a peak lies there.
    around = box_sum(counts[None], _PEAK_RADIUS)[0]
    enough = np.flatnonzero(around * _PEAK_SHARE >= light.size)
    if not enough.size:
        return None
    peak = int(enough[-1])
    while peak > 0 and around[peak - 1] > around[peak]:
        peak -= 1
    colour = _mode(overview.pixels[where & (abs(light - peak) <= _PEAK_RADIUS)])
    most = _GLASS_TINT if peak >= _GLASS_LUMA else _DIM_TINT
    return colour if max(colour) - min(colour) <= most else None


def _is_narrow(light: NDArray[np.int32], peak: int) -> bool:
    """Return whether most of what lies about the peak is on it."""
    distance = abs(light - peak)
    return bool(2 * np.count_nonzero(distance <= 4) > np.count_nonzero(distance <= 24))


def _in_all_channels(holds: Mask) -> Mask:
    """Return ``holds.all(axis=-1)`` of three channels, ten times as fast."""
    return holds[..., 0] & holds[..., 1] & holds[..., 2]


def _mode(pixels: NDArray[np.uint8]) -> Glass:
    red, green, blue = (int(np.bincount(pixels[:, c], minlength=256).argmax()) for c in range(3))
    return red, green, blue
