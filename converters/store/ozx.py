"""A store in a single file: zipped OME-Zarr (RFC-9, ``.ozx``), which zarr's ZipStore reads."""

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .location import Folder

__all__ = ["OzxFolder", "is_archive", "pack", "read_from"]

SUFFIXES = (".ozx", ".zip")
# The first day that a zip file can tell: the same bytes whenever they are packed.
_DATE = (1980, 1, 1, 0, 0, 0)
# Of the header before an entry's bytes: where its two lengths are, and how long it is without them.
_LENGTHS, _HEADER_NBYTES = 26, 30
_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs")


@dataclass(frozen=True, slots=True)
class OzxFolder(Folder):
    """The files of a store in a single file, sizes and ends of which can be read.

    Parameters
    ----------
    entries : dict
        (place of the header, bytes) of each.
    """

    entries: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, path: Path) -> "OzxFolder":
        """Return the folder in the file at `path`, from the list of its entries."""
        with zipfile.ZipFile(path) as archive:
            entries = {
                entry.filename: (entry.header_offset, entry.file_size)
                for entry in archive.infolist()
                if entry.compress_type == zipfile.ZIP_STORED
            }
        return cls(str(path), entries)

    def zarr_store(self) -> Any:
        """Return the zarr store that reads the file."""
        from zarr.storage import ZipStore

        return ZipStore(self.place, mode="r")

    def size(self, name: str) -> int:
        """Return the bytes of an entry; 0 if it is not there."""
        return self.entries.get(name, (0, 0))[1]

    def tail(self, name: str, nbytes: int) -> bytes:
        """Return the last bytes of an entry."""
        header, size = self.entries[name]
        with Path(self.place).open("rb") as file:
            file.seek(header + _LENGTHS)
            lengths = file.read(_HEADER_NBYTES - _LENGTHS)
            start = header + _HEADER_NBYTES
            start += int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
            file.seek(start + size - nbytes)
            return file.read(nbytes)


def is_archive(path: Path) -> bool:
    """Return whether a store of this name is a single file."""
    return path.suffix.lower() in SUFFIXES


def pack(store: Path, target: Path) -> None:
    """Pack the folder of a store into one file, the root's metadata first, then all other.

    Nothing is compressed again, and dates are fixed.

    Parameters
    ----------
    store : Path
        The folder.
    target : Path
        The file.
    """
    files = [path for path in store.rglob("*") if path.is_file()]
    files.sort(key=lambda path: _order(path.relative_to(store)))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(store).as_posix(), _DATE)
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=path.stat().st_size >= 1 << 31) as packed:
                _copy(path, packed)
        archive.comment = json.dumps(_comment(store)).encode()


def read_from(path: Path, name: str) -> bytes | None:
    """Return the content of one file of a packed store; None if it or the store is not there."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    except (OSError, KeyError, zipfile.BadZipFile):
        return None


def _order(path: Path) -> tuple[bool, int, str]:
    is_data = path.name not in _METADATA
    return is_data, 0 if is_data else len(path.parts), path.as_posix()


def _comment(store: Path) -> dict[str, Any]:
    """Return what RFC-9 asks for: the version, and that metadata come first."""
    version = "0.5" if (store / "zarr.json").is_file() else "0.4"
    return {"ome": {"version": version, "zipFile": {"centralDirectory": {"jsonFirst": True}}}}


def _copy(path: Path, packed: Any) -> None:
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            packed.write(part)
