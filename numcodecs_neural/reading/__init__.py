"""Pixels of OME-Zarr images, out of chunks that each process decodes once and keeps for a while."""
