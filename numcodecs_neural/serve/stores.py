"""ServedStore: what a store holds for clients: metadata as files, and arrays by their paths."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zarr

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.folder import ZARR_METADATA
from numcodecs_neural.files.quiet import quiet
from numcodecs_neural.omezarr.coverage import in_grid_of_chunks, is_stored
from numcodecs_neural.omezarr.history import Compression, lossy_history
from numcodecs_neural.omezarr.images import ImagePlace, find_images
from numcodecs_neural.omezarr.levels import array_codecs, open_array
from numcodecs_neural.omezarr.lost_files import coverage_of
from numcodecs_neural.omezarr.metadata import image_of, label_names, ome_attributes
from numcodecs_neural.omezarr.opened import OpenedImage, open_image
from numcodecs_neural.omezarr.store import OPEN_ERRORS, ZarrFiles
from numcodecs_neural.reading.chunks import LevelChunks

from .arrays import PlainArray
from .form import Form
from .links import check_inside
from .plain import as_json, consolidated_v2, consolidated_v3

__all__ = ["ImageFacts", "ServedStore", "open_store"]

_BLOCK = "numcodecs_neural"
# Of bioformats2raw: the names of the images, and what the original file said.
_SERIES_GROUP, _ORIGINAL = "OME", "OME/METADATA.ome.xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What a list of images says of one.

    Parameters
    ----------
    path : str
        Of its group, from the root; empty for the root itself.
    axes : str
    shape : tuple of int
        Of level 0.
    dtype : str
    levels : int
        How many arrays it has.
    """

    path: str
    axes: str
    shape: tuple[int, ...]
    dtype: str
    levels: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServedStore:
    """A store as clients see it.

    Parameters
    ----------
    name : str
        First part of its URLs.
    location : str
        Where it is; clients are not told.
    zarr_format : int
        2 or 3.
    images : tuple of ImageFacts
    documents : dict
        Content of each file of metadata, by its path.
    arrays : dict
        By their paths.
    files : ZarrFiles
        To be closed.
    """

    name: str
    location: str
    zarr_format: int
    images: tuple[ImageFacts, ...]
    documents: dict[str, bytes]
    arrays: dict[str, PlainArray]
    files: ZarrFiles

    @property
    def version(self) -> str:
        """Version of OME-Zarr that goes with the version of Zarr."""
        return "0.5" if self.zarr_format == 3 else "0.4"

    def array_at(self, parts: tuple[str, ...]) -> tuple[PlainArray, tuple[str, ...]] | None:
        """Return the array that a path leads into, and the rest of the path."""
        for count in range(1, len(parts)):
            found = self.arrays.get("/".join(parts[:count]))
            if found is not None:
                return found, parts[count:]
        return None


def open_store(location: str | Path, name: str, form: Form) -> ServedStore:
    """Open a store to be shown: its images and their labels, and nothing else that is in it.

    Raises
    ------
    SourceError
        If it is no OME-Zarr, or holds what cannot be shown.
    """
    files = ZarrFiles(location)
    try:
        with quiet("zarr"):
            return _Survey(files, form).store(name)
    except OPEN_ERRORS as exc:
        files.close()
        if isinstance(exc, SourceError):
            raise
        raise SourceError(f"{location} cannot be opened as a Zarr store: {exc}") from exc
    except BaseException:
        files.close()
        raise


