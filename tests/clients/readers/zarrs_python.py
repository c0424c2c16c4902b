"""zarrs: a pipeline in Rust for zarr-python; codecs that it does not know stay in Python."""

from collections.abc import Callable
from typing import Any

import zarr
import zarrs  # noqa: F401  # registers the pipeline


def opened(location: str) -> Callable[[int, slice, slice], Any]:
    """Return a function that reads a region of a level as (c, y, x)."""
    zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
    group: Any = zarr.open_group(location, mode="r")
    return lambda level, y, x: group[str(level)][:, y, x]
