"""How the images of these tests are laid out, and their metadata."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numcodecs_neural import NeuralImage, NeuralImageCodec

PLAIN: dict[str, Any] = {"zarr_format": 3}
OWN_CODEC = {"serializer": NeuralImageCodec(max_error=0), "compressors": None}
OWN_CODEC_2 = {"compressors": NeuralImage(max_error=0), "zarr_format": 2}
SHARDED = {"shards": (3, 64, 96)}

WriteImage = Callable[..., Path]


def metadata(levels: int, zarr_format: int) -> dict[str, Any]:
    """Return the attributes of an RGB image whose levels are reduced by 2."""
    version = "0.5" if zarr_format == 3 else "0.4"
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    scales = [[1.0, 0.5 * 2**level, 0.5 * 2**level] for level in range(levels)]
    datasets = [
        {"path": str(n), "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        for n, scale in enumerate(scales)
    ]
    colors = ("FF0000", "00FF00", "0000FF")
    found = {
        "multiscales": [{"version": version, "axes": axes, "datasets": datasets}],
        "omero": {
            "channels": [
                {"color": color, "window": {"min": 0, "max": 255, "start": 0, "end": 255}}
                for color in colors
            ]
        },
    }
    return {"ome": {"version": version, **found}} if zarr_format == 3 else found
