"""Labels of an image, such as its tissue, as layers that are hidden at first."""

from collections.abc import Iterator
from typing import Any

import zarr

from numcodecs_neural.omezarr.metadata import image_of, label_names, ome_attributes
from numcodecs_neural.omezarr.opened import OpenedImage
from numcodecs_neural.omezarr.store import OPEN_ERRORS

from .layers import LayerData, name_of, placed, pyramid
from .levels import lazy

__all__ = ["label_layers"]

_GROUP = "labels"


def label_layers(image: OpenedImage) -> Iterator[LayerData]:
    """Yield a layer for each label that opens: one that does not is no reason to show nothing."""
    for name in _names(image.group):
        try:
            yield _label(image, name)
        except OPEN_ERRORS:
            continue


def _names(group: zarr.Group) -> list[str]:
    labels = group.get(_GROUP)
    return label_names(labels.attrs.asdict()) if isinstance(labels, zarr.Group) else []


def _label(image: OpenedImage, name: str) -> LayerData:
    group: Any = image.group[f"{_GROUP}/{name}"]
    metadata = image_of(ome_attributes(group.attrs.asdict()), 0)
    levels, axes = [lazy(group[path]) for path in metadata.paths], metadata.axes
    if "c" in axes:
        levels = [level[(slice(None),) * axes.index("c") + (0,)] for level in levels]
        axes = axes.replace("c", "")
    arguments = {
        **placed(metadata.placements[0], axes),
        "name": f"{name_of(image)} {name}",
        "visible": False,
        "opacity": 0.4,
    }
    return pyramid(levels, arguments, "labels")
