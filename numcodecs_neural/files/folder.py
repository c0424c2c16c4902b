"""Folder: the files of a store, on this machine, in a zip or behind any URL that fsspec opens.

Zarr's own stores read and write arrays. This is for what they lack: files that appear whole or not
at all, sizes, and the last bytes of a file without those before.
"""

import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path
from typing import Any

from numcodecs_neural.errors import ConfigError

__all__ = ["ZARR_METADATA", "Folder", "is_url", "opened_location"]

ZARR_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")
_ABSENT = (FileNotFoundError, NotADirectoryError)
# Requests that wait for a server together.
_AT_ONCE = 16


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

    @property
    def is_listed(self) -> bool:
        """Whether its files can be listed: those of web servers cannot."""
        return not _is_on_the_web(self.location)

    def zarr_store(self) -> Any:
        """Return zarr's store for it."""
        from zarr.storage import FsspecStore, LocalStore

        if self.path:
            return LocalStore(self.location)
        with _explained(self.location):
            if _is_on_the_web(self.location):
                from .folder_store import FolderStore

                return FolderStore(self)
            return FsspecStore.from_url(self.location)

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None if there is no such file."""
        with suppress(*_ABSENT):
            if self.path:
                return (self.path / name).read_bytes()
            with self._opened() as (fs, root):
                return bytes(fs.cat_file(f"{root}/{name}"))
        return None

    def size(self, name: str) -> int:
        """Return the bytes of a file in it; 0 if there is none."""
        with suppress(*_ABSENT):
            if self.path:
                return (self.path / name).stat().st_size
            with self._opened() as (fs, root):
                return int(fs.size(f"{root}/{name}") or 0)
        return 0

    def sizes(self, names: list[str]) -> list[int]:
        """Return the bytes of several files in it, as `size`, at the same time."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return list(threads.map(self.size, names))

    def tail(self, name: str, nbytes: int) -> bytes | None:
        """Return the last `nbytes` of a file in it, or all of a shorter one; None if it is absent.

        Behind a URL that is one request.
        """
        with suppress(*_ABSENT):
            if self.path:
                with (self.path / name).open("rb") as file:
                    file.seek(max(file.seek(0, SEEK_END) - nbytes, 0))
                    return file.read(nbytes)
            with self._opened() as (fs, root):
                return bytes(fs.cat_file(f"{root}/{name}", start=-nbytes))
        return None

    def parts(self, places: list[tuple[str, int]], nbytes: int) -> list[bytes]:
        """Return up to `nbytes` from each (name of a file, offset), all at once behind a URL."""
        if self.path:
            return [_part(self.path / name, offset, nbytes) for name, offset in places]
        with self._opened() as (fs, root):
            names = [f"{root}/{name}" for name, _ in places]
            starts = [offset for _, offset in places]
            ends = [start + nbytes for start in starts]
            # What fails is returned in place of bytes otherwise.
            return list(map(bytes, fs.cat_ranges(names, starts, ends, on_error="raise")))

    def files(self, below: str) -> Iterator[tuple[str, int]]:
        """Iterate over the paths below a folder in it, and the stored sizes, of all its files.

        Of those that are listed; see `is_listed`.
        """
        if not self.is_listed:
            return
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

    def _opened(self) -> AbstractContextManager[tuple[Any, str]]:
        return opened_location(self.location)


@contextmanager
def opened_location(location: str) -> Iterator[tuple[Any, str]]:
    """Yield the file system of a path or URL, and the path in it; all that fails is an OSError."""
    from fsspec.implementations.local import LocalFileSystem

    fs, path = _behind(location) if is_url(location) else (LocalFileSystem(), location)
    try:
        yield fs, path.rstrip("/")
    except OSError:
        raise
    except Exception as exc:  # The errors of fsspec's libraries have no root in common.
        raise OSError(f"{location} cannot be reached: {exc}") from exc


def _behind(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    with _explained(url):
        if _is_on_the_web(url):
            from .web import web_files

            return web_files(), url
        # Listings are remembered otherwise, and other processes write here as well.
        fs, path = url_to_fs(url, use_listings_cache=False)
        return fs, str(path)


def _is_on_the_web(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _part(path: Path, offset: int, nbytes: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(nbytes)


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Say what is missing where fsspec knows no such URL, or has not what it needs for it."""
    try:
        yield
    except (ImportError, ValueError) as exc:
        raise ConfigError(f"{url} cannot be opened: {exc}") from exc
