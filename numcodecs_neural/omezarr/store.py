"""ZarrFiles: the files of a Zarr store, wherever it is, beside what zarr makes of them."""

import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import zarr

from numcodecs_neural.errors import ConfigError, SourceError
from numcodecs_neural.files.folder import ZARR_METADATA, Archive, Folder, is_url

__all__ = ["OPEN_ERRORS", "ZarrFiles"]

# What zarr and numcodecs raise at metadata that are damaged, or of another kind.
OPEN_ERRORS = (
    *(AttributeError, IndexError, KeyError, NotImplementedError, OSError, RuntimeError),
    *(TypeError, ValueError, zipfile.BadZipFile),
)
_SINGLE_FILE = ".ozx"


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
        root = self.json("zarr.json") or {}
        if root.get("node_type") == "array" or self.read(".zarray") is not None:
            raise SourceError(
                f"{self.location} is a Zarr array without the metadata of OME-Zarr, which say what "
                "its axes are: name the OME-Zarr image that it belongs to, or write it into one"
            )
        try:
            return zarr.open_group(self._store, path=self._folder.root, mode="r")
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
        except (TypeError, ValueError) as exc:
            raise SourceError(f"{self.location}: {key} is damaged: it is not JSON") from exc

    def nbytes(self, folder: str) -> int:
        """Return the size of all files below a folder, as they are stored."""
        return sum(size for _, size in self._folder.files(folder))

    def has_chunks(self, folder: str) -> bool:
        """Whether there is anything but metadata below a folder."""
        names = (Path(file).name for file, _ in self._folder.files(folder))
        return any(name not in ZARR_METADATA for name in names)

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the size of each file below a folder, by its path in that folder."""
        return dict(self._folder.files(folder))

    def close(self) -> None:
        """Close the zip, if it is one."""
        self._folder.close()
        # Of a zip that zarr has not opened yet, its store has no lock to close it with.
        with suppress(AttributeError):
            self._store.close()


def _opened(location: str) -> Folder:
    if is_url(location) and location.lower().endswith(_SINGLE_FILE):
        raise ConfigError(
            f"{location}: single files are read from disks, and not behind URLs: download it, or "
            "unpack it there"
        )
    if is_url(location) or Path(location).is_dir():
        return Folder(location)
    return _opened_zip(Path(location))


def _opened_zip(path: Path) -> Archive:
    """Return a zip whose only folder, where it has no more, is the store."""
    zip_file = zipfile.ZipFile(path)
    tops = {name.partition("/")[0] for name in zip_file.namelist()}
    is_nested = len(tops) == 1 and not tops & set(ZARR_METADATA)
    return Archive(str(path), zip_file, tops.pop() if is_nested else "")
