"""large-image: opens a file of metadata inside the folder, and takes channels for frames."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import large_image_source_zarr
import numpy as np


def opened(location: str) -> Callable[[int, slice, slice], Any]:
    """Return a function that reads a region of a level as (c, y, x)."""
    metadata = [Path(location) / name for name in (".zattrs", "zarr.json")]
    source = large_image_source_zarr.open(next(path for path in metadata if path.exists()))
    width = source.getMetadata()["sizeX"]
    channels = range(source.getMetadata()["IndexRange"]["IndexC"])

    def read(level: int, y: slice, x: slice) -> Any:
        scale = 2**level
        region = {"left": x.start * scale, "top": y.start * scale}
        region |= {"right": min(x.stop * scale, width), "bottom": y.stop * scale}
        output = {"maxWidth": x.stop - x.start, "maxHeight": y.stop - y.start}
        frames = [
            source.getRegion(region=region, output=output, format="numpy", frame=c)[0]
            for c in channels
        ]
        return np.stack([frame[..., 0] for frame in frames])

    return read
