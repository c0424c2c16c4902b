"""UnfinishedStore: a store that is written beside its location and moved there when complete."""

import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, Self

from numcodecs_neural.errors import NeuralCodecError
from numcodecs_neural.files.archive import Archive
from numcodecs_neural.files.folder import Folder, is_url

from .ozx import is_archive, pack

__all__ = [
    "UnfinishedStore",
    "WorkFolder",
    "check_output",
    "fingerprint_in",
    "output_folder",
    "remove_unfinished",
    "reserved_work",
    "store_folder",
]

_ZARR_FILES = ("zarr.json", ".zgroup", ".zarray")
_NOTE = "conversion.json"
# The store that another one takes the place of, between the two renames.
_REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """The folders beside a store of a conversion that is not complete.

    Parameters
    ----------
    output : Folder
        The location of the store.
    scratch : str, optional
        Folder for reduced pixels instead.
    """

    output: Folder
    scratch: str | None = None

    @property
    def folder(self) -> Folder:
        """The folder of all but reduced pixels that are elsewhere."""
        return Folder(f"{self.output.location.rstrip('/')}.partial")

    @property
    def reduced_pixels(self) -> Folder:
        """Where reduced pixels wait: of the same output, always the same folder."""
        if self.scratch is None:
            return self.folder / "scratch"
        location = self.output.location.rstrip("/")
        digest = hashlib.sha256(location.encode()).hexdigest()[:16]
        return output_folder(self.scratch) / f"{PurePath(location).name}.{digest}.scratch"

    @property
    def checkpoint(self) -> Folder:
        """Where it is noted which regions are done."""
        return self.folder / "records"

    def remove(self) -> None:
        """Remove all of it."""
        self.reduced_pixels.remove()
        self.folder.remove()


class UnfinishedStore:
    """A store that is being written, with its reduced pixels and its checkpoint.

    Nothing appears at the location of a local store before `finish`, which is one rename; a store
    behind a URL gets its root's metadata then, without which it is no image. What was begun is kept
    when the conversion is interrupted, and removed when it fails for good.

    Parameters
    ----------
    output : str
        A folder, a file that ends in ``.ozx`` or ``.zip``, or a URL.
    fingerprint : str
        Digest of all that the store's bytes depend on.
    overwrite : bool
        Replace what is there, if it is a Zarr store.
    resume : bool
        Go on with what was begun with the same settings.
    scratch : str, optional
        Folder for reduced pixels, if they are not to be beside the output.

    Raises
    ------
    FileExistsError
        If there is something that may not be replaced, or another conversion writes there.
    """

    def __init__(
        self,
        output: str,
        *,
        fingerprint: str,
        overwrite: bool,
        resume: bool,
        scratch: str | None = None,
    ) -> None:
        self._output = output_folder(output)
        self._fingerprint = fingerprint
        self._overwrite = overwrite
        self._resume = resume
        self._folders = WorkFolder(self._output, scratch)
        self._work = self._folders.folder
        self._lock: int | None = None
        self.is_resumed = False

    @property
    def store(self) -> Folder:
        """Where the store is written."""
        return self._work / "store" if self._output.path else self._output

    @property
    def reduced_pixels(self) -> Folder:
        """Where reduced pixels wait."""
        return self._folders.reduced_pixels

    @property
    def checkpoint(self) -> Folder:
        """Where it is noted which regions are done."""
        return self._folders.checkpoint

    def __enter__(self) -> Self:
        if self._output.path and self._work.path:
            _put_back(self._work.path / _REPLACED, self._output.path)
        check_output(self._output, overwrite=self._overwrite, is_begun=self._is_begun_remotely())
        if self._work.path:
            self._work.path.mkdir(parents=True, exist_ok=True)
            self._lock = _lock_folder(self._work.path)
        self.is_resumed = self._resume and self._begun_with() == self._fingerprint
        if self.is_resumed:
            self.store.remove_torn()
        else:
            self._start_afresh()
            self._note(has_arrays=False)
        return self

    def note_arrays(self) -> None:
        """Note that all arrays are there: from now on the conversion can be continued."""
        self._note(has_arrays=True)

    def finish(self) -> None:
        """Move the complete store to its location."""
        path, store = self._output.path, self.store.path
        if path is None or store is None:
            return
        check_output(self._output, overwrite=self._overwrite, is_begun=False)
        if is_archive(path):
            packed = store.with_name("packed")
            pack(store, packed)
            packed.replace(path)
            return
        if path.exists():
            path.rename(store.with_name(_REPLACED))
        store.rename(path)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._can_go_on(error):
            self._folders.remove()
            if error is not None and self._output.path is None:
                self._output.remove()
        if self._lock is not None:
            os.close(self._lock)

    def _can_go_on(self, error: BaseException | None) -> bool:
        """Return whether what was begun is worth keeping: the slide itself may be sound."""
        if isinstance(error, NeuralCodecError):
            return False
        return isinstance(error, (KeyboardInterrupt, OSError)) and self._begun_with() is not None

    def _begun_with(self) -> str | None:
        """Return the fingerprint of what was begun and has all arrays; None if nothing was."""
        noted = self._noted()
        return str(noted.get("settings")) if noted.get("has_arrays") else None

    def _is_begun_remotely(self) -> bool:
        return self._output.path is None and bool(self._noted())

    def _note(self, *, has_arrays: bool) -> None:
        noted = {"settings": self._fingerprint, "has_arrays": has_arrays}
        self._work.write(_NOTE, json.dumps(noted).encode())

    def _noted(self) -> dict[str, Any]:
        try:
            noted = json.loads(self._work.read(_NOTE) or b"{}")
        except ValueError:
            return {}
        return noted if isinstance(noted, dict) else {}

    def _start_afresh(self) -> None:
        if self._work.path:
            # The folder itself is locked, and stays.
            for folder in (self.store, self.reduced_pixels, self.checkpoint):
                folder.remove()
            (self._work.path / _NOTE).unlink(missing_ok=True)
            return
        self._folders.remove()
        self._output.remove()


