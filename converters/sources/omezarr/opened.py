"""OpenedImage: one image of an OME-Zarr store with its arrays and metadata."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

from ..base import SlideInfo
from ..ome_xml import OmeImage, ome_image
from ..reasons import reason_of
from ..series import image_name
from .history import lossy_history
from .images import ImagePlace
from .levels import array_codecs, open_levels
from .metadata import OmeZarrImage, image_of, ome_attributes
from .store import OPEN_ERRORS, ZarrFiles

__all__ = ["OpenedImage", "open_image"]

# Of stores that this package wrote.
_BLOCK = "numcodecs_neural"
_OME_XML = "OME/METADATA.ome.xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedImage:
    """One image.

    Parameters
    ----------
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
    """

    group: zarr.Group
    attributes: dict[str, Any]
    metadata: OmeZarrImage
    paths: tuple[str, ...]
    levels: tuple[Any, ...]

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

    def extra(self, name: str) -> NDArray[np.uint8] | None:
        """Return an array that this package keeps beside an image: a label, a colour profile."""
        place = (self._block.get("extras") or {}).get(name)
        if place is None:
            return None
        array: Any = self.group[place]
        return np.asarray(array[:] if isinstance(array, zarr.Array) else array["0"][:])

    def noted(self, level: int) -> dict[str, Any]:
        """Return what this package noted of a level when it wrote the image; empty if nothing."""
        levels = self._block.get("levels")
        noted = levels[level] if isinstance(levels, list) and level < len(levels) else None
        return noted if isinstance(noted, dict) else {}

    def own_array(self, name: str) -> NDArray[Any] | None:
        """Return the values of an array that this package keeps beside the images it writes."""
        found: Any = self.group.get(name) if self._block else None
        return np.asarray(found[...]) if isinstance(found, zarr.Array) else None

    def describe(self, files: ZarrFiles, path: Path, *, series: int, count: int) -> SlideInfo:
        """Return all that is known; raises what zarr does where a part is damaged."""
        image, channels = self.metadata, self.metadata.channels
        if self.is_rgb or len(channels) != self.shape.get("c"):
            channels = ()
        ome_xml = files.read(_OME_XML)
        text = None if ome_xml is None else ome_xml.decode("utf-8", "replace")
        told = ome_image(text, name="", shape=self.levels[0].shape[-2:], index=series)
        profile = self.extra("icc_profile")
        return SlideInfo(
            name=image_name(path, series),
            level_shapes=tuple((level.shape[-2], level.shape[-1]) for level in self.levels),
            mpp=image.mpp,
            history=lossy_history(
                self.attributes,
                array_codecs(files, self.paths[0]),
                ratio=self.levels[0].nbytes / max(files.nbytes(self.paths[0]), 1),
            ),
            size_bytes=files.nbytes(""),
            dtype=self.dtype,
            samples=3 if self.is_rgb else 1,
            frames=self._frames(has_names=bool(channels)),
            channels=channels,
            spacing=told.spacing
            | {axis: image.scale[axis] for axis in "zt" if axis in image.scale},
            magnification=self._block.get("magnification") or told.magnification,
            significant_bits=_fewer_bits(told, self.dtype),
            series=series,
            series_count=count,
            icc_profile=None if profile is None else profile.tobytes(),
            ome_xml=text,
            description=self._block.get("image_description"),
        )

    def _frames(self, *, has_names: bool) -> tuple[tuple[str, int], ...]:
        """Return the axes that are longer than 1, and one channel if it has a name to keep."""
        kept = {axis for axis, length in self.shape.items() if length > 1} - {"y", "x"}
        if has_names:
            kept.add("c")
        if self.is_rgb:
            kept.discard("c")
        return tuple((axis, length) for axis, length in self.shape.items() if axis in kept)

    @property
    def _block(self) -> dict[str, Any]:
        found = self.attributes.get(_BLOCK)
        return found if isinstance(found, dict) else {}


def open_image(root: zarr.Group, files: ZarrFiles, place: ImagePlace, path: Path) -> OpenedImage:
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
            f"{path}: its OME-Zarr metadata are not what they should be: {_what_is_wrong(exc)}"
        ) from exc
    base = f"{place.group}/" if place.group else ""
    paths = tuple(base + one for one in metadata.paths)
    return OpenedImage(
        group=group,
        attributes=attributes,
        metadata=metadata,
        paths=paths,
        levels=open_levels(root, files, paths, axes=metadata.axes, path=path),
    )


def _what_is_wrong(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"they lack {error.args[0]}"
    # Those of `image_of` say how.
    return str(error) if isinstance(error, ValueError) else reason_of(error)


def _fewer_bits(told: OmeImage, dtype: np.dtype[Any]) -> int | None:
    bits = told.significant_bits
    return bits if bits is not None and bits < 8 * dtype.itemsize else None
