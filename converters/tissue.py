"""The tissue mask of a slide: a threshold on a small level, in integers.

Integers, so that the mask, and with it what is stored, is the same on every machine.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .downsample import halve_pixels, to_pixels
from .geometry import Region
from .sources import SlideSource

__all__ = ["Overview", "box_sum", "find_tissue", "glass_colour", "is_bright_field", "read_overview"]

# An overview's pixel is at least 8 x 8 of level 0, so that cells are small in it whatever the
# slide, and as many more as make its longest side at most 2048.
OVERVIEW_DOWNSAMPLE = 8
OVERVIEW_PX = 2048
_BAND_PX = 1024

# Bright-field slides are lit: what was scanned at all is grey or brighter in the middle.
_BLACK = 16
_BRIGHT_MEDIAN = 90

# A pixel is tissue if one of these holds, against the colour of the glass, in grey levels.
_DARKER_BY = 28
_MORE_COLOURED_BY = 40
# Standard deviation; three times the slide's own noise, but within these bounds.
_ROUGHER_THAN = (6, 12)
# Dust, after the 5 x 5 pixels over which roughness is measured: so few of 11 x 11 pixels.
_SPECK_RADIUS, _SPECK = 5, 40
# Whatever is most frequent in a slide without glass is darker or more coloured than this.
_GLASS_LUMA, _GLASS_TINT = 180, 50


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """A small picture of the whole slide.

    Parameters
    ----------
    pixels : ndarray
        Shape (height, width, 3), uint8.
    slide_shape : tuple of int
        Height and width of level 0, which the picture covers.
    """

    pixels: NDArray[np.uint8]
    slide_shape: tuple[int, int]

    @property
    def downsample(self) -> float:
        """Pixels of level 0 along one pixel of the picture."""
        return float(max(self.slide_shape) / max(self.pixels.shape[:2]))


def read_overview(source: SlideSource) -> Overview:
    """Read a small picture of the slide, from the smallest level of `source` that is large enough.

    A slide without small levels is read once for this, band by band.
    """
    shapes = source.info.level_shapes
    wanted = min(OVERVIEW_PX, max(shapes[0]) // OVERVIEW_DOWNSAMPLE)
    enough = [n for n, shape in enumerate(shapes) if 2 * max(shape) > wanted]
    level = max(enough, key=lambda n: -max(shapes[n]))
    height, width = shapes[level]
    halvings = max(0, (max(height, width) // max(wanted, 1)).bit_length() - 1)
    # Whole groups of pixels in every band, however often it is halved.
    band_px = max(_BAND_PX, 1 << halvings)
    bands = [
        _reduced(source.read_region(Region(y, 0, min(band_px, height - y), width), level), halvings)
        for y in range(0, height, band_px)
    ]
    return Overview(np.concatenate(bands), source.info.shape)


def is_bright_field(overview: Overview) -> bool:
    """Return whether the slide was lit from behind; fluorescence is not."""
    luma = _luma(overview.pixels)
    scanned = luma[luma > _BLACK]
    return scanned.size * 10 > luma.size and bool(np.median(scanned) > _BRIGHT_MEDIAN)


def glass_colour(overview: Overview) -> tuple[int, int, int]:
    """Return the most frequent colour among the brighter half of the pixels, channel by channel."""
    luma = _luma(overview.pixels)
    bright = overview.pixels[luma >= np.median(luma)]
    red, green, blue = (int(np.bincount(bright[:, c], minlength=256).argmax()) for c in range(3))
    return red, green, blue


def find_tissue(overview: Overview) -> NDArray[np.bool_]:
    """Return the tissue mask, in the overview's pixels: True where there is specimen.

    Tissue is what is darker than the glass, more coloured, or rougher than glass ever is; single
    specks are dust. In doubt it is tissue: what is called glass by mistake is lost. A slide that
    shows no glass is all tissue.
    """
    glass = np.array(glass_colour(overview), np.int64)
    glass_luma = int(_luma(glass[None, None])[0, 0])
    if glass_luma < _GLASS_LUMA or np.ptp(glass) > _GLASS_TINT:
        return np.ones(overview.pixels.shape[:2], bool)
    smooth = box_sum(overview.pixels.astype(np.int64), 1) // 9
    is_darker = _luma(smooth) < glass_luma - _DARKER_BY
    mask = is_darker | _is_coloured(smooth, glass) | _is_rough(_luma(overview.pixels))
    return mask & (box_sum(mask.astype(np.int64), _SPECK_RADIUS) > _SPECK)


def box_sum(values: NDArray[np.int64], radius: int) -> NDArray[np.int64]:
    """Return the sum over the square of `radius` around each pixel; borders are repeated."""
    pad = [(radius + 1, radius)] * 2 + [(0, 0)] * (values.ndim - 2)
    total = np.pad(values, pad, mode="edge").cumsum(0).cumsum(1)
    side = 2 * radius + 1
    columns: NDArray[np.int64] = total[:, side:] - total[:, :-side]
    return columns[side:] - columns[:-side]


def _reduced(pixels: NDArray[np.uint8], halvings: int) -> NDArray[np.uint8]:
    planes = np.moveaxis(pixels, -1, 0)
    for _ in range(halvings):
        planes = to_pixels(halve_pixels(planes))
    return np.moveaxis(planes, 0, -1)


def _luma(pixels: NDArray[np.integer]) -> NDArray[np.int64]:
    red, green, blue = (pixels[..., c].astype(np.int64) for c in range(3))
    return (77 * red + 150 * green + 29 * blue) >> 8


def _is_coloured(pixels: NDArray[np.int64], glass: NDArray[np.int64]) -> NDArray[np.bool_]:
    # Against green, which both haematoxylin and eosin take away; the glass may have a tint itself.
    tint = pixels - pixels[..., 1:2]
    difference = np.abs(tint - (glass - glass[1])).max(axis=-1)
    is_coloured: NDArray[np.bool_] = difference > _MORE_COLOURED_BY
    return is_coloured


def _is_rough(luma: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where the standard deviation over 5 x 5 pixels is above the glass's own."""
    count = 25
    variance = count * box_sum(luma * luma, 2) - box_sum(luma, 2) ** 2
    # At least a quarter of a slide is glass or as smooth, and its camera noise is not texture.
    noise = int(np.sort(variance, axis=None)[variance.size // 4])
    low, high = (deviation**2 * count**2 for deviation in _ROUGHER_THAN)
    is_rough: NDArray[np.bool_] = variance > min(max(low, 9 * noise), high)
    return is_rough
