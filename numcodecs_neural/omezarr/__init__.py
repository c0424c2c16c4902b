"""OME-Zarr images of any version, in a folder, in a zip or behind a URL, opened to be read."""
