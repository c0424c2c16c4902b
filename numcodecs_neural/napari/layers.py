"""Layers of an image: one in colour, or one for each channel."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import dask.array as da
import numpy as np

from numcodecs_neural.omezarr.metadata import Channel, Placement
from numcodecs_neural.omezarr.opened import OpenedImage

__all__ = ["LayerData", "image_layers", "lazy", "name_of", "placed", "pyramid"]

LayerData = tuple[Any, dict[str, Any], str]
"""What napari makes a layer of: arrays, arguments, kind."""

_SUFFIXES = (".ome.zarr", ".zarr", ".ozx")
_GREY = "gray"
# Colours that napari has maps of; of any other it makes one.
_COLORMAPS = {
    "FF0000": "red",
    "00FF00": "green",
    "0000FF": "blue",
    "00FFFF": "cyan",
    "FF00FF": "magenta",
    "FFFF00": "yellow",
    "FFFFFF": _GREY,
}


def image_layers(image: OpenedImage) -> Iterator[LayerData]:
    """Yield the layer of an RGB image, or one for each channel."""
    axes, levels = image.metadata.axes, [lazy(level) for level in image.levels]
    name = name_of(image)
    at = axes.find("c")
    common = placed(image.metadata.placements[0], axes.replace("c", ""))
    if image.is_rgb:
        colours = [da.moveaxis(level, at, -1) for level in levels]
        yield pyramid(colours, {**common, "name": name, "rgb": True}, "image")
        return
    if at < 0:
        yield pyramid(levels, {**common, "name": name, **_grey(image)}, "image")
        return
    count = image.shape["c"]
    for number in range(count):
        one = [level[(slice(None),) * at + (number,)] for level in levels]
        shown = _shown(image, number, count)
        yield pyramid(one, {**common, "name": _channel_name(image, number), **shown}, "image")


def lazy(array: Any) -> "da.Array":
    """Return an array of which napari reads the chunks that it shows."""
    meta = np.empty((0,) * array.ndim, array.dtype)
    opened: da.Array = da.from_array(array, chunks=array.chunks, name=False, meta=meta)
    return opened


def pyramid(levels: list["da.Array"], arguments: dict[str, Any], kind: str) -> LayerData:
    """Return a layer of several levels, or of the only one."""
    is_multiscale = len(levels) > 1
    data = levels if is_multiscale else levels[0]
    return data, {**arguments, "multiscale": is_multiscale}, kind


def placed(placement: Placement, axes: str) -> dict[str, Any]:
    """Return where the axes of a layer lie, in their units."""
    return {
        "scale": tuple(placement.scale[axis] for axis in axes),
        "translate": tuple(placement.translation[axis] for axis in axes),
        "units": tuple(placement.units.get(axis, "pixel") for axis in axes),
        "axis_labels": tuple(axes),
    }


def name_of(image: OpenedImage) -> str:
    """Return the name of an image, or that of its store."""
    name = PurePosixPath(image.files.location.replace("\\", "/")).name
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return image.metadata.name or name


def _grey(image: OpenedImage) -> dict[str, Any]:
    return {"colormap": _GREY, **_contrast(image, 0)}


def _channel(image: OpenedImage, number: int) -> Channel:
    channels = image.metadata.channels
    return channels[number] if number < len(channels) else Channel(label="")


def _channel_name(image: OpenedImage, number: int) -> str:
    return _channel(image, number).label or f"{name_of(image)} channel {number}"


def _shown(image: OpenedImage, number: int, count: int) -> dict[str, Any]:
    """Return colour and contrast of a channel; several are added up."""
    color = _channel(image, number).color
    found = _COLORMAPS.get(color, f"#{color}") if color else _GREY
    blending = {"blending": "additive"} if count > 1 else {}
    return {"colormap": found, **blending, **_contrast(image, number)}


def _contrast(image: OpenedImage, number: int) -> dict[str, Any]:
    """Return the range that a channel is shown in; none leaves it to napari."""
    windows = image.metadata.windows
    window = windows[number] if number < len(windows) else None
    if window is None and image.dtype == np.uint8:
        window = 0.0, 255.0
    return {} if window is None else {"contrast_limits": window}
