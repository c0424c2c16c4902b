"""Symbolic links in a store, which must not lead out of it."""

from pathlib import Path

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.archive import Archive
from numcodecs_neural.omezarr.store import ZarrFiles

__all__ = ["check_inside", "local_file"]


def local_file(files: ZarrFiles, key: str) -> Path | None:
    """Return the file on this machine that holds a file of a store; None behind a URL.

    Raises
    ------
    SourceError
        If it lies outside of the store.
    """
    folder = files.folder
    if folder.path is None or isinstance(folder, Archive):
        return folder.path
    file = (folder.path / key).resolve()
    if not file.is_relative_to(folder.path.resolve()):
        raise SourceError(
            f"{files.location}: {key} is a link out of the store, which is not followed"
        )
    return file


def check_inside(files: ZarrFiles, *keys: str) -> None:
    """Raise SourceError if one of the files lies outside of the store."""
    for key in keys:
        local_file(files, key)
