"""OME-Zarr images of any version, in a folder or in a zip."""

from .source import OmeZarrSource, open_source

__all__ = ["OmeZarrSource", "open_source"]
