"""OME-Zarr metadata of a store, as dictionaries that ome-zarr-models has checked."""

from dataclasses import dataclass
from typing import Any, Literal

import zarr
from ome_zarr_models.v04.image import ImageAttrs as ImageAttrs04
from ome_zarr_models.v04.image_label import ImageLabelAttrs as ImageLabelAttrs04
from ome_zarr_models.v04.labels import LabelsAttrs as LabelsAttrs04
from ome_zarr_models.v05.image import ImageAttrs as ImageAttrs05
from ome_zarr_models.v05.image_label import ImageLabelAttrs as ImageLabelAttrs05
from ome_zarr_models.v05.labels import LabelsAttrs as LabelsAttrs05
from pydantic import BaseModel

from numcodecs_neural.files.folder import Folder
from numcodecs_neural.omezarr.coverage import COVERAGE_GROUP, FILE_SIZES_GROUP
from numcodecs_neural.omezarr.shown_channels import default_color

from ..geometry.axes import Axes
from ..geometry.levels import LevelGrid
from ..options import OmeZarrVersion
from ..sources import Channel
from .arrays import LABEL_GROUP

__all__ = [
    "Picture",
    "Reduction",
    "write_coverage_groups",
    "write_image_group",
    "write_label_groups",
]

_RGB = tuple(
    Channel(label=label, color=color)
    for label, color in (("R", "FF0000"), ("G", "00FF00"), ("B", "0000FF"))
)
_REDUCTIONS = {
    "area average": "Each pixel is the mean of the original pixels under it, in integers of 1/256 "
    "grey level for samples of 8 and 16 bits; no stored pixel is averaged.",
    "source": "The levels that the source had.",
    "source, then area average": "The levels that the source had; below the last of them each "
    "pixel is the mean of that level's pixels under it, in integers of 1/256 grey level for "
    "samples of 8 and 16 bits; no stored pixel is averaged.",
}
Reduction = Literal["area average", "source", "source, then area average"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the metadata of an image tell.

    Parameters
    ----------
    name : str
        Its name.
    axes : Axes
        Those of its arrays.
    grids : tuple of LevelGrid
        Its levels.
    mpp : tuple of float, optional
        Microns per pixel of level 0, (y, x); without it scales count pixels of level 0.
    spacing : dict
        Microns between planes (``"z"``) and seconds between times (``"t"``).
    channels : tuple of Channel
        Of the axis ``c`` of images that are not RGB.
    window : tuple, optional
        For each channel the darkest and the brightest sample to show, out of all that there may be.
    limits : tuple of float
        The least and the greatest value of a sample.
    reduction : {"area average", "source", "source, then area average"}
        How levels came about.
    """

    name: str
    axes: Axes
    grids: tuple[LevelGrid, ...]
    mpp: tuple[float, float] | None
    spacing: dict[str, float]
    channels: tuple[Channel, ...]
    windows: tuple[tuple[float, float], ...]
    limits: tuple[float, float]
    reduction: Reduction = "area average"


def write_image_group(
    store: Folder,
    path: str,
    version: OmeZarrVersion,
    picture: Picture,
    extra: dict[str, Any] | None = None,
) -> None:
    """Write the metadata that make a group an image; of the root it is to be the last thing.

    Parameters
    ----------
    path : str
        The group, empty for the root.
    extra : dict, optional
        More attributes, under keys that OME-Zarr does not use.
    """
    reduction = {
        "type": picture.reduction,
        "metadata": {"description": _REDUCTIONS[picture.reduction]},
    }
    multiscale = _multiscale(picture, picture.axes.names) | reduction
    model: type[BaseModel] = ImageAttrs04 if version == "0.4" else ImageAttrs05
    metadata = {"multiscales": [multiscale], "omero": _omero(picture)}
    _write_group(store, path, version, {**_checked(model, metadata, version), **(extra or {})})


def write_label_groups(store: Folder, version: OmeZarrVersion, picture: Picture) -> None:
    """Write the metadata of the tissue label of an image."""
    parent, name = LABEL_GROUP.split("/")
    model: type[BaseModel] = LabelsAttrs04 if version == "0.4" else LabelsAttrs05
    _write_group(store, parent, version, _checked(model, {"labels": [name]}, version))
    label = {
        "multiscales": [
            _multiscale(picture, ("y", "x")) | {"name": name, "type": "nearest"},
        ],
        "image-label": {
            "version": version,
            "colors": [{"label-value": 1, "rgba": [0, 160, 0, 96]}],
            "properties": [{"label-value": 1, "class": "tissue"}],
            "source": {"image": "../../"},
        },
    }
    model = ImageLabelAttrs04 if version == "0.4" else ImageLabelAttrs05
    _write_group(store, LABEL_GROUP, version, _checked(model, label, version))


def write_coverage_groups(
    store: Folder,
    version: OmeZarrVersion,
    coverage: dict[str, Any],
    file_sizes: dict[str, Any],
) -> None:
    """Write the attributes of the groups of coverage arrays, and of the sizes of files."""
    _write_group(store, COVERAGE_GROUP, version, coverage)
    _write_group(store, FILE_SIZES_GROUP, version, file_sizes)


def _multiscale(picture: Picture, axes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": picture.name,
        "axes": [_axis(name, picture) for name in axes],
        "datasets": [
            {
                "path": str(grid.level),
                "coordinateTransformations": _transformations(grid, picture, axes),
            }
            for grid in picture.grids
        ],
    }


def _axis(name: str, picture: Picture) -> dict[str, str]:
    if name == "c":
        return {"name": name, "type": "channel"}
    if name == "t":
        unit = {"unit": "second"} if name in picture.spacing else {}
        return {"name": name, "type": "time", **unit}
    is_known = name in picture.spacing if name == "z" else picture.mpp is not None
    return {"name": name, "type": "space", **({"unit": "micrometer"} if is_known else {})}


def _transformations(
    grid: LevelGrid, picture: Picture, axes: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return scale and translation: a reduced pixel's centre is the middle of its pixels' centres.

    Coordinates are those of pixel centres, with that of the first pixel of level 0 at 0.
    """
    sizes = picture.mpp or (1.0, 1.0)
    # Rounded to a femtometre, for numbers without a tail of binary digits.
    scale = [round(down * size, 9) for down, size in zip(grid.downsample, sizes, strict=True)]
    shift = [
        round((down - 1) / 2 * size, 9) for down, size in zip(grid.downsample, sizes, strict=True)
    ]
    leading = [picture.spacing.get(name, 1.0) for name in axes[:-2]]
    return [
        {"type": "scale", "scale": leading + scale},
        {"type": "translation", "translation": [0.0] * len(leading) + shift},
    ]


def _omero(picture: Picture) -> dict[str, Any]:
    low, high = picture.limits
    channels = [
        {
            "label": channel.label,
            "color": channel.color,
            "active": True,
            "window": {"min": low, "max": high, "start": start, "end": end},
        }
        for channel, (start, end) in zip(_shown_channels(picture), picture.windows, strict=True)
    ]
    is_colour = len(channels) > 1
    model = "color" if is_colour else "greyscale"
    return {
        # Where vizarr looks for it.
        "name": picture.name,
        "channels": channels,
        "rdefs": {"defaultT": 0, "defaultZ": 0, "model": model},
    }


def _shown_channels(picture: Picture) -> tuple[Channel, ...]:
    """Return a name and a colour for each channel, whatever the source said."""
    if picture.axes.samples == 3:
        return _RGB
    count = dict(picture.axes.frames).get("c", 1)
    named = picture.channels or tuple(Channel(label=f"channel {n}") for n in range(count))
    return tuple(
        Channel(label=channel.label, color=channel.color or default_color(n, count))
        for n, channel in enumerate(named)
    )


def _checked(
    model: type[BaseModel], metadata: dict[str, Any], version: OmeZarrVersion
) -> dict[str, Any]:
    """Return `metadata` as group attributes of this version, after the model accepted them."""
    if version == "0.4":
        for multiscale in metadata.get("multiscales", ()):
            multiscale["version"] = version
        model.model_validate(metadata)
        return metadata
    metadata = {"version": version, **metadata}
    model.model_validate(metadata)
    return {"ome": metadata}


def _write_group(
    store: Folder, path: str, version: OmeZarrVersion, attributes: dict[str, Any]
) -> None:
    # Creating an array makes the groups above it; they mean nothing until they have attributes.
    zarr_format: Literal[2, 3] = 2 if version == "0.4" else 3
    group = zarr.open_group(store.zarr_store(), path=path, mode="a", zarr_format=zarr_format)
    group.update_attributes(attributes)