def remove_unfinished(output: str, scratch: str | None = None) -> None:
    """Remove what a conversion left beside a complete local store that was killed at its very end.

    Raises
    ------
    FileExistsError
        If another conversion writes there.
    """
    work = WorkFolder(output_folder(output), scratch)
    if work.folder.path and work.folder.path.is_dir():
        with _locked(work.folder.path):
            work.remove()


@contextmanager
def reserved_work(output: str, scratch: str | None) -> Iterator[WorkFolder]:
    """Reserve the folders beside a complete store, empty, and remove them afterwards.

    Raises
    ------
    FileExistsError
        If another conversion writes there.
    """
    work = WorkFolder(output_folder(output), scratch)
    path = work.folder.path
    if path:
        path.mkdir(parents=True, exist_ok=True)
    with _locked(path) if path else nullcontext():
        work.checkpoint.remove()
        work.reduced_pixels.remove()
        yield work
        work.remove()


def output_folder(output: str) -> Folder:
    """Return the place of an output by its absolute path or URL."""
    return Folder(output if is_url(output) else str(Path(output).absolute()))


def store_folder(output: str) -> Folder:
    """Return the folder of a finished store: a path, a single file or a URL.

    Raises
    ------
    OSError, zipfile.BadZipFile
        If a single file cannot be opened.
    """
    folder = output_folder(output)
    if folder.path and is_archive(folder.path):
        return Archive(folder.location, zipfile.ZipFile(folder.path))
    return folder


def check_output(output: Folder, *, overwrite: bool, is_begun: bool) -> None:
    """Refuse to write where something stands, unless that is a Zarr store to be replaced.

    Parameters
    ----------
    is_begun : bool
        Whether what stands there is known to be our own, and not complete.

    Raises
    ------
    FileExistsError
        If it may not be replaced; says why.
    """
    if is_begun or not output.exists():
        return
    if not overwrite:
        raise FileExistsError(
            f"{output.location} exists: choose another output, or pass --overwrite, or --resume to "
            "keep it if it was made with the same settings"
        )
    if not _is_store(output):
        raise FileExistsError(
            f"{output.location} is not a Zarr store, and --overwrite replaces nothing else: "
            "choose another output"
        )


def fingerprint_in(output: Folder) -> str | None:
    """Return the fingerprint of a complete store; None if it is none of ours."""
    attributes = _root_attributes(output)
    block = attributes.get("numcodecs_neural")
    settings = block.get("settings") if isinstance(block, dict) else None
    return settings if isinstance(settings, str) else None


def _root_attributes(output: Folder) -> dict[str, Any]:
    for name in ("zarr.json", ".zattrs"):
        content = _root_file(output, name)
        with suppress(ValueError):
            values = json.loads(content or b"{}")
            attributes = values.get("attributes", {}) if name == "zarr.json" else values
            if attributes:
                return dict(attributes)
    return {}


def _root_file(output: Folder, name: str) -> bytes | None:
    if output.path and is_archive(output.path):
        with (
            suppress(OSError, zipfile.BadZipFile),
            closing(store_folder(output.location)) as packed,
        ):
            return packed.read(name)
        return None
    return output.read(name)


def _is_store(output: Folder) -> bool:
    return any(_root_file(output, name) for name in _ZARR_FILES)


def _put_back(replaced: Path, path: Path) -> None:
    """Give the old store its place again if a kill came before the new one got it."""
    if not replaced.exists():
        return
    with _locked(replaced.parent):
        if not path.exists():
            replaced.rename(path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = _lock_folder(folder)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


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
