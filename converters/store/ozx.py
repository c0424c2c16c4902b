"""A store in a single file: zipped OME-Zarr (RFC-9, ``.ozx``), which zarr's ZipStore reads."""

import json
import zipfile
from pathlib import Path
from typing import Any

from numcodecs_neural.files.folder import ZARR_METADATA

__all__ = ["is_archive", "pack"]

SUFFIXES = (".ozx", ".zip")
# The first day that a zip file can tell: the same bytes whenever they are packed.
_DATE = (1980, 1, 1, 0, 0, 0)


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


def _order(path: Path) -> tuple[bool, int, str]:
    is_data = path.name not in ZARR_METADATA
    return is_data, 0 if is_data else len(path.parts), path.as_posix()


def _comment(store: Path) -> dict[str, Any]:
    """Return what RFC-9 asks for: the version, and that metadata come first."""
    version = "0.5" if (store / "zarr.json").is_file() else "0.4"
    return {"ome": {"version": version, "zipFile": {"centralDirectory": {"jsonFirst": True}}}}


def _copy(path: Path, packed: Any) -> None:
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            packed.write(part)
