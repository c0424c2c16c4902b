"""Plugin for the viewer napari: reads OME-Zarr, and brings the demo slide (``napari.yaml``).

It gives napari arrays and what they are, and imports nothing of it.
"""
