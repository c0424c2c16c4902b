"""Images of an OME-Zarr store: one, or the numbered ones of bioformats2raw."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zarr

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.quiet import quiet

from .metadata import ome_attributes
from .store import OPEN_ERRORS

__all__ = ["ImagePlace", "find_images"]

_LAYOUT = "bioformats2raw.layout"


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """Where an image is: the path of its group, and its place in the list ``multiscales``."""

    group: str
    index: int


def find_images(root: zarr.Group, path: str) -> list[ImagePlace]:
    """Return the images of a store, in their order.

    Raises
    ------
    SourceError
        If there are none: for plates and wells, what to name instead.
    """
    try:
        found = list(_images(root, path))
    except SourceError:
        raise
    except OPEN_ERRORS as exc:
        raise SourceError(f"{path}: its images cannot be listed: {exc}") from exc
    if not found:
        raise SourceError(
            f"{path} is a Zarr group without the metadata of OME-Zarr (multiscales), which say "
            f"what its arrays are{_hint(root)}"
        )
    return found


def _images(root: zarr.Group, path: str) -> Iterator[ImagePlace]:
    ome = ome_attributes(root.attrs.asdict())
    for kind, find in (("plate", _images_of_plate), ("well", _images_of_well)):
        if kind in ome:
            raise SourceError(
                f"{path} is a {kind} of a multi-well screen, which holds many images: "
                f"{_how_to_name(path, next(find(root), None))}"
            )
    if "multiscales" in ome:
        yield from (ImagePlace("", index) for index in range(len(ome["multiscales"])))
    elif _LAYOUT in ome:
        yield from (ImagePlace(name, 0) for name in _series_names(root))


def _images_of_plate(plate: zarr.Group) -> Iterator[str]:
    """Yield the paths of a plate's images that are there."""
    for place in _entries(plate, "plate", "wells"):
        well = plate.get(place)
        if isinstance(well, zarr.Group):
            yield from (f"{place}/{image}" for image in _images_of_well(well))


def _images_of_well(well: zarr.Group) -> Iterator[str]:
    """Yield the paths of a well's images that are there."""
    return (place for place in _entries(well, "well", "images") if place in well)


def _entries(group: zarr.Group, kind: str, name: str) -> list[str]:
    """Return the paths in a list of a plate's or a well's metadata; none if it is damaged."""
    try:
        found = ome_attributes(group.attrs.asdict())[kind][name]
        return [str(entry["path"]) for entry in found]
    except OPEN_ERRORS:
        return []


def _how_to_name(path: str, example: str | None) -> str:
    if Path(path).is_file():
        return "unpack the file, and name them one by one"
    if example is None:
        return "none is where its metadata say"
    return f"name them one by one, such as {path}/{example}"


def _series_names(root: zarr.Group) -> list[str]:
    """Return the groups that the store lists, or those that are numbered from 0 without a gap."""
    if "OME" in root:
        listed = ome_attributes(root["OME"].attrs.asdict()).get("series")
        if listed:
            return [str(name) for name in listed]
    names: list[str] = []
    while str(len(names)) in root:
        names.append(str(len(names)))
    return names


def _hint(root: zarr.Group) -> str:
    """Return where below the store there are images, for the text of an error."""
    try:
        with quiet("zarr"):
            below = [name for name, group in root.groups() if ome_attributes(group.attrs.asdict())]
    except OPEN_ERRORS:
        return ""
    return f"; the groups in it may be images: {', '.join(sorted(below))}" if below else ""
