"""Choose the colour transform of an exact chunk: the one that takes fewest bytes.

What a JPEG decoder made are few of all colours: a quarter of what lies between them. Whole numbers
of Y, Cb and Cr say which, and Cb and Cr are smooth.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.exact.dec_colours import COLOURS, jpeg_to_rgb
from numcodecs_neural.exact.dec_values import HEAD, JPEG, LUMA, Values
from numcodecs_neural.exact.enc_stream import encode_levels
from numcodecs_neural.exact.enc_values import even_values_of, levels_of, values_of
from numcodecs_neural.exact.model import ExactModel
from numcodecs_neural.exact.planes import Settings
from numcodecs_neural.jpeg.pixels.arithmetic import LEVEL

__all__ = ["Leveled", "jpeg_levels_of", "leveled", "luma_levels_of"]

_PATCH = 64
"""Four patches of so many rows and columns tell which terms are best."""

_LOOKED_AT = 2048
"""So many pixels, spread over the chunk, tell what cannot have been JPEG."""
_COMMON = 0.6

_NEAR = (0, 1, -1, 2, -2)
"""By how much Y may differ from what red, green and blue tell."""
_FAR = tuple(sorted(range(-40, 41), key=abs))
"""The same, where red or blue were too large or too small for 8 bits."""

_LARGEST_LUMA = (1 << 15) - 1
"""The highest level of which two times fit 16 bits."""


class Leveled(NamedTuple):
    """Samples as levels.

    Parameters
    ----------
    values : Values
        What they stand for.
    head : bytes
        The same, as a reader takes it.
    levels : ndarray, shape (n, C, H, W)
    """

    values: Values
    head: bytes
    levels: NDArray[np.uint16]

    @property
    def settings(self) -> Settings:
        """What the predictor needs to know of them."""
        return Settings(self.values.most, self.values.error)


def leveled(samples: NDArray[Any], max_error: int, model: ExactModel) -> Leveled:
    """Return the levels of planes (n, C, H, W).

    With a bound other than 0 colours stay what they are: an error in other terms would grow.
    """
    values, head = values_of(samples, max_error)
    plain = Leveled(values, head, levels_of(samples, values))
    if max_error or samples.shape[1] != COLOURS:
        return plain
    found = [plain, *_coloured(samples)]
    return min(found, key=lambda some: _cost(some, model)) if len(found) > 1 else plain


def _coloured(samples: NDArray[Any]) -> Iterator[Leveled]:
    jpeg = jpeg_levels_of(samples) if samples.dtype == np.uint8 else None
    if jpeg is not None:
        table = np.arange(256, dtype=np.uint8)
        values = Values(kind=JPEG, table=table, error=0)
        yield Leveled(values, HEAD.pack(JPEG, 0, 1, 255, 0), jpeg)
        return
    table, step = even_values_of(samples)
    most = len(table) - 1
    if most <= _LARGEST_LUMA:
        values = Values(kind=LUMA, table=table, error=0)
        head = HEAD.pack(LUMA, int(table[0]), step, 2 * most, 0)
        yield Leveled(values, head, luma_levels_of(levels_of(samples, values), most))


def _cost(some: Leveled, model: ExactModel) -> int:
    """Return how many bytes patches of the levels take."""
    n, _, height, width = some.levels.shape
    rows, columns = (_patches_of(size) for size in (height, width))
    patches = some.levels[n // 2 : n // 2 + 1][:, :, rows][..., columns]
    patches = np.ascontiguousarray(patches)
    return len(encode_levels(patches, some.settings, model, weighs=False))


def _patches_of(size: int) -> NDArray[np.int64]:
    """Return the indices of two patches at the thirds of an axis, or all of a short one."""
    if size <= 2 * _PATCH:
        return np.arange(size)
    starts = (size // 3 - _PATCH // 2, size - size // 3 - _PATCH // 2)
    return np.concatenate([np.arange(start, start + _PATCH) for start in starts])


def luma_levels_of(levels: NDArray[np.uint16], most: int) -> NDArray[np.uint16]:
    """Return the levels of which `luma_to_rgb` makes these of red, green and blue."""
    red, green, blue = (levels[:, i].astype(np.int32) for i in range(COLOURS))
    orange = red - blue
    middle = blue + (orange >> 1)
    difference = green - middle
    found = [orange + most, middle + (difference >> 1), difference + most]
    return np.stack(found, 1).astype(np.uint16)


# --- what JPEG decoders made ----------------------------------------------------------------------


def jpeg_levels_of(samples: NDArray[np.uint8]) -> NDArray[np.uint16] | None:
    """Return the levels of which `jpeg_to_rgb` makes samples (n, 3, H, W).

    None where there are none, and so no JPEG decoder made the samples last.
    """
    rgb = np.ascontiguousarray(np.moveaxis(samples, 1, 0)).reshape(COLOURS, -1)
    some = rgb[:, :: max(1, rgb.shape[1] // _LOOKED_AT)]
    if _search(some, _NEAR, _chroma)[1].mean() < _COMMON:
        return None
    levels, is_found = _search(rgb, _NEAR, _chroma)
    missing = np.flatnonzero(~is_found)
    if len(missing):
        levels[:, missing], are_found = _search(rgb[:, missing], _FAR, _chroma_beyond)
        if not are_found.all():
            return None
    n, _, height, width = samples.shape
    planes = levels.reshape(COLOURS, n, height, width)
    return np.ascontiguousarray(np.moveaxis(planes, 1, 0))


_Pixels = NDArray[np.int32]
_Floats = NDArray[np.float64]


def _search(
    rgb: NDArray[np.uint8],
    offsets: tuple[int, ...],
    chroma: Callable[[_Pixels, _Pixels], tuple[_Floats, _Floats]],
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Return Cr, Y and Cb of pixels (3, N), and which of these are right."""
    levels = np.full(rgb.shape, LEVEL, np.uint16)
    missing = np.arange(rgb.shape[1])
    for offset in offsets:
        pixels = rgb[:, missing].astype(np.int32)
        red, green, blue = pixels
        luma = ((19595 * red + 38470 * green + 7471 * blue + (1 << 15)) >> 16) + offset
        cr, cb = chroma(pixels, luma)
        tried = np.stack([np.rint(cr) + LEVEL, luma, np.rint(cb) + LEVEL])
        tried = np.clip(tried, 0, 255).astype(np.uint16)
        is_right = np.all(jpeg_to_rgb(tried[None])[0] == pixels, axis=0)
        levels[:, missing[is_right]] = tried[:, is_right]
        missing = missing[~is_right]
        if not len(missing):
            break
    is_found = np.ones(rgb.shape[1], np.bool_)
    is_found[missing] = False
    return levels, is_found


def _chroma(rgb: _Pixels, luma: _Pixels) -> tuple[_Floats, _Floats]:
    """Return Cr and Cb that tell red and blue, if a Y is right."""
    return (rgb[0] - luma) / 1.402, (rgb[2] - luma) / 1.772


def _chroma_beyond(rgb: _Pixels, luma: _Pixels) -> tuple[_Floats, _Floats]:
    """Return the same where red and blue that are 0 or 255 may have been beyond that.

    The chroma of such a channel follows from green and the other one; if both are so, that of blue.
    """
    cr, cb = _chroma(rgb, luma)
    red, blue = ((channel == 0) | (channel == 255) for channel in rgb[::2])
    of_red = (luma - rgb[1] - 0.34414 * cb) / 0.71414
    of_blue = (luma - rgb[1] - 0.71414 * np.rint(cr)) / 0.34414
    return np.where(red & ~blue, of_red, cr), np.where(blue, of_blue, cb)
