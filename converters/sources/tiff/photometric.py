"""Photometric: interpretation of TIFF samples as RGB or grey levels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

from ..codestreams import is_plain_ycc
from .file import first_tile

__all__ = ["JPEGS", "Photometric", "photometric_of"]

JPEGS = frozenset({6, 7, 33007, 34892})
_APERIO_YCC = 33003
_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
# Whose colour maps are for display only.
_PSEUDO_COLOUR = ("imagej", "ome")

Convert = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Photometric:
    """What to make of the samples of a pixel.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the samples, once they are converted.
    is_rgb : bool
        Whether several samples of a pixel are red, green and blue; otherwise each is a channel.
    significant_bits : int, optional
        Bits of a sample that are used, where they are fewer than it has.
    convert : callable, optional
        From stored samples (h, w, samples) to those that are meant; None if they are the same.
    is_mapped : bool
        Whether `convert` makes three samples of one.
    """

    dtype: np.dtype[Any]
    is_rgb: bool
    significant_bits: int | None = None
    convert: Convert | None = None
    is_mapped: bool = False


def photometric_of(series: Any, path: Path) -> Photometric:
    """Return what the samples of a series stand for.

    Raises
    ------
    SourceError
        If they are of a kind that is not read: single bits, complex numbers, CMYK and the like.
    """
    keyframe = series.keyframe
    _check_samples(keyframe, path)
    # By its name: of two types of 64 bits that are alike to numpy, zarr knows one.
    dtype = np.dtype(np.dtype(series.dtype).name)
    photometric, bits = int(keyframe.photometric), _bits(keyframe)
    kind: dict[str, Any] = {
        "dtype": dtype,
        "is_rgb": False,
        "significant_bits": bits if bits < 8 * dtype.itemsize else None,
    }
    if photometric in (_RGB, _YCBCR):
        # ImageJ knows RGB of 8 bits only: what it writes as RGB of 16 bits are three channels.
        kind["is_rgb"] = series.kind != "imagej" or dtype.itemsize == 1
        if keyframe.compression == _APERIO_YCC and is_plain_ycc(first_tile(keyframe)):
            kind["convert"] = _ycc_to_rgb
    elif photometric == _MINISWHITE:
        kind["convert"] = _inverter(dtype, bits, path)
    elif photometric == _PALETTE and series.kind not in _PSEUDO_COLOUR:
        kind |= _palette(keyframe.colormap, path)
    return Photometric(**kind)


def _check_samples(keyframe: Any, path: Path) -> None:
    dtype, photometric = keyframe.dtype, int(keyframe.photometric)
    name = str(getattr(keyframe.photometric, "name", photometric)).lower()
    if dtype is None or np.dtype(dtype).kind not in "buif":
        what = dtype if dtype is not None else f"{keyframe.bitspersample} bits of unknown format"
        raise SourceError(f"{path} has samples of {what}; integers and floats are read")
    if np.dtype(dtype).kind == "b" or _bits(keyframe) == 1:
        raise SourceError(
            f"{path} is a picture of single bits, black or white: save it with 8 bits a sample"
        )
    if photometric not in (_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _YCBCR):
        raise SourceError(f"{path} has colours of the kind {name}: save it as RGB")
    if photometric == _YCBCR and keyframe.compression not in JPEGS | {_APERIO_YCC}:
        raise SourceError(f"{path} has YCbCr colours that are not in JPEG: save it as RGB")


def _bits(keyframe: Any) -> int:
    bits = keyframe.bitspersample
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _inverter(dtype: np.dtype[Any], bits: int, path: Path) -> Convert:
    """Return what turns a picture whose zeros are white into one whose zeros are black."""
    if dtype.kind != "u":
        raise SourceError(
            f"{path} has white for 0 and samples of {dtype}: save it with black for 0"
        )
    white = dtype.type((1 << bits) - 1)
    return lambda pixels: white - pixels


def _palette(colormap: NDArray[np.uint16] | None, path: Path) -> dict[str, Any]:
    """Return how indices into a colour map are understood.

    A map of rising greys, which some microscopes write, means nothing: the indices are the grey
    levels. All else becomes RGB of 8 bits.
    """
    if colormap is None:
        raise SourceError(f"{path} has a palette of no colours: save it as RGB")
    colors = np.moveaxis(colormap, 0, -1).astype(np.int64)
    if (colors == colors[:, :1]).all() and (np.diff(colors[:, 0]) > 0).all():
        return {}
    # 16 bits by the standard, and 8 by many writers.
    table = (colors >> 8 if colors.max() > 255 else colors).astype(np.uint8)
    return {
        "dtype": np.dtype(np.uint8),
        "is_rgb": True,
        "significant_bits": None,
        "convert": lambda pixels: table[np.minimum(pixels[..., 0], len(table) - 1)],
        "is_mapped": True,
    }


def _ycc_to_rgb(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return RGB of full-range YCbCr, as JFIF defines it."""
    y, cb, cr = (pixels[..., n].astype(np.float32) for n in range(3))
    cb, cr = cb - 128, cr - 128
    rgb = (y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb)
    return np.stack(rgb, axis=-1).round().clip(0, 255).astype(pixels.dtype)
