"""OME-Zarr metadata of a store, as dictionaries that ome-zarr-models has checked."""

from pathlib import Path
from typing import Any

import zarr
from ome_zarr_models.v04.image import ImageAttrs as ImageAttrs04
from ome_zarr_models.v04.image_label import ImageLabelAttrs as ImageLabelAttrs04
from ome_zarr_models.v04.labels import LabelsAttrs as LabelsAttrs04
from ome_zarr_models.v05.image import ImageAttrs as ImageAttrs05
from ome_zarr_models.v05.image_label import ImageLabelAttrs as ImageLabelAttrs05
from ome_zarr_models.v05.labels import LabelsAttrs as LabelsAttrs05
from pydantic import BaseModel

from .arrays import COVERAGE_GROUP, LABEL_GROUP
from .options import OmeZarrVersion

__all__ = ["write_groups"]

_RGB = (("R", "FF0000"), ("G", "00FF00"), ("B", "0000FF"))
_AREA_AVERAGE = {
    "type": "area average",
    "metadata": {
        "description": "Each pixel is the mean of 2 x 2 pixels of the level before it, from the "
        "original pixels, in integers of 1/256 grey level; no stored pixel is averaged.",
    },
}


def write_groups(
    store: Path,
    version: OmeZarrVersion,
    *,
    name: str,
    levels: int,
    mpp: tuple[float, float] | None,
    has_label: bool,
    coverage: dict[str, Any],
    provenance: dict[str, Any],
) -> None:
    """Write the metadata of all groups, the root's last: only that makes the store an image.

    Parameters
    ----------
    name : str
        Name of the image.
    levels : int
        Number of levels, each half the one before.
    mpp : tuple of float, optional
        Microns per pixel of level 0, (y, x); without it scales count pixels of level 0.
    has_label : bool
        Whether the arrays of the tissue label are there.
    coverage : dict
        Attributes of the group of coverage arrays.
    provenance : dict
        Our own block, under the key ``numcodecs_neural``.
    """
    if has_label:
        _write_label_groups(store, version, levels, mpp)
    _write_group(store, COVERAGE_GROUP, version, coverage)
    image = {"multiscales": [_multiscale(name, ("c", "y", "x"), levels, mpp)], "omero": _omero()}
    model: type[BaseModel] = ImageAttrs04 if version == "0.4" else ImageAttrs05
    attributes = _checked(model, image, version)
    _write_group(store, "", version, {**attributes, "numcodecs_neural": provenance})


def _write_label_groups(
    store: Path, version: OmeZarrVersion, levels: int, mpp: tuple[float, float] | None
) -> None:
    parent, name = LABEL_GROUP.split("/")
    model: type[BaseModel] = LabelsAttrs04 if version == "0.4" else LabelsAttrs05
    _write_group(store, parent, version, _checked(model, {"labels": [name]}, version))
    label = {
        "multiscales": [_multiscale(name, ("y", "x"), levels, mpp)],
        "image-label": {
            "version": version,
            "colors": [{"label-value": 1, "rgba": [0, 160, 0, 96]}],
            "properties": [{"label-value": 1, "class": "tissue"}],
            "source": {"image": "../../"},
        },
    }
    model = ImageLabelAttrs04 if version == "0.4" else ImageLabelAttrs05
    _write_group(store, LABEL_GROUP, version, _checked(model, label, version))


def _multiscale(
    name: str, axes: tuple[str, ...], levels: int, mpp: tuple[float, float] | None
) -> dict[str, Any]:
    unit = {"unit": "micrometer"} if mpp is not None else {}
    space = [{"name": axis, "type": "space", **unit} for axis in axes if axis != "c"]
    channel = [{"name": "c", "type": "channel"}] if "c" in axes else []
    return {
        "name": name,
        "axes": channel + space,
        "datasets": [
            {
                "path": str(level),
                "coordinateTransformations": _transformations(level, mpp, len(channel)),
            }
            for level in range(levels)
        ],
        **(_AREA_AVERAGE if channel else {"type": "nearest"}),
    }


def _transformations(
    level: int, mpp: tuple[float, float] | None, leading: int
) -> list[dict[str, Any]]:
    """Return scale and translation: a reduced pixel's centre is the middle of its pixels' centres.

    Coordinates are those of pixel centres, with that of the first pixel of level 0 at 0.
    """
    factor = 2**level
    sizes = mpp or (1.0, 1.0)
    # Rounded to a femtometre, for numbers without a tail of binary digits.
    scale = [round(factor * size, 9) for size in sizes]
    shift = [round((factor - 1) / 2 * size, 9) for size in sizes]
    return [
        {"type": "scale", "scale": [1.0] * leading + scale},
        {"type": "translation", "translation": [0.0] * leading + shift},
    ]


def _omero() -> dict[str, Any]:
    window = {"min": 0, "max": 255, "start": 0, "end": 255}
    channels = [
        {"label": label, "color": color, "active": True, "window": window} for label, color in _RGB
    ]
    return {"channels": channels, "rdefs": {"model": "color"}}


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
    store: Path, path: str, version: OmeZarrVersion, attributes: dict[str, Any]
) -> None:
    # Creating an array makes the groups above it; they mean nothing until they have attributes.
    group = zarr.open_group(store, path=path, mode="r+", zarr_format=2 if version == "0.4" else 3)
    group.update_attributes(attributes)
