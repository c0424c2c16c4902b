"""Overlays of a store: its tissue mask, and how many bits each chunk takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.converters.report.chunk_map import map_chunks
from numcodecs_neural.converters.report.pictures import coloured
from numcodecs_neural.converters.report.stored_slide import StoredSlide, open_stored
from numcodecs_neural.omezarr.store import OPEN_ERRORS

from .png import png

__all__ = ["Overlay", "overlays_of"]

_MASK_PX = 2048
_TISSUE = (0, 120, 255, 90)
_OPACITY = 170
# Of a chunk in the picture: browsers smooth what they enlarge.
_CHUNK_PX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A picture to be laid over a slide.

    Parameters
    ----------
    picture : bytes
        A PNG file.
    width : float
        Of the picture, in widths of the slide; the corner of both is the same.
    legend : dict
        What its colours mean, as values of JSON.
    """

    picture: bytes
    width: float
    legend: dict[str, Any]


def overlays_of(path: Path) -> dict[str, Overlay]:
    """Return the overlays of a store by name; none of a slide that this package did not write."""
    try:
        with open_stored(str(path)) as stored:
            found = {"bits": _bits(stored)}
            return {**found, "tissue": _tissue(stored)} if stored.has_mask else found
    except OPEN_ERRORS:
        return {}


def _tissue(stored: StoredSlide) -> Overlay:
    mask = stored.small_mask(_MASK_PX)
    picture = np.zeros((*mask.shape, 4), np.uint8)
    picture[mask] = _TISSUE
    return Overlay(picture=png(picture), width=1.0, legend={})


def _bits(stored: StoredSlide) -> Overlay:
    chunks = map_chunks(stored)
    grid = stored.grids[0]
    known = chunks.bpp[np.isfinite(chunks.bpp)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    picture: NDArray[np.uint8] = coloured((chunks.bpp - low) / max(high - low, 1e-9))
    picture[..., 3] = np.where(picture[..., 3] > 0, _OPACITY, 0)
    picture = picture.repeat(_CHUNK_PX, axis=0).repeat(_CHUNK_PX, axis=1)
    return Overlay(
        picture=png(picture),
        width=chunks.bpp.shape[1] * grid.chunk_px / grid.width,
        legend={"low": round(low, 3), "high": round(high, 3), "unit": "bits per pixel"},
    )
