"""The table of clients: what each is, and what it is known to do with each of our stores."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
TABLE = FOLDER / "clients.toml"

STORES = {
    "rgb-04": "OME-Zarr 0.4, RGB",
    "rgb-05": "OME-Zarr 0.5, RGB",
    "grey-05": "OME-Zarr 0.5, 16 bits",
}
"""The stores that every client is given, and how the page calls them."""

OUTCOMES = {"equal": "reads equal", "serve": "reads through serve", "refuses": "refuses"}
"""What a row of the table may say, and how the page says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a client does with one store."""

    outcome: str
    says: str = ""
    """What it says of the store itself, or a part of that; empty where it reads it."""
    through_serve: str = ""
    """What it says of the store through serve, where it reads neither; only of measured rows."""

    def holds(self, found: "Row") -> bool:
        """Return whether `found`, a row that was measured, is what this one says."""
        return self.outcome == found.outcome and self.says in found.says


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A program that reads OME-Zarr, and the environment to try it in."""

    key: str
    name: str
    package: str
    version: str
    released: str
    python: str | None = None
    """None where the client runs in node."""
    requires: tuple[str, ...] = ()
    codec: bool
    reader: str
    urls: bool
    rows: Mapping[str, Row]

    @property
    def reader_path(self) -> Path:
        """The script that reads with it."""
        return FOLDER / "readers" / self.reader

    @property
    def pins_path(self) -> Path:
        """The file of exact versions: constraints of pip, or a package.json of npm."""
        suffix = "json" if self.python is None else "txt"
        return FOLDER / "constraints" / f"{self.key}.{suffix}"

    @property
    def requirements(self) -> tuple[str, ...]:
        """What to install, the client itself first."""
        return (f"{self.package}=={self.version}", *self.requires)


def clients() -> dict[str, Client]:
    """Return all clients by their keys, in the order of the page."""
    return {key: _client(key, said) for key, said in tomllib.loads(TABLE.read_text()).items()}


def _client(key: str, said: dict[str, Any]) -> Client:
    reads, says = said.pop("reads"), said.pop("says", {})
    rows = {store: Row(outcome=how, says=says.get(store, "")) for store, how in reads.items()}
    return Client(key=key, rows=rows, **said | {"requires": tuple(said.get("requires", ()))})
