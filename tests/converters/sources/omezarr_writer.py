"""A writer of small OME-Zarr images of both versions, for tests."""

from typing import Any

import zarr
from numpy.typing import NDArray

RGB = [
    {"label": name, "color": color, "window": {"start": 0, "end": 255, "min": 0, "max": 255}}
    for name, color in (("R", "FF0000"), ("G", "00FF00"), ("B", "0000FF"))
]
UNITS = {"t": "millisecond", "z": "nanometer", "y": "micrometer", "x": "micrometer"}
SCALE = {"t": 500.0, "z": 300.0, "c": 1.0, "y": 0.26, "x": 0.25}


def axis(name: str) -> dict[str, str]:
    kind = {"t": "time", "c": "channel"}.get(name, "space")
    return {"name": name, "type": kind, **({"unit": UNITS[name]} if name in UNITS else {})}


def write_image(
    group: zarr.Group,
    levels: list[NDArray[Any]],
    axes: str,
    *,
    omero: dict[str, Any] | None = None,
    extra: dict[str, Any] | None = None,
    **array: Any,
) -> None:
    """Write an image in the version of OME-Zarr that goes with the group's Zarr format."""
    for number, pixels in enumerate(levels):
        options = {"chunks": (*(1,) * (pixels.ndim - 2), 64, 64), **array}
        target = group.create_array(str(number), shape=pixels.shape, dtype=pixels.dtype, **options)
        target[...] = pixels
    datasets = [
        {
            "path": str(number),
            "coordinateTransformations": [
                {"type": "scale", "scale": [SCALE[name] for name in axes]}
            ],
        }
        for number in range(len(levels))
    ]
    multiscale = {"axes": [axis(name) for name in axes], "datasets": datasets}
    metadata = {"multiscales": [multiscale], **({"omero": omero} if omero else {})}
    if group.metadata.zarr_format == 2:
        multiscale["version"] = "0.4"
        group.update_attributes({**metadata, **(extra or {})})
    else:
        group.update_attributes({"ome": {"version": "0.5", **metadata}, **(extra or {})})
