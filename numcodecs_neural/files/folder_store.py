"""FolderStore: what a Folder holds, as a store of zarr that reads only."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from typing import Protocol

from zarr.abc.buffer import Buffer, BufferPrototype
from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    Store,
    SuffixByteRequest,
)

__all__ = ["Files", "FolderStore"]


class Files(Protocol):
    """What of a `Folder` is needed here."""

    @property
    def location(self) -> str:
        """Its path or URL."""

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None if there is no such file."""

    def size(self, name: str) -> int:
        """Return the bytes of a file in it; 0 if there is none."""

    def tail(self, name: str, nbytes: int) -> bytes | None:
        """Return the last bytes of a file in it; None if there is none."""

    def parts(self, places: list[tuple[str, int]], nbytes: int) -> list[bytes]:
        """Return up to `nbytes` from each (name of a file, offset)."""

    def files(self, below: str) -> Iterator[tuple[str, int]]:
        """Iterate over the paths and the sizes of all files below a folder in it."""


class FolderStore(Store):
    """For what zarr has no store of its own for: a web server, or a zip behind a URL.

    Parameters
    ----------
    folder : Files
        Whose files are the keys.
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, folder: Files) -> None:
        super().__init__(read_only=True)
        self._folder = folder

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FolderStore) and other._folder == self._folder

    def __repr__(self) -> str:
        return f"FolderStore({self._folder.location!r})"

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return a file's content or a part of it; None if there is no such file."""
        found = await asyncio.to_thread(_read, self._folder, key, byte_range)
        return None if found is None else prototype.buffer.from_bytes(found)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return parts of several files, which are read at the same time."""
        found = [self.get(key, prototype, byte_range) for key, byte_range in key_ranges]
        return list(await asyncio.gather(*found))

    async def exists(self, key: str) -> bool:
        """Return whether there is such a file."""
        return await asyncio.to_thread(self._folder.read, key) is not None

    async def set(self, key: str, value: Buffer) -> None:
        """Raise ValueError: it reads only."""
        self._check_writable()

    async def delete(self, key: str) -> None:
        """Raise ValueError: it reads only."""
        self._check_writable()

    async def list(self) -> AsyncIterator[str]:
        """Yield the paths of all files."""
        for name, _ in self._folder.files(""):
            yield name

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield the paths that begin alike."""
        for name, _ in self._folder.files(""):
            if name.startswith(prefix):
                yield name

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names of the files and folders in a folder."""
        below = (name.partition("/")[0] for name, _ in self._folder.files(prefix.rstrip("/")))
        for name in dict.fromkeys(below):
            yield name


def _read(folder: Files, key: str, byte_range: ByteRequest | None) -> bytes | None:
    """Return the part of a file that zarr asks for; None if there is no such file."""
    if byte_range is None:
        return folder.read(key)
    if isinstance(byte_range, SuffixByteRequest):
        return folder.tail(key, byte_range.suffix)
    if isinstance(byte_range, OffsetByteRequest):
        start, end = byte_range.offset, folder.size(key)
    else:
        start, end = byte_range.start, byte_range.end
    with suppress(FileNotFoundError, KeyError):
        return folder.parts([(key, start)], max(end - start, 0))[0]
    return None
