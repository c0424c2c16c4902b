"""Folder: the files of a store, on this machine, in a zip or behind any URL that fsspec opens.

Zarr's own stores read and write arrays. This is for what they lack: files that appear whole or not
at all, sizes, and the last bytes of a file without those before.
"""

import shutil
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numcodecs_neural.errors import ConfigError

__all__ = ["ZARR_METADATA", "Archive", "Folder", "is_url"]

ZARR_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")
_ABSENT = (FileNotFoundError, NotADirectoryError)
# Of the header before an entry's bytes: where its two lengths are, and how long it is without them.
_LENGTHS, _HEADER_NBYTES = 26, 30


def is_url(location: str) -> bool:
    """Return whether `location` is a URL such as ``s3://bucket/key`` instead of a path."""
    return "://" in location


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder by its path or URL; it need not exist.

    Objects behind URLs appear whole by nature; local files are written beside their place first.
    All methods raise OSError if the location cannot be reached, and ConfigError if nothing here
    opens URLs of its kind.

    Parameters
    ----------
    location : str
        An absolute path, or a URL.

    Examples
    --------
    >>> (Folder("s3://bucket/slide.ome.zarr") / "0").location
    's3://bucket/slide.ome.zarr/0'
    """

    location: str

    def __truediv__(self, name: str) -> "Folder":
        return Folder(f"{self.location.rstrip('/')}/{name}")

    @property
    def path(self) -> Path | None:
        """Path of a local folder; None behind a URL."""
        return None if is_url(self.location) else Path(self.location)

    @property
    def root(self) -> str:
        """Where in `zarr_store` the files are; only of some zips is that not the top."""
        return ""

    def zarr_store(self) -> Any:
        """Return zarr's store for it."""
        from zarr.storage import FsspecStore, LocalStore

        if self.path:
            return LocalStore(self.location)
        with _explained(self.location):
            return FsspecStore.from_url(self.location)

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None if there is no such file."""
        with suppress(*_ABSENT), self._opened() as (fs, root):
            return bytes(fs.cat_file(f"{root}/{name}"))
        return None

    def size(self, name: str) -> int:
        """Return the bytes of a file in it; 0 if there is none."""
        with suppress(*_ABSENT), self._opened() as (fs, root):
            return int(fs.size(f"{root}/{name}") or 0)
        return 0

    def tail(self, name: str, nbytes: int) -> bytes:
        """Return the last `nbytes` of a file in it."""
        with self._opened() as (fs, root):
            return bytes(fs.tail(f"{root}/{name}", nbytes))

    def parts(self, places: list[tuple[str, int]], nbytes: int) -> list[bytes]:
        """Return up to `nbytes` from each (name of a file, offset), all at once behind a URL."""
        with self._opened() as (fs, root):
            names = [f"{root}/{name}" for name, _ in places]
            starts = [offset for _, offset in places]
            found = fs.cat_ranges(names, starts, [start + nbytes for start in starts])
            return [bytes(part) for part in found]

    def files(self, below: str) -> Iterator[tuple[str, int]]:
        """Iterate over the paths below a folder in it, and the stored sizes, of all its files."""
        if self.path:
            top = self.path / below
            for file in filter(Path.is_file, top.rglob("*")):
                yield file.relative_to(top).as_posix(), file.stat().st_size
            return
        with self._opened() as (fs, root):
            folder = f"{root}/{below}".rstrip("/")
            for file, info in fs.find(folder, detail=True).items():
                yield file.removeprefix(f"{folder}/"), info["size"]

    def write(self, name: str, content: bytes) -> None:
        """Write a file; it appears with all its content or not at all."""
        if not self.path:
            with self._opened() as (fs, root):
                fs.pipe_file(f"{root}/{name}", content)
            return
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f"{target.name}.{uuid.uuid4().hex}.partial")
        beside.write_bytes(content)
        beside.replace(target)

    def delete(self, name: str) -> None:
        """Delete a file in it, if it is there."""
        with suppress(*_ABSENT), self._opened() as (fs, root):
            fs.rm_file(f"{root}/{name}")

    def exists(self) -> bool:
        """Return whether anything is there."""
        with self._opened() as (fs, root):
            return bool(fs.lexists(root))

    def remove(self) -> None:
        """Remove the folder with all that is in it, if it is there."""
        if self.path:
            shutil.rmtree(self.path, ignore_errors=True)
            return
        with self._opened() as (fs, root):
            if fs.exists(root):
                fs.rm(root, recursive=True)

    def remove_torn(self) -> None:
        """Remove what a write that was killed left beside its place; zarr names it alike."""
        if self.path:
            for torn in self.path.rglob("*.partial"):
                torn.unlink(missing_ok=True)

    def close(self) -> None:
        """Close what is open: of a folder, nothing."""

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, str]]:
        """Yield the file system and the path in it; all that fails is an OSError."""
        from fsspec.core import url_to_fs
        from fsspec.implementations.local import LocalFileSystem

        fs, root = LocalFileSystem(), self.location
        if not self.path:
            with _explained(self.location):
                # Listings are remembered otherwise, and other processes write here as well.
                fs, root = url_to_fs(self.location, use_listings_cache=False)
        try:
            yield fs, root.rstrip("/")
        except OSError:
            raise
        except Exception as exc:  # The errors of fsspec's libraries have no root in common.
            raise OSError(f"{self.location} cannot be reached: {exc}") from exc


@dataclass(frozen=True, slots=True)
class Archive(Folder):
    """The files in a zip, which is open until it is closed.

    Parameters
    ----------
    location : str
        Path of the zip.
    zip_file : ZipFile
    root : str
        The folder in it that holds the files; empty for the zip itself.
    """

    zip_file: zipfile.ZipFile = field(repr=False)
    root: str = ""

    def zarr_store(self) -> Any:
        """Return zarr's store, which reads only."""
        from zarr.storage import ZipStore

        return ZipStore(self.location, mode="r")

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None if there is no such file."""
        entry = self._entry(name)
        return self.zip_file.read(entry) if entry else None

    def size(self, name: str) -> int:
        """Return the bytes of a file, as they are before the zip compresses it; 0 if none."""
        entry = self._entry(name)
        return entry.file_size if entry else 0

    def tail(self, name: str, nbytes: int) -> bytes:
        """Return the last `nbytes` of a file."""
        return self._part(name, max(self._entry_of(name).file_size - nbytes, 0), nbytes)

    def parts(self, places: list[tuple[str, int]], nbytes: int) -> list[bytes]:
        """Return up to `nbytes` from each (name of a file, offset)."""
        return [
            self._part(name, offset, min(nbytes, self._entry_of(name).file_size - offset))
            for name, offset in places
        ]

    def files(self, below: str) -> Iterator[tuple[str, int]]:
        """Iterate over the paths below a folder in it, and the stored sizes, of all its files."""
        start = self._name(f"{below}/".lstrip("/"))
        for entry in self.zip_file.infolist():
            if entry.filename.startswith(start) and not entry.is_dir():
                yield entry.filename.removeprefix(start), entry.compress_size

    def close(self) -> None:
        """Close the zip."""
        self.zip_file.close()

    def _part(self, name: str, offset: int, nbytes: int) -> bytes:
        entry = self._entry_of(name)
        if entry.compress_type != zipfile.ZIP_STORED:
            # As programs write them that make zips of folders.
            return self.zip_file.read(entry)[offset : offset + nbytes]
        # ZipFile would read all that is before them.
        with Path(self.location).open("rb") as file:
            file.seek(entry.header_offset + _LENGTHS)
            lengths = file.read(_HEADER_NBYTES - _LENGTHS)
            start = entry.header_offset + _HEADER_NBYTES + offset
            start += int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
            file.seek(start)
            return file.read(nbytes)

    def _entry_of(self, name: str) -> zipfile.ZipInfo:
        return self.zip_file.getinfo(self._name(name))

    def _entry(self, name: str) -> zipfile.ZipInfo | None:
        return self.zip_file.NameToInfo.get(self._name(name))

    def _name(self, name: str) -> str:
        return f"{self.root}/{name}" if self.root else name


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Say what is missing where fsspec knows no such URL, or has not what it needs for it."""
    try:
        yield
    except (ImportError, ValueError) as exc:
        raise ConfigError(f"{url} cannot be opened: {exc}") from exc
