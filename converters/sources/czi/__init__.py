"""Images of Zeiss's CZI files, scene by scene and tile by tile, found with czifile."""

from .source import CziSource, open_source

__all__ = ["CziSource", "open_source"]
