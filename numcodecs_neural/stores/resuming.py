"""StateFile: how far a check came, in a file that a later run goes on from."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.files.folder import Folder

from .tally import Tally

__all__ = ["StateFile", "identity_of"]

_SCHEMA = 1
_EVERY_S = 2.0


class StateFile:
    """A small JSON file, replaced as a whole every two seconds: a kill leaves the one before.

    Parameters
    ----------
    path : Path, optional
        The file; None for a check that is not kept.
    identity : str
        What is checked, and how: a file about something else is refused.
    """

    def __init__(self, path: Path | None, identity: str) -> None:
        self._path, self._identity = path, identity
        self._next = time.monotonic() + _EVERY_S

    def read(self) -> tuple[int, Tally]:
        """Return how many batches are done, and what was found in them.

        Raises
        ------
        ConfigError
            If the file is of another check, or none of this program.
        """
        if self._path is None or not self._path.exists():
            return 0, Tally()
        try:
            values = json.loads(self._path.read_text(encoding="utf-8"))
            found, done = values["identity"], int(values["done"])
            tally = Tally.from_json(values["tally"])
        except (KeyError, TypeError, ValueError) as exc:
            raise ConfigError(
                f"--resume {self._path}: verify did not write this file: name another, or delete it"
            ) from exc
        if found != self._identity:
            raise ConfigError(
                f"--resume {self._path}: it is about another store, or this one before it was "
                "written anew, or another --against: name another file, or delete it"
            )
        return done, tally

    def note(self, done: int, tally: Tally) -> None:
        """Keep what is done, if the last time is two seconds ago."""
        if self._path is not None and time.monotonic() >= self._next:
            self.write(done, tally)

    def write(self, done: int, tally: Tally) -> None:
        """Keep what is done."""
        if self._path is None:
            return
        values = {
            "schema_version": _SCHEMA,
            "identity": self._identity,
            "done": done,
            "tally": tally.to_json(),
        }
        content = json.dumps(values).encode()
        Folder(str(self._path.absolute().parent)).write(self._path.name, content)
        self._next = time.monotonic() + _EVERY_S

    def remove(self) -> None:
        """Delete the file: the check is finished, and the next is to begin anew."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def identity_of(*parts: Any) -> str:
    """Return a digest of what is checked, and how."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
