"""Open an image of an OME-Zarr store: its arrays, its metadata, and what is kept beside them."""

from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.folder import is_url
from numcodecs_neural.files.reasons import reason_of
from numcodecs_neural.files.series import check_series

from .images import ImagePlace, find_images
from .levels import open_levels
from .metadata import OmeZarrImage, image_of, ome_attributes
from .store import OPEN_ERRORS, ZarrFiles

__all__ = ["OpenedImage", "open_image", "open_omezarr"]

# Of stores that this package wrote.
_BLOCK = "numcodecs_neural"
# What it is known to say, by the type of each value; others wrote what is of another type.
_NOTED: dict[str, Any] = {
    "extras": dict,
    "glass": dict,
    "image_description": str,
    "levels": list,
    "magnification": int | float,
    "software": str,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedImage:
    """One image.

    Parameters
    ----------
    files : ZarrFiles
        The store that it is in.
    group : zarr.Group
        That holds it.
    attributes : dict
        Of the group.
    metadata : OmeZarrImage
        What they say.
    paths : tuple of str
        Of the arrays, from the root.
    levels : tuple of zarr.Array
        The arrays that are levels.
    series_count : int
        How many images the store has.
    """

    files: ZarrFiles
    group: zarr.Group
    attributes: dict[str, Any]
    metadata: OmeZarrImage
    paths: tuple[str, ...]
    levels: tuple[Any, ...]
    series_count: int = 1

    @property
    def shape(self) -> dict[str, int]:
        """Length of each axis of level 0."""
        return dict(zip(self.metadata.axes, self.levels[0].shape, strict=True))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the samples, in the byte order of this machine."""
        dtype: np.dtype[Any] = self.levels[0].dtype
        return dtype.newbyteorder("=")

    @property
    def is_rgb(self) -> bool:
        """Whether its channels are red, green and blue."""
        return self.metadata.is_color and self.shape.get("c") == 3 and self.dtype == np.uint8

    @property
    def levels_of_all_planes(self) -> tuple[Any, ...]:
        """The levels, from the finest on, that have as many planes and times as the finest."""
        leading = self.levels[0].shape[:-2]
        return tuple(takewhile(lambda level: level.shape[:-2] == leading, self.levels))

    @property
    def block(self) -> dict[str, Any]:
        """What this package noted of the image when it wrote it; empty if another did."""
        found = self.attributes.get(_BLOCK)
        if not isinstance(found, dict):
            return {}
        return {
            key: value for key, value in found.items() if isinstance(value, _NOTED.get(key, object))
        }

    def noted(self, level: int) -> dict[str, Any]:
        """Return what this package noted of a level when it wrote the image; empty if nothing."""
        levels = self.block.get("levels")
        noted = levels[level] if isinstance(levels, list) and level < len(levels) else None
        return noted if isinstance(noted, dict) else {}

    @property
    def extras(self) -> dict[str, str]:
        """Where what this package keeps beside the image is, by its name: paths in the group."""
        found = self.block.get("extras") or {}
        return {name: place for name, place in found.items() if isinstance(place, str)}

    def extra(self, name: str) -> NDArray[np.uint8] | None:
        """Return an array that this package keeps beside an image: a label, a colour profile."""
        place = self.extras.get(name)
        if place is None:
            return None
        array: Any = self.group[place]
        return np.asarray(array[:] if isinstance(array, zarr.Array) else array["0"][:])

    def own_array(self, name: str) -> NDArray[Any] | None:
        """Return the values of an array that this package keeps beside the images it writes."""
        found: Any = self.group.get(name) if self.block else None
        return np.asarray(found[...]) if isinstance(found, zarr.Array) else None

    def close(self) -> None:
        """Close the store."""
        self.files.close()


def open_omezarr(location: str | Path, *, series: int = 0) -> OpenedImage:
    """Open an image of a store to be read; the caller closes it.

    Parameters
    ----------
    location : str or Path
        A folder, a zip (``.ozx``), or a URL.
    series : int
        Which image, where the store holds several.

    Raises
    ------
    SourceError
        If it is no image of OME-Zarr, has no such series, or a codec that is not installed.
    """
    files = ZarrFiles(location)
    try:
        root = files.group()
        images = find_images(root, files.location)
        check_series(files.location, series, len(images))
        return open_image(root, files, images[series], series_count=len(images))
    except BaseException:
        files.close()
        raise


def open_image(
    root: zarr.Group, files: ZarrFiles, place: ImagePlace, *, series_count: int = 1
) -> OpenedImage:
    """Open the arrays of an image.

    Raises
    ------
    SourceError
        If its metadata are not what OME-Zarr says, or its arrays not what they say.
    """
    try:
        group: Any = root[place.group] if place.group else root
        attributes = group.attrs.asdict()
        metadata = image_of(ome_attributes(attributes), place.index)
    except OPEN_ERRORS as exc:
        raise SourceError(
            f"{files.location}: its OME-Zarr metadata are not what they should be: "
            f"{_what_is_wrong(exc)}"
        ) from exc
    base = f"{place.group}/" if place.group else ""
    paths = tuple(base + one for one in metadata.paths)
    image = OpenedImage(
        files=files,
        group=group,
        attributes=attributes,
        metadata=metadata,
        paths=paths,
        levels=open_levels(root, files, paths, axes=metadata.axes),
        series_count=series_count,
    )
    _check_has_pixels(image)
    return image


def _check_has_pixels(image: OpenedImage) -> None:
    """Refuse an image of which nothing but metadata is there, as a copy that was cut short has it.

    A slide that is all glass has no chunk either: coverage says so of those that we write.
    """
    # Behind a URL that is not asked: web servers list no files, and object stores take long to.
    is_told = bool(image.block) or is_url(image.files.location)
    if not is_told and not image.files.has_chunks(image.paths[0]):
        raise SourceError(
            f"{image.files.location}: the array {image.paths[0]} holds no chunk, so all its pixels "
            "are lost"
        )


def _what_is_wrong(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"they lack {error.args[0]}"
    # Those of `image_of` say how.
    return str(error) if isinstance(error, ValueError) else reason_of(error)
