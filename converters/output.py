"""A store that is being written: beside its final place until it is complete, or gone."""

import os
import shutil
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["UnfinishedStore", "check_output"]

_ZARR_FILES = ("zarr.json", ".zgroup", ".zarray")


class UnfinishedStore:
    """A folder for a store and its scratch, removed at the end whatever happens.

    Nothing appears at the store's own path before `finish`, which is one rename. What a killed run
    left behind is cleared by the next one.

    Parameters
    ----------
    output : Path
        Where the store goes.
    overwrite : bool
        Replace what is there, if it is a Zarr store.

    Raises
    ------
    FileExistsError
        If there is something that may not be replaced, or another conversion writes there.
    """

    def __init__(self, output: Path, *, overwrite: bool) -> None:
        self._output = output
        self._overwrite = overwrite
        self._folder = output.with_name(f"{output.name}.partial")
        self._lock: int | None = None

    @property
    def store(self) -> Path:
        """Folder of the store while it is written."""
        return self._folder / "store"

    @property
    def scratch(self) -> Path:
        """Folder of what is needed on the way only."""
        return self._folder / "scratch"

    def __enter__(self) -> Self:
        check_output(self._output, overwrite=self._overwrite)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = _lock_folder(self._folder)
        for leftover in (self.store, self.scratch):
            shutil.rmtree(leftover, ignore_errors=True)
        return self

    def finish(self) -> None:
        """Move the complete store to its place."""
        check_output(self._output, overwrite=self._overwrite)
        replaced = self._folder / "replaced"
        if self._output.exists():
            self._output.rename(replaced)
        self.store.rename(self._output)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def check_output(output: Path, *, overwrite: bool) -> None:
    """Refuse to write where something stands, unless that is a Zarr store to be replaced.

    Raises
    ------
    FileExistsError
        If it may not be replaced; says why.
    """
    if not output.exists() and not output.is_symlink():
        return
    if not overwrite:
        raise FileExistsError(f"{output} exists: choose another output, or pass --overwrite")
    if not any((output / name).is_file() for name in _ZARR_FILES):
        raise FileExistsError(
            f"{output} is not a Zarr store, and --overwrite replaces nothing else: "
            "choose another output"
        )


def _lock_folder(folder: Path) -> int | None:
    """Lock `folder` for this process; the system lets go of it however the process ends."""
    if sys.platform == "win32":
        return None
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(handle)
        raise FileExistsError(f"{folder} is in use: another conversion writes there") from exc
    return handle
