"""A store in a single file, seen as a folder: for whoever asks for the sizes of its chunks."""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..archive import is_archive
from ..output import output_folder
from ..place import Folder

__all__ = ["store_folder"]

# Of the header before an entry's bytes: where its two lengths are, and how long it is without them.
_LENGTHS, _HEADER_NBYTES = 26, 30


def store_folder(output: str) -> Folder:
    """Return the folder of a finished store: a path, a single file or a URL.

    Raises
    ------
    OSError, zipfile.BadZipFile
        If a single file cannot be opened.
    """
    folder = output_folder(output)
    return _Archive.of(folder.path) if folder.path and is_archive(folder.path) else folder


@dataclass(frozen=True, slots=True)
class _Archive(Folder):
    """The files in a zip that are kept as they are.

    Parameters
    ----------
    entries : dict
        (place of the header, bytes) of each.
    """

    entries: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, path: Path) -> "_Archive":
        with zipfile.ZipFile(path) as archive:
            entries = {
                entry.filename: (entry.header_offset, entry.file_size)
                for entry in archive.infolist()
                if entry.compress_type == zipfile.ZIP_STORED
            }
        return cls(str(path), entries)

    def zarr_store(self) -> Any:
        from zarr.storage import ZipStore

        return ZipStore(self.place, mode="r")

    def size(self, name: str) -> int:
        return self.entries.get(name, (0, 0))[1]

    def tail(self, name: str, nbytes: int) -> bytes:
        header, size = self.entries[name]
        with Path(self.place).open("rb") as file:
            file.seek(header + _LENGTHS)
            lengths = file.read(_HEADER_NBYTES - _LENGTHS)
            start = header + _HEADER_NBYTES
            start += int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
            file.seek(start + size - nbytes)
            return file.read(nbytes)
