"""Pictures made of samples, masks and numbers, and their PNG and JPEG files."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.downsample import reduced_dtype

__all__ = [
    "COLOUR_MAP",
    "DisplayRange",
    "Picture",
    "as_jpeg",
    "as_png",
    "blended",
    "coloured",
    "displayed",
    "hatched",
    "outlined",
    "reduced_by",
    "resampled",
]

# Dark to bright through blue and green, so that it reads without colours too (viridis).
COLOUR_MAP = (
    *((68, 1, 84), (72, 40, 120), (62, 73, 137), (49, 104, 142), (38, 130, 142)),
    *((31, 158, 137), (53, 183, 121), (110, 206, 88), (181, 222, 43), (253, 231, 37)),
)
_HATCH_PX = 8
_JPEG_LEVEL = 88

# The darkest and the brightest sample of a channel as it is shown.
DisplayRange = tuple[float, float]
Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def displayed(pixels: NDArray[Any], display_range: DisplayRange) -> Picture:
    """Return samples of any dtype as a viewer shows them: the display range from 0 to 255.

    Grey pixels (h, w, 1) become (h, w).

    Examples
    --------
    >>> displayed(np.array([90, 100, 150, 300], np.uint16), (100, 200))
    array([  0,   0, 128, 255], dtype=uint8)
    """
    low, high = display_range
    scaled = (pixels.astype(np.float64) - low) * 255 / max(high - low, 1e-12)
    picture = np.rint(np.clip(np.nan_to_num(scaled), 0, 255)).astype(np.uint8)
    return picture[..., 0] if picture.ndim == 3 and picture.shape[-1] == 1 else picture


def reduced_by(pixels: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Return pixels (h, w, c) reduced by area average; what is left at an edge is averaged alone.

    Examples
    --------
    >>> reduced_by(np.array([[[1], [3], [8]]], np.uint8), 2).tolist()
    [[[2.0], [8.0]]]
    """
    height, width = pixels.shape[:2]
    rows, columns = np.arange(0, height, factor), np.arange(0, width, factor)
    wide = np.float64 if reduced_dtype(pixels.dtype).kind == "f" else np.int64
    total = np.add.reduceat(pixels.astype(wide, copy=False), rows, axis=0)
    total = np.add.reduceat(total, columns, axis=1)
    counts = np.outer(
        np.minimum(factor, height - rows), np.minimum(factor, width - columns)
    ).astype(np.float64)
    return (total / counts[..., None]).astype(np.float32)


def resampled(mask: Mask, shape: tuple[int, int]) -> Mask:
    """Return a mask at another size: what is under each pixel's centre."""
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new)
        for new, old in zip(shape, mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def outlined(mask: Mask, width: int = 2) -> Mask:
    """Return the outermost pixels of a mask; where it is cut by the edge there are none.

    Examples
    --------
    >>> outlined(np.array([[0, 1, 1, 1, 0]], bool), width=1).astype(int)
    array([[0, 1, 0, 1, 0]])
    """
    inner = mask
    for _ in range(width):
        padded = np.pad(inner, 1, mode="edge")
        inner = inner & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner


def hatched(mask: Mask) -> Mask:
    """Return diagonal lines, where the mask is."""
    rows, columns = (np.arange(size) for size in mask.shape)
    lines: Mask = (rows[:, None] + columns) % _HATCH_PX < 2
    return mask & lines


def blended(picture: Picture, mask: Mask, colour: tuple[int, int, int], opacity: float) -> Picture:
    """Return a picture (h, w, 3) with a colour over it, where the mask is."""
    mixed = picture[mask] * (1 - opacity) + np.array(colour) * opacity
    result = picture.copy()
    result[mask] = np.rint(mixed).astype(np.uint8)
    return result


def coloured(values: NDArray[np.floating]) -> Picture:
    """Return numbers of 0 to 1 as colours, (..., 4); those that are none are transparent.

    Examples
    --------
    >>> coloured(np.array([0.0, 1.0, np.nan])).tolist()
    [[68, 1, 84, 255], [253, 231, 37, 255], [0, 0, 0, 0]]
    """
    anchors = np.array(COLOUR_MAP, np.float64)
    steps = np.linspace(0, 1, len(anchors))
    is_known = np.isfinite(values)
    colours = np.zeros((*values.shape, 4), np.uint8)
    for channel in range(3):
        mixed = np.interp(values[is_known], steps, anchors[:, channel])
        colours[is_known, channel] = np.rint(mixed).astype(np.uint8)
    colours[is_known, 3] = 255
    return colours


def as_jpeg(picture: Picture) -> bytes:
    """Return a picture, (h, w, 3) or (h, w), as a JPEG file: for what is only an overview."""
    import imagecodecs

    content = np.ascontiguousarray(picture)
    sampling = "444" if picture.ndim == 3 else None
    return bytes(imagecodecs.jpeg8_encode(content, level=_JPEG_LEVEL, subsampling=sampling))


def as_png(picture: Picture) -> bytes:
    """Return a picture, (h, w), (h, w, 3) or (h, w, 4), as a PNG file: every pixel as it is."""
    import imagecodecs

    return bytes(imagecodecs.png_encode(np.ascontiguousarray(picture), level=6))
