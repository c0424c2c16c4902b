"""Lazy views of stores for xarray and dask: pixels with coordinates, latents without pixels."""

from .latents import open_latents
from .levels import open_level

__all__ = ["open_latents", "open_level"]
