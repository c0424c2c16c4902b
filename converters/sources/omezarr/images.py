"""Images of an OME-Zarr store: one, or the numbered ones of bioformats2raw."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zarr

from numcodecs_neural.errors import SourceError

from ..quiet import quiet
from .metadata import ome_attributes
from .store import OPEN_ERRORS

__all__ = ["ImagePlace", "find_images"]

_LAYOUT = "bioformats2raw.layout"


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """Where an image is: the path of its group, and its place in the list ``multiscales``."""

    group: str
    index: int


def find_images(root: zarr.Group, path: Path) -> list[ImagePlace]:
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


def _images(root: zarr.Group, path: Path) -> Iterator[ImagePlace]:
    ome = ome_attributes(root.attrs.asdict())
    for kind, example in (("plate", "A/1/0"), ("well", "0")):
        if kind in ome:
            raise SourceError(
                f"{path} is a {kind} of a multi-well screen, which holds many images: name them "
                f"one by one, such as {path / example}"
            )
    if "multiscales" in ome:
        yield from (ImagePlace("", index) for index in range(len(ome["multiscales"])))
    elif _LAYOUT in ome:
        yield from (ImagePlace(name, 0) for name in _series_names(root))


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
