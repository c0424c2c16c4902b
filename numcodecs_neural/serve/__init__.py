"""HTTP: stores shown as plain OME-Zarr, for programs that lack the codec."""
