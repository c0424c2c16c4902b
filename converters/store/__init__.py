"""The files of an OME-Zarr store: where they go, its arrays and its metadata."""
