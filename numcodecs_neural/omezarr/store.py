"""ZarrFiles: the files of a Zarr store, wherever it is, beside what zarr makes of them."""

import json
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import zarr

from numcodecs_neural.errors import ConfigError, SourceError
from numcodecs_neural.files.archive import is_url_of_a_zip, open_archive
from numcodecs_neural.files.folder import ZARR_METADATA, Folder, is_url

__all__ = ["OPEN_ERRORS", "ZarrFiles"]

# What zarr and numcodecs raise at metadata that are damaged, or of another kind.
OPEN_ERRORS = (
    *(ArithmeticError, AttributeError, IndexError, KeyError, NotImplementedError, OSError),
    *(RuntimeError, TypeError, ValueError, zipfile.BadZipFile),
)


class ZarrFiles:
    """A Zarr store that is read only.

    Parameters
    ----------
    location : str or Path
        A folder, a zip that holds what would be in it, or one folder with it, or a URL.

    Raises
    ------
    SourceError
        If it is none of these.
    """

    def __init__(self, location: str | Path) -> None:
        self.location = str(location)
        try:
            self._folder = _opened(self.location)
            self._store = self._folder.zarr_store()
        except OPEN_ERRORS as exc:
            raise SourceError(
                f"{location} cannot be opened as a zip of a Zarr store: {exc}"
            ) from exc
        except ConfigError as exc:
            raise SourceError(str(exc)) from exc

    @property
    def folder(self) -> Folder:
        """Where the files are."""
        return self._folder

    def group(self) -> zarr.Group:
        """Return the root group.

        Raises
        ------
        SourceError
            If there is none, or an array in its place.
        """
        root = self.json("zarr.json")
        # No more is asked for than needed: some object stores refuse files that are absent.
        is_array = self.read(".zarray") is not None if root is None else _is_array(root)
        if is_array:
            raise SourceError(
                f"{self.location} is a Zarr array without the metadata of OME-Zarr, which say what "
                "its axes are: name the OME-Zarr image that it belongs to, or write it into one"
            )
        try:
            version: Literal[3] | None = None if root is None else 3
            return zarr.open_group(
                self._store, path=self._folder.root, mode="r", zarr_format=version
            )
        except OPEN_ERRORS as exc:
            raise SourceError(f"{self.location} cannot be opened as a Zarr store: {exc}") from exc

    def read(self, key: str) -> bytes | None:
        """Return the bytes of a file, or None if there is none."""
        try:
            return self._folder.read(key)
        except (OSError, zipfile.BadZipFile) as exc:
            raise SourceError(f"{self.location}: {key} cannot be read: {exc}") from exc

    def json(self, key: str) -> dict[str, Any] | None:
        """Return what a file of JSON holds, or None if there is none."""
        data = self.read(key)
        try:
            return None if data is None else dict(json.loads(data))
        except (RecursionError, TypeError, ValueError) as exc:
            raise SourceError(f"{self.location}: {key} is damaged: it is not JSON") from exc

    @property
    def is_listed(self) -> bool:
        """Whether its files can be listed: those of web servers cannot."""
        return self._folder.is_listed

    def nbytes(self, folder: str) -> int:
        """Return the size of all files below a folder, as they are stored, if they are listed."""
        return sum(size for _, size in self._folder.files(folder))

    def has_chunks(self, folder: str) -> bool:
        """Whether there is anything but metadata below a folder, as far as files are listed."""
        names = (Path(file).name for file, _ in self._folder.files(folder))
        return not self.is_listed or any(name not in ZARR_METADATA for name in names)

    def sizes(self, folder: str, names: Sequence[str]) -> dict[str, int]:
        """Return the size of each file below a folder, by its path in that folder.

        Parameters
        ----------
        folder : str
        names : sequence of str
            The files that may be there: they are asked for one by one where none are listed.
        """
        if self.is_listed:
            return dict(self._folder.files(folder))
        sizes = self._folder.sizes([f"{folder}/{name}" for name in names])
        return dict(zip(names, sizes, strict=True))

    def close(self) -> None:
        """Close the zip, if it is one."""
        self._folder.close()
        # Of a zip that zarr has not opened yet, its store has no lock to close it with.
        with suppress(AttributeError):
            self._store.close()


def _is_array(metadata: dict[str, Any]) -> bool:
    return metadata.get("node_type") == "array"


def _opened(location: str) -> Folder:
    is_zip = is_url_of_a_zip(location) if is_url(location) else not Path(location).is_dir()
    return open_archive(location) if is_zip else Folder(location)
