"""Reads a tissue mask from a picture that is black where there is glass."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError

from .morphology import Mask
from .overview import Overview

__all__ = ["check_proportions", "picture_tissue", "read_mask"]

# Black comes back from JPEG a little brighter, near edges.
_LOSSY_SUFFIXES = (".jpg", ".jpeg", ".webp")
_LOSSY_BLACK = 48
# By how much a picture's proportions may be wrong: by rounding, or by a hundredth.
_ROUNDING_PX, _TOLERANCE = 1, 100


def picture_tissue(overview: Overview, path: Path) -> Mask:
    """Return the tissue mask that a picture shows: all that is not black is tissue.

    Parameters
    ----------
    overview : Overview
        Whose pixels the mask is to have; a pixel is tissue if anything under it is.
    path : Path
        PNG, TIFF, BMP, or another kind that imagecodecs reads; of any size, in the proportions of
        the slide. Transparency is passed over.

    Raises
    ------
    ConfigError
        If the picture does not open, or is of another shape than the slide, or all black.
    """
    if not path.exists():
        raise ConfigError(
            f"tissue is {str(path)!r}: it must be threshold, network, or a picture, and there is "
            "no such file"
        )
    tissue = read_mask(path, "tissue")
    check_proportions(str(path), tissue.shape, overview.slide_shape, "tissue")
    if not tissue.any():
        raise ConfigError(f"{path} is black all over: black is glass, and tissue is what is not")
    for axis, size in enumerate(overview.shape):
        tissue = _any_under(tissue, size, axis)
    return tissue


def check_proportions(
    name: str, shape: tuple[int, ...], slide_shape: tuple[int, int], what: str
) -> None:
    """Refuse a mask of a part of the slide, or of another one.

    Raises
    ------
    ConfigError
        If its proportions are not those of the slide.
    """
    (rows, columns), (height, width) = shape, slide_shape
    off = abs(rows * width - columns * height)
    if off > max(_ROUNDING_PX * (height + width), rows * width // _TOLERANCE):
        raise ConfigError(
            f"{name} has {rows} x {columns} pixels and the slide {height} x {width} (height x "
            f"width): draw the {what} mask over a picture of the whole slide, in its proportions"
        )


def read_mask(path: Path, what: str) -> Mask:
    """Return what is not black in a picture.

    Raises
    ------
    ConfigError
        If it does not open, or holds more than one flat picture; `what` it shows is named.
    """
    import imagecodecs

    try:
        pixels: NDArray[np.generic] = imagecodecs.imread(path)
    except Exception as exc:  # every codec raises its own
        # All of them together, when none can read it, are no help.
        raise ConfigError(
            f"{path} does not open as a picture of the {what}: save it as a PNG"
        ) from exc
    if pixels.ndim == 3:
        samples = pixels.shape[2]
        pixels = pixels[..., : samples - 1 if samples in (2, 4) else samples].max(axis=-1)
    if pixels.ndim != 2 or not pixels.size:
        raise ConfigError(f"{path} has shape {pixels.shape}; a mask is one flat picture")
    black = _LOSSY_BLACK if path.suffix.lower() in _LOSSY_SUFFIXES else 0
    tissue: Mask = pixels > np.array(black).astype(pixels.dtype)
    return tissue


def _any_under(mask: Mask, size: int, axis: int) -> Mask:
    """Return `mask` with `size` pixels along `axis`: each is True if anything under it is."""
    have = mask.shape[axis]
    first = np.arange(size, dtype=np.int64) * have // size
    end = np.maximum(-(-np.arange(1, size + 1, dtype=np.int64) * have // size), first + 1)
    padding = [(0, 0), (0, 0)]
    padding[axis] = (0, 1)
    bounds = np.stack([first, end], axis=1).ravel()
    # The ranges between one's end and the next's start are of no interest.
    reduced = np.logical_or.reduceat(np.pad(mask, padding), bounds, axis=axis)
    return reduced[::2] if axis == 0 else reduced[:, ::2]
