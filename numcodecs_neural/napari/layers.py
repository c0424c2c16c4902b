"""Layers of an image: one in colour, or one for each channel."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import dask.array as da
import numpy as np

from numcodecs_neural.omezarr.metadata import Placement
from numcodecs_neural.omezarr.opened import OpenedImage
from numcodecs_neural.omezarr.shown_channels import default_color
from numcodecs_neural.reading.reader import ImageReader

from .levels import cached_level

__all__ = ["LayerData", "image_layers", "name_of", "placed", "pyramid"]

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


def image_layers(reader: ImageReader) -> Iterator[LayerData]:
    """Yield the layer of an RGB image, or one for each channel."""
    image = reader.image
    axes, name = image.metadata.axes, name_of(image)
    levels = [cached_level(reader, level) for level in range(len(reader.levels))]
    at = axes.find("c")
    # Decoded chunks are kept by the reader; napari would keep them once more.
    common = {**placed(image.metadata.placements[0], axes.replace("c", "")), "cache": False}
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


def _channel_name(image: OpenedImage, number: int) -> str:
    label = next((one.label for one in image.metadata.channels[number : number + 1]), "")
    return label or f"{name_of(image)} channel {number}"


def _shown(image: OpenedImage, number: int, count: int) -> dict[str, Any]:
    """Return colour and contrast of a channel, and whether it is seen; several are added up."""
    metadata = image.metadata
    told = metadata.colors[number] if number < len(metadata.colors) else None
    color = told or default_color(number, count)
    is_shown = number >= len(metadata.is_shown) or metadata.is_shown[number]
    return {
        "colormap": _COLORMAPS.get(color, f"#{color}"),
        **({"blending": "additive"} if count > 1 else {}),
        **({} if is_shown else {"visible": False}),
        **_contrast(image, number),
    }


def _contrast(image: OpenedImage, number: int) -> dict[str, Any]:
    """Return the range that a channel is shown in; none leaves it to napari."""
    windows = image.metadata.windows
    window = windows[number] if number < len(windows) else None
    if window is None and image.dtype == np.uint8:
        window = 0.0, 255.0
    return {} if window is None else {"contrast_limits": window}
