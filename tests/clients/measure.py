"""What a client does with a store: the store itself first, and where it refuses, through serve."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.clients.table import FOLDER, Client, Row

Regions = Sequence[tuple[int, int, int, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A store to be read, and what its regions hold."""

    store: Path
    regions: Regions
    expected: list[str]
    url: str
    """Where `serve` shows it."""


def measure(client: Client, interpreter: Path, task: Task) -> Row:
    """Return what the client does with the store."""
    says = _ask(client, interpreter, str(task.store), task)
    if not says:
        return Row(outcome="equal")
    served = "it opens no URL"
    if client.urls:
        served = _ask(client, interpreter, task.url, task)
    return Row(outcome="refuses" if served else "serve", says=says, through_serve=served)


def _ask(client: Client, interpreter: Path, location: str, task: Task) -> str:
    """Return the empty text if the client reads all regions as expected, or what is wrong."""
    if client.python is None:
        command = ["node", str(interpreter), f"./{client.reader}"]
    else:
        command = [str(interpreter), "-P", str(FOLDER / "ask.py"), str(client.reader_path)]
    command += [location, json.dumps(task.regions)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0 or not done.stdout.strip():
        return f"exit code {done.returncode}: {done.stderr.strip()[-500:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    if "error" in found:
        return str(found["error"])
    return "" if found["sha256"] == task.expected else "other pixels, without an error"
