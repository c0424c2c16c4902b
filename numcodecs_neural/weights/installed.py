"""Weights that were installed beside the package: files of decoders, named by their digests.

They are what stores bring along. A process looks there for what the package does not have, at the
moment a chunk needs it, so that what was just installed is found.

They lie in the folder that the environment variable ``NUMCODECS_NEURAL_WEIGHTS`` names, or else
where this platform keeps the data of a user's programs.
"""

import contextlib
import hashlib
import os
import re
import sys
import uuid
from pathlib import Path

from numcodecs_neural.errors import WeightsError

__all__ = ["VARIABLE", "folder", "installed_digests", "installed_path", "write_installed"]

VARIABLE = "NUMCODECS_NEURAL_WEIGHTS"
_PROGRAM = "numcodecs-neural"
_SUFFIX = ".safetensors"
_DIGEST = re.compile("[0-9a-f]{64}")


def folder() -> Path:
    """Return the folder of installed weights, which need not exist.

    Raises
    ------
    WeightsError
        If no variable says where it is, and this user has no home.
    """
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else _data_folder() / _PROGRAM / "weights"


def installed_path(sha256: str) -> Path:
    """Return where weights of this digest lie once they are installed."""
    return folder() / f"{sha256}{_SUFFIX}"


def installed_digests() -> list[str]:
    """Return the digests of all installed weights, in alphabetical order."""
    with contextlib.suppress(OSError, WeightsError):
        stems = (file.stem for file in folder().iterdir() if file.suffix == _SUFFIX)
        return sorted(filter(_DIGEST.fullmatch, stems))
    return []


def write_installed(content: bytes) -> Path:
    """Write a file of weights, whole or not at all; return where it is."""
    path = installed_path(hashlib.sha256(content).hexdigest())
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def _data_folder() -> Path:
    """Return where this platform keeps the data of a user's programs."""
    try:
        home = Path.home()
    except RuntimeError as exc:
        raise WeightsError(
            f"weights are installed in the home of a user, and this one has none: set {VARIABLE} "
            "to a folder"
        ) from exc
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
