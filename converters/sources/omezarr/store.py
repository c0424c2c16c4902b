"""ZarrFiles: the files of a Zarr store, in a folder or in a zip, beside what zarr makes of them."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zarr
from zarr.storage import LocalStore, ZipStore

from numcodecs_neural.errors import SourceError

__all__ = ["OPEN_ERRORS", "ZarrFiles"]

# What zarr and numcodecs raise at metadata that are damaged, or of another kind.
OPEN_ERRORS = (
    *(AttributeError, IndexError, KeyError, NotImplementedError, OSError, RuntimeError),
    *(TypeError, ValueError, zipfile.BadZipFile),
)
_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")


class ZarrFiles:
    """A Zarr store that is read only.

    Parameters
    ----------
    path : Path
        A folder, or a zip that holds what would be in it, or one folder with it.

    Raises
    ------
    SourceError
        If it is neither.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = None if path.is_dir() else zipfile.ZipFile(path)
            self._prefix = "" if self._zip is None else _root_in(self._zip.namelist())
            self._store = (
                ZipStore(path, mode="r") if self._zip else LocalStore(path, read_only=True)
            )
        except OPEN_ERRORS as exc:
            raise SourceError(f"{path} cannot be opened as a zip of a Zarr store: {exc}") from exc

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
                f"{self._path} is a Zarr array without the metadata of OME-Zarr, which say what "
                "its axes are: name the OME-Zarr image that it belongs to, or write it into one"
            )
        try:
            return zarr.open_group(self._store, path=self._prefix.rstrip("/"), mode="r")
        except OPEN_ERRORS as exc:
            raise SourceError(f"{self._path} cannot be opened as a Zarr store: {exc}") from exc

    def read(self, key: str) -> bytes | None:
        """Return the bytes of a file, or None if there is none."""
        try:
            if self._zip is not None:
                return self._zip.read(self._prefix + key)
            return (self._path / key).read_bytes()
        except (KeyError, FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, zipfile.BadZipFile) as exc:
            raise SourceError(f"{self._path}: {key} cannot be read: {exc}") from exc

    def json(self, key: str) -> dict[str, Any] | None:
        """Return what a file of JSON holds, or None if there is none."""
        data = self.read(key)
        try:
            return None if data is None else dict(json.loads(data))
        except (TypeError, ValueError) as exc:
            raise SourceError(f"{self._path}: {key} is damaged: {exc}") from exc

    def nbytes(self, folder: str) -> int:
        """Return the size of all files below a folder, as they are stored."""
        return sum(size for _, size in self._files(folder))

    def has_chunks(self, folder: str) -> bool:
        """Whether there is anything but metadata below a folder."""
        return any(name not in _METADATA for name, _ in self._files(folder))

    def close(self) -> None:
        """Close the zip, if it is one."""
        if self._zip is not None:
            self._zip.close()
        self._store.close()

    def _files(self, folder: str) -> Iterator[tuple[str, int]]:
        """Iterate over the name and the stored size of files."""
        if self._zip is None:
            for file in (self._path / folder).rglob("*"):
                if file.is_file():
                    yield file.name, file.stat().st_size
            return
        start = f"{self._prefix}{folder}/" if folder else self._prefix
        for entry in self._zip.infolist():
            if entry.filename.startswith(start) and not entry.is_dir():
                yield entry.filename.rpartition("/")[2], entry.compress_size


def _root_in(names: list[str]) -> str:
    """Return the folder of a zip that is the store, with a slash; empty for the zip itself."""
    tops = {name.partition("/")[0] for name in names}
    if len(tops) == 1 and not tops & set(_METADATA):
        return f"{tops.pop()}/"
    return ""
