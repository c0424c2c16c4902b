"""Archive: the files of a store in a zip, on this machine or behind a URL."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import SEEK_CUR, SEEK_END, SEEK_SET
from typing import TYPE_CHECKING, Any

from .folder import ZARR_METADATA, Folder, is_url, opened_location

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Archive", "is_url_of_a_zip", "open_archive"]

# Of the header before an entry's bytes: where its two lengths are, and how long it is without them.
_LENGTHS, _HEADER_NBYTES = 26, 30
# What is read at once to open a zip: of most, the list of files at its end is smaller.
_PIECE_NBYTES = 2**18


@dataclass(frozen=True, slots=True)
class Archive(Folder):
    """The files in a zip, which is open until it is closed.

    Parameters
    ----------
    location : str
        Path or URL of the zip.
    zip_file : ZipFile
    top : str
        The folder in it that holds the files; empty for the zip itself.
    """

    zip_file: zipfile.ZipFile = field(repr=False)
    top: str = ""
    _starts: dict[str, int] = field(default_factory=dict, init=False, repr=False)

    @property
    def root(self) -> str:
        """Where in `zarr_store` the files are: of some zips, that is not the top."""
        return self.top if self.path else ""

    @property
    def is_listed(self) -> bool:
        """Whether its files can be listed: a zip does that itself."""
        return True

    def zarr_store(self) -> Any:
        """Return zarr's store, which reads only."""
        from zarr.storage import ZipStore

        if self.path:
            return ZipStore(self.location, mode="r")
        from .folder_store import FolderStore

        return FolderStore(self)

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None if there is no such file."""
        entry = self._entry(name)
        return self.zip_file.read(entry) if entry else None

    def size(self, name: str) -> int:
        """Return the bytes of a file, as they are before the zip compresses it; 0 if none."""
        entry = self._entry(name)
        return entry.file_size if entry else 0

    def tail(self, name: str, nbytes: int) -> bytes | None:
        """Return the last `nbytes` of a file; None if there is none."""
        entry = self._entry(name)
        if entry is None:
            return None
        return self._part(name, max(entry.file_size - nbytes, 0), min(nbytes, entry.file_size))

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
        return self._bytes(self._start_of(entry) + offset, nbytes)

    def _start_of(self, entry: zipfile.ZipInfo) -> int:
        """Return where an entry's bytes begin: behind a header with lengths of its own."""
        start = self._starts.get(entry.filename)
        if start is None:
            header = self._bytes(entry.header_offset + _LENGTHS, _HEADER_NBYTES - _LENGTHS)
            name_nbytes = int.from_bytes(header[:2], "little")
            extra_nbytes = int.from_bytes(header[2:], "little")
            start = entry.header_offset + _HEADER_NBYTES + name_nbytes + extra_nbytes
            self._starts[entry.filename] = start
        return start

    def _bytes(self, start: int, nbytes: int) -> bytes:
        if self.path:
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read(nbytes)
        return _bytes_behind(self.location, start, nbytes)

    def _entry_of(self, name: str) -> zipfile.ZipInfo:
        return self.zip_file.getinfo(self._name(name))

    def _entry(self, name: str) -> zipfile.ZipInfo | None:
        return self.zip_file.NameToInfo.get(self._name(name))

    def _name(self, name: str) -> str:
        return f"{self.top}/{name}" if self.top else name


def is_url_of_a_zip(location: str) -> bool:
    """Return whether a location is a URL that names a zip, whatever is asked behind its path.

    Examples
    --------
    >>> is_url_of_a_zip("https://a.org/slide.ozx?signature=x"), is_url_of_a_zip("slide.ozx")
    (True, False)
    """
    return is_url(location) and location.partition("?")[0].endswith((".ozx", ".zip"))


def open_archive(location: str) -> Archive:
    """Open a zip whose only folder, where it has no more, is the store.

    Raises
    ------
    OSError
        If it is not there, or its server fails.
    BadZipFile
        If it is no zip.
    ConfigError
        If nothing here opens URLs of its kind.
    """
    zip_file = zipfile.ZipFile(_BytesBehind.opened(location) if is_url(location) else location)
    tops = {name.partition("/")[0] for name in zip_file.namelist()}
    is_nested = len(tops) == 1 and not tops & set(ZARR_METADATA)
    return Archive(location, zip_file, tops.pop() if is_nested else "")


class _BytesBehind(io.RawIOBase):
    """A file behind a URL, for ZipFile: it reads what it is asked for, and its end but once."""

    def __init__(self, url: str) -> None:
        with opened_location(url) as (fs, path):
            self._nbytes = int(fs.size(path) or 0)
        self._url, self._at = url, 0
        # Where a zip lists its files. ZipFile itself hides errors while it looks for that.
        self._end_at = max(self._nbytes - _PIECE_NBYTES, 0)
        self._end = _bytes_behind(url, self._end_at, self._nbytes - self._end_at)

    @classmethod
    def opened(cls, url: str) -> io.BufferedReader:
        """Return it with a buffer, which reads more than a few bytes at once."""
        return io.BufferedReader(cls(url), _PIECE_NBYTES)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        self._at = offset + {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._nbytes}[whence]
        return self._at

    def readinto(self, target: "Buffer") -> int:
        view = memoryview(target)
        nbytes = max(min(len(view), self._nbytes - self._at), 0)
        if self._at >= self._end_at:
            first = self._at - self._end_at
            found = self._end[first : first + nbytes]
        else:
            found = _bytes_behind(self._url, self._at, nbytes)
        view[: len(found)] = found
        self._at += len(found)
        return len(found)


def _bytes_behind(url: str, start: int, nbytes: int) -> bytes:
    with opened_location(url) as (fs, path):
        return bytes(fs.cat_file(path, start=start, end=start + nbytes))
