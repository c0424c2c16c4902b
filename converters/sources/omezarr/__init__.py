"""OME-Zarr images of any version, in a folder or in a zip."""
