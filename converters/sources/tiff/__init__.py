"""Slides and microscope images in TIFF of all kinds, read piece by piece with tifffile."""
