"""Slides and microscope images in TIFF of all kinds, read piece by piece with tifffile."""

from .source import TiffSource, open_source

__all__ = ["TiffSource", "open_source"]
