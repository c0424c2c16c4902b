"""Properties: what a store tells of a slide, under the names that OpenSlide uses."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from numcodecs_neural.omezarr.coverage import in_grid_of_chunks, is_stored
from numcodecs_neural.omezarr.lost_files import coverage_of
from numcodecs_neural.omezarr.opened import OpenedImage
from numcodecs_neural.reading.reader import ImageReader

from .base import slide_errors
from .pyramid import Pyramid

__all__ = ["DIGEST", "VENDOR", "SlideProperties"]

VENDOR = "ome-zarr"
DIGEST = "ome-zarr.digest"
_VENDORS_BY_FIRST_WORD = {"Aperio": "aperio"}
_DIGEST_PX = 512


class SlideProperties(Mapping[str, str]):
    """Properties by their name, all of them text; the digest is computed when it is asked for.

    Parameters
    ----------
    reader : ImageReader
    pyramid : Pyramid
    associated : dict
        (width, height) of each picture beside the slide, by its name.
    icc_profile : bytes, optional
    """

    def __init__(
        self,
        reader: ImageReader,
        pyramid: Pyramid,
        associated: Mapping[str, tuple[int, int]],
        icc_profile: bytes | None,
    ) -> None:
        self._reader, self._pyramid = reader, pyramid
        self._values = {
            "openslide.vendor": VENDOR,
            **_of_levels(reader, pyramid),
            **_of_pixels(reader.image),
            **_of_glass(reader.image),
            **_of_description(reader.image.block.get("image_description")),
            **_of_pictures(associated, icc_profile),
        }

    def __getitem__(self, name: str) -> str:
        if name == DIGEST:
            return self._digest()
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*self._values, DIGEST))

    def __len__(self) -> int:
        return len(self._values) + 1

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"

    def _digest(self) -> str:
        """Return a SHA-256 of the sizes of levels, and of the corner of the smallest."""
        last = len(self._pyramid.dimensions) - 1
        corner = slice(0, _DIGEST_PX)
        selection = tuple(
            corner if axis in "yx" else slice(None) if axis == "c" else 0
            for axis in self._reader.image.metadata.axes
        )
        digest = hashlib.sha256(repr(self._pyramid.dimensions).encode())
        with slide_errors():
            digest.update(np.ascontiguousarray(self._reader.read(last, selection)).tobytes())
        return digest.hexdigest()


def _of_levels(reader: ImageReader, pyramid: Pyramid) -> dict[str, str]:
    found = {"openslide.level-count": str(len(pyramid.dimensions))}
    levels = zip(pyramid.dimensions, pyramid.downsamples, reader.levels, strict=True)
    for n, ((width, height), downsample, level) in enumerate(levels):
        found |= {
            f"openslide.level[{n}].downsample": _number(downsample),
            f"openslide.level[{n}].height": str(height),
            f"openslide.level[{n}].tile-height": str(level.sides[-2]),
            f"openslide.level[{n}].tile-width": str(level.sides[-1]),
            f"openslide.level[{n}].width": str(width),
        }
    return found


def _of_pixels(image: OpenedImage) -> dict[str, str]:
    found = {}
    if image.metadata.mpp is not None:
        y, x = image.metadata.mpp
        found = {"openslide.mpp-x": _number(x), "openslide.mpp-y": _number(y)}
    power = image.block.get("magnification")
    if isinstance(power, int | float):
        found["openslide.objective-power"] = _number(float(power))
    return found


def _of_glass(image: OpenedImage) -> dict[str, str]:
    """Return the colour of glass that is not stored, and the box around what is."""
    glass = image.block.get("glass")
    value = glass.get("fill_value") if isinstance(glass, dict) else None
    coverage = coverage_of(image, 0)
    array: Any = image.levels[0]
    chunks = None if coverage is None else in_grid_of_chunks(array, coverage)
    if chunks is None or is_stored(chunks).all() or not is_stored(chunks).any():
        return {}
    found = {}
    if isinstance(value, int) and 0 <= value <= 255 and image.dtype == np.uint8:
        found["openslide.background-color"] = f"{value:02X}" * 3
    rows_columns = np.argwhere(is_stored(chunks))[:, -2:]
    (top, left), (bottom, right) = rows_columns.min(axis=0), rows_columns.max(axis=0) + 1
    side_y, side_x = array.chunks[-2:]
    height, width = array.shape[-2:]
    return found | {
        "openslide.bounds-x": str(left * side_x),
        "openslide.bounds-y": str(top * side_y),
        "openslide.bounds-width": str(min(right * side_x, width) - left * side_x),
        "openslide.bounds-height": str(min(bottom * side_y, height) - top * side_y),
    }


def _of_description(description: object) -> dict[str, str]:
    """Return the scanner's text, which was kept without what names people, and its fields."""
    if not isinstance(description, str):
        return {}
    found = {"openslide.comment": description}
    vendor = _VENDORS_BY_FIRST_WORD.get(description.partition(" ")[0])
    if vendor is None:
        return found
    fields = (field.partition("=") for field in description.split("|")[1:] if "=" in field)
    return found | {f"{vendor}.{name.strip()}": value.strip() for name, _, value in fields}


def _of_pictures(
    associated: Mapping[str, tuple[int, int]], icc_profile: bytes | None
) -> dict[str, str]:
    found = {} if icc_profile is None else {"openslide.icc-size": str(len(icc_profile))}
    for name, (width, height) in associated.items():
        found[f"openslide.associated.{name}.width"] = str(width)
        found[f"openslide.associated.{name}.height"] = str(height)
    return found


def _number(value: float) -> str:
    """Return a number as OpenSlide writes it: with as many digits as tell it from all others."""
    return f"{value:.17g}"
