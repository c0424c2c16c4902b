"""Folder: a place for files, on this machine or behind any URL that fsspec opens.

Two things only a store's writer needs: files that appear whole or not at all, and the bytes at a
file's end. Zarr itself does all else.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numcodecs_neural.errors import ConfigError

__all__ = ["Folder", "is_url"]


def is_url(place: str) -> bool:
    """Return whether `place` is a URL such as ``s3://bucket/key`` instead of a path."""
    return "://" in place


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder by its path or URL; it need not exist.

    Objects behind URLs appear whole by nature; local files are written beside their place first.
    All methods raise OSError if the place cannot be reached, and ConfigError if nothing here opens
    URLs of its kind.

    Parameters
    ----------
    place : str
        An absolute path, or a URL.

    Examples
    --------
    >>> (Folder("s3://bucket/slide.ome.zarr") / "0").place
    's3://bucket/slide.ome.zarr/0'
    """

    place: str

    def __truediv__(self, name: str) -> "Folder":
        return Folder(f"{self.place.rstrip('/')}/{name}")

    @property
    def path(self) -> Path | None:
        """Path of a local folder; None behind a URL."""
        return None if is_url(self.place) else Path(self.place)

    def zarr_store(self) -> Any:
        """Return a store that zarr writes to."""
        from zarr.storage import FsspecStore, LocalStore

        if self.path:
            return LocalStore(self.place)
        with _explained(self.place):
            return FsspecStore.from_url(self.place)

    def size(self, name: str) -> int:
        """Return the bytes of a file in it; 0 if there is none."""
        if self.path:
            file = self.path / name
            return file.stat().st_size if file.is_file() else 0
        try:
            with self._remote() as (fs, root):
                return int(fs.size(f"{root}/{name}") or 0)
        except FileNotFoundError:
            return 0

    def tail(self, name: str, nbytes: int) -> bytes:
        """Return the last `nbytes` of a file in it."""
        if self.path:
            with (self.path / name).open("rb") as file:
                file.seek(-nbytes, os.SEEK_END)
                return file.read()
        with self._remote() as (fs, root):
            return bytes(fs.tail(f"{root}/{name}", nbytes))

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None if there is no such file."""
        try:
            if self.path:
                return (self.path / name).read_bytes()
            with self._remote() as (fs, root):
                return bytes(fs.cat_file(f"{root}/{name}"))
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file; it appears with all its content or not at all."""
        if not self.path:
            with self._remote() as (fs, root):
                fs.pipe_file(f"{root}/{name}", content)
            return
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f"{target.name}.{uuid.uuid4().hex}.partial")
        beside.write_bytes(content)
        beside.replace(target)

    def delete(self, name: str) -> None:
        """Delete a file in it, if it is there."""
        if self.path:
            (self.path / name).unlink(missing_ok=True)
            return
        with suppress(FileNotFoundError), self._remote() as (fs, root):
            fs.rm_file(f"{root}/{name}")

    def exists(self) -> bool:
        """Return whether anything is there."""
        if self.path:
            return self.path.exists() or self.path.is_symlink()
        with self._remote() as (fs, root):
            return bool(fs.exists(root))

    def remove(self) -> None:
        """Remove the folder with all that is in it, if it is there."""
        if self.path:
            shutil.rmtree(self.path, ignore_errors=True)
            return
        with self._remote() as (fs, root):
            if fs.exists(root):
                fs.rm(root, recursive=True)

    def remove_torn(self) -> None:
        """Remove what a write that was killed left beside its place; zarr names it alike."""
        if self.path:
            for torn in self.path.rglob("*.partial"):
                torn.unlink(missing_ok=True)

    @contextmanager
    def _remote(self) -> Iterator[tuple[Any, str]]:
        """Yield the file system of the URL and the path in it; all that fails is an OSError."""
        from fsspec.core import url_to_fs

        with _explained(self.place):
            # Listings are remembered otherwise, and other processes write here as well.
            fs, root = url_to_fs(self.place, use_listings_cache=False)
        try:
            yield fs, root.rstrip("/")
        except OSError:
            raise
        except Exception as exc:  # The errors of fsspec's libraries have no root in common.
            raise OSError(f"{self.place} cannot be reached: {exc}") from exc


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Say what is missing where fsspec knows no such URL, or has not what it needs for it."""
    try:
        yield
    except (ImportError, ValueError) as exc:
        raise ConfigError(f"{url} cannot be opened: {exc}") from exc
