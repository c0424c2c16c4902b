"""Leica SCN metadata: roles of images, channels, magnification and pixel size from its XML."""

from typing import Any
from xml.etree import ElementTree

import tifffile

from numcodecs_neural.files.units import number, sane_mpp

from ..base import Channel

__all__ = ["scn_channels", "scn_magnification", "scn_mpp", "scn_roles"]


def scn_roles(tiff: tifffile.TiffFile) -> list[str]:
    """Return, in the order in which tifffile lists them, "macro" or "image" for each.

    The macro is what covers the whole of the collection that it is in.
    """
    return [
        "macro" if _covers(collection, image) else "image"
        for collection, image in _images(tiff.scn_metadata)
    ]


def scn_mpp(xml: str | None, shape: tuple[int, int]) -> tuple[float, float] | None:
    """Return the pixel size, (y, x) in micrometres, of the image of this shape."""
    image = _image_of(xml, shape)
    view = None if image is None else image.find("{*}view")
    if view is None:
        return None
    height, width = (_number(view, name) for name in ("sizeY", "sizeX"))
    # Views are measured in nanometres.
    return sane_mpp(height / 1000 / shape[0], width / 1000 / shape[1])


def scn_magnification(xml: str | None, shape: tuple[int, int]) -> float | None:
    """Return the magnification of the objective that the image of this shape was taken with."""
    image = _image_of(xml, shape)
    text = None if image is None else image.findtext(".//{*}objectiveSettings/{*}objective")
    return number(text)


def scn_channels(xml: str | None, shape: tuple[int, int]) -> tuple[Channel, ...]:
    """Return the fluorescence channels of the image of this shape."""
    image = _image_of(xml, shape)
    found = [] if image is None else image.findall(".//{*}channelSettings/{*}channel")
    found.sort(key=lambda channel: _number(channel, "index"))
    return tuple(
        Channel(
            label=channel.get("name") or f"Channel {n}",
            color=(channel.get("rgb") or "").removeprefix("#").upper() or None,
        )
        for n, channel in enumerate(found, start=1)
    )


def _images(xml: str | None) -> list[tuple[ElementTree.Element, ElementTree.Element]]:
    root = ElementTree.fromstring(xml or "<scn/>")
    return [
        (collection, image)
        for collection in root.iterfind("{*}collection")
        for image in collection.iterfind("{*}image")
        for pixels in image.iterfind("{*}pixels")
        if pixels.find("{*}dimension") is not None
    ]


def _image_of(xml: str | None, shape: tuple[int, int]) -> ElementTree.Element | None:
    for _, image in _images(xml):
        for pixels in image.iterfind("{*}pixels"):
            if (_number(pixels, "sizeY"), _number(pixels, "sizeX")) == shape:
                return image
    return None


def _covers(collection: ElementTree.Element, image: ElementTree.Element) -> bool:
    view = image.find("{*}view")
    if view is None:
        return False
    size = [_number(collection, name) for name in ("sizeX", "sizeY")]
    is_whole = [_number(view, name) for name in ("sizeX", "sizeY")] == size
    return is_whole and not any(_number(view, name) for name in ("offsetX", "offsetY"))


def _number(element: Any, name: str) -> float:
    return number(element.get(name)) or 0.0
