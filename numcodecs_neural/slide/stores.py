"""Tells at a glance what may be an OME-Zarr store from files of all other kinds."""

import os
import zipfile
from pathlib import Path

from numcodecs_neural.files.folder import ZARR_METADATA, is_url

__all__ = ["looks_like_a_store"]


def looks_like_a_store(filename: object) -> bool:
    """Return whether `filename` is a URL, a folder with Zarr's metadata, or a zip of one.

    Examples
    --------
    >>> looks_like_a_store("slide.svs"), looks_like_a_store("s3://bucket/slide.ome.zarr")
    (False, True)
    """
    if not isinstance(filename, str | bytes | os.PathLike):
        return False
    name = os.fsdecode(filename)
    if is_url(name):
        return True
    path = Path(name)
    if path.is_dir():
        return any((path / metadata).is_file() for metadata in ZARR_METADATA)
    return path.is_file() and _is_zip_of_a_store(path)


def _is_zip_of_a_store(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(Path(name).name in ZARR_METADATA for name in archive.namelist())