class _Survey:
    """Walks from the root along what metadata name; what they do not name is not shown."""

    def __init__(self, files: ZarrFiles, form: Form) -> None:
        self._files, self._form = files, form
        self._root = files.group()
        self._format = int(self._root.metadata.zarr_format)
        self._groups: dict[str, dict[str, Any]] = {}
        self._arrays: dict[str, PlainArray] = {}

    def store(self, name: str) -> ServedStore:
        location = self._files.location
        self._add_group("", self._root.attrs.asdict())
        images = tuple(self._image(place) for place in find_images(self._root, location))
        self._add_series_group()
        return ServedStore(
            name=name,
            location=location,
            zarr_format=self._format,
            images=images,
            documents=self._documents(),
            arrays=self._arrays,
            files=self._files,
        )

    def _image(self, place: ImagePlace) -> ImageFacts:
        image = open_image(self._root, self._files, place)
        self._add_group(place.group, _told(image))
        for level, path in enumerate(image.paths):
            # Arrays that are no reductions of the first are not levels, and shown all the same.
            self._add_array(path, _level(image, level) if level < len(image.levels) else {})
        self._add_labels(place.group)
        first = image.levels[0]
        return ImageFacts(
            path=place.group,
            axes=image.metadata.axes,
            shape=tuple(first.shape),
            dtype=str(image.dtype),
            levels=len(image.paths),
        )

    def _add_labels(self, group: str) -> None:
        base = _below(group, "labels")
        attributes = self._attributes(base)
        if attributes is None:
            return
        self._add_group(base, attributes)
        for name in label_names(attributes):
            path = _below(base, name)
            found = self._attributes(path)
            if found is not None:
                self._add_label(path, found)

    def _add_label(self, path: str, attributes: dict[str, Any]) -> None:
        try:
            arrays = image_of(ome_attributes(attributes), 0).paths
        except OPEN_ERRORS:
            # A label that is damaged is no reason not to show the image.
            return
        self._add_group(path, attributes)
        for name in arrays:
            self._add_array(_below(path, name), {})

    def _add_series_group(self) -> None:
        attributes = self._attributes(_SERIES_GROUP)
        if attributes is not None and _SERIES_GROUP not in self._groups:
            self._add_group(_SERIES_GROUP, attributes)

    def _attributes(self, path: str) -> dict[str, Any] | None:
        found = self._root.get(path)
        return found.attrs.asdict() if isinstance(found, zarr.Group) else None

    def _add_group(self, path: str, attributes: dict[str, Any]) -> None:
        # A path such as "a/0" has a group at "a", which says nothing.
        above = path.rpartition("/")[0]
        if above and above not in self._groups:
            self._add_group(above, {})
        check_inside(self._files, *(_below(path, name) for name in ZARR_METADATA))
        self._groups[path] = attributes

    def _add_array(self, path: str, known: dict[str, Any]) -> None:
        if path not in self._arrays:
            check_inside(self._files, *(_below(path, name) for name in ZARR_METADATA))
            array = open_array(self._root, self._files, path)
            self._arrays[path] = PlainArray(self._files, path, array, self._form, **known)

    def _documents(self) -> dict[str, bytes]:
        nodes = self._nodes_v3() if self._format == 3 else self._nodes_v2()
        documents = {path: as_json(node) for path, node in nodes.items()}
        check_inside(self._files, _ORIGINAL)
        original = self._files.read(_ORIGINAL) if _SERIES_GROUP in self._groups else None
        return documents if original is None else documents | {_ORIGINAL: original}

    def _nodes_v3(self) -> dict[str, dict[str, Any]]:
        nodes = {
            path: {"zarr_format": 3, "node_type": "group", "attributes": attributes}
            for path, attributes in self._groups.items()
        }
        nodes |= {path: array.document for path, array in self._arrays.items()}
        below = [(path, node) for path, node in nodes.items() if path]
        nodes[""] = consolidated_v3(nodes[""], below)
        return {_below(path, "zarr.json"): node for path, node in nodes.items()}

    def _nodes_v2(self) -> dict[str, dict[str, Any]]:
        files: dict[str, dict[str, Any]] = {}
        for path, attributes in self._groups.items():
            files[_below(path, ".zgroup")] = {"zarr_format": 2}
            files[_below(path, ".zattrs")] = attributes
        for path, array in self._arrays.items():
            files[_below(path, ".zarray")] = array.document
            files[_below(path, ".zattrs")] = self._files.json(f"{path}/.zattrs") or {}
        return files | {".zmetadata": consolidated_v2(files)}


def _level(image: OpenedImage, level: int) -> dict[str, Any]:
    """Return what `PlainArray` takes of a level beside its array."""
    coverage = coverage_of(image, level)
    if coverage is not None:
        coverage = in_grid_of_chunks(image.levels[level], coverage)
    return {
        "decode": LevelChunks(image, level).decode,
        "was_stored": None if coverage is None else is_stored(coverage),
    }


def _told(image: OpenedImage) -> dict[str, Any]:
    """Return the attributes of an image without what this package noted of how it is stored.

    What its pixels went through stays: clients that copy them would not know it otherwise.
    """
    attributes = {key: value for key, value in image.attributes.items() if key != _BLOCK}
    steps = lossy_history(image.attributes, array_codecs(image.files, image.paths[0]), ratio=None)
    if not steps:
        return attributes
    return attributes | {_BLOCK: {"lossy_history": [_noted(step) for step in steps]}}


def _noted(step: Compression) -> dict[str, Any]:
    numbers = {"quality": step.quality, "ratio": step.ratio}
    known = {key: value for key, value in numbers.items() if value is not None}
    return {"method": step.method} | known | step.details


def _below(group: str, name: str) -> str:
    return f"{group}/{name}" if group else name
