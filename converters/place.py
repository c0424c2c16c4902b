"""Folder: a place for files, on this machine or behind any URL that fsspec opens.

Two things only a store's writer needs: files that appear whole or not at all, and the bytes at a
file's end. Zarr itself does all else.
"""

import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Folder", "is_url"]


def is_url(place: str) -> bool:
    """Return whether `place` is a URL such as ``s3://bucket/key`` instead of a path."""
    return "://" in place


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder by its path or URL; it need not exist.

    Objects behind URLs appear whole by nature; local files are written beside their place first.

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

        return LocalStore(self.place) if self.path else FsspecStore.from_url(self.place)

    def size(self, name: str) -> int:
        """Return the bytes of a file in it; 0 if there is none."""
        if self.path:
            file = self.path / name
            return file.stat().st_size if file.is_file() else 0
        fs, root = self._remote()
        try:
            return int(fs.size(f"{root}/{name}") or 0)
        except FileNotFoundError:
            return 0

    def tail(self, name: str, nbytes: int) -> bytes:
        """Return the last `nbytes` of a file in it."""
        if self.path:
            with (self.path / name).open("rb") as file:
                file.seek(-nbytes, os.SEEK_END)
                return file.read()
        fs, root = self._remote()
        content: bytes = fs.tail(f"{root}/{name}", nbytes)
        return content

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None if there is no such file."""
        try:
            if self.path:
                return (self.path / name).read_bytes()
            fs, root = self._remote()
            content: bytes = fs.cat_file(f"{root}/{name}")
        except FileNotFoundError:
            return None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file; it appears with all its content or not at all."""
        if not self.path:
            fs, root = self._remote()
            fs.pipe_file(f"{root}/{name}", content)
            return
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f"{target.name}.{uuid.uuid4().hex}.partial")
        beside.write_bytes(content)
        beside.replace(target)

    def exists(self) -> bool:
        """Return whether anything is there."""
        if self.path:
            return self.path.exists() or self.path.is_symlink()
        fs, root = self._remote()
        return bool(fs.exists(root))

    def remove(self) -> None:
        """Remove the folder with all that is in it, if it is there."""
        if self.path:
            shutil.rmtree(self.path, ignore_errors=True)
            return
        fs, root = self._remote()
        if fs.exists(root):
            fs.rm(root, recursive=True)

    def remove_torn(self) -> None:
        """Remove what a write that was killed left beside its place; zarr names it alike."""
        if self.path:
            for torn in self.path.rglob("*.partial"):
                torn.unlink(missing_ok=True)

    def _remote(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        # Listings are remembered otherwise, and other processes write here as well.
        fs, root = url_to_fs(self.place, use_listings_cache=False)
        return fs, root.rstrip("/")
