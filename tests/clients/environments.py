"""Environments to try clients in: each is made once from exact versions, and kept in a folder."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.clients.table import FOLDER, Client

ROOT = Path(__file__).resolve().parents[2]
STAMP = "made-from"
SOURCES = ("numcodecs_neural", "converters", "pyproject.toml", "README.md", "LICENSE")
"""What a wheel is built from."""


class NoInterpreterError(Exception):
    """There is no Python of the version that a client needs, or no node."""


def build_wheel(folder: Path) -> Path:
    """Build the package under test into `folder`, and return its wheel."""
    shutil.rmtree(folder, ignore_errors=True)
    # From a copy: files of an earlier build would get into the wheel, deleted ones too.
    with tempfile.TemporaryDirectory() as scratch:
        for name in SOURCES:
            _copy(ROOT / name, Path(scratch) / name)
        _pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), scratch)
    return next(folder.glob("*.whl"))


def environment(client: Client, folder: Path, wheel: Path | None) -> Path:
    """Return the Python of a client's environment, or its ask.mjs; made unless it is there.

    Parameters
    ----------
    folder : Path
        Where environments are kept.
    wheel : Path, optional
        The package under test, for clients that need it. It is installed anew each time, since its
        version may stay the same.

    Raises
    ------
    NoInterpreterError
        If there is no Python of the client's version, or no node.
    """
    home = folder / client.key
    if client.python is None:
        return _node_environment(client, home)
    interpreter = home / "bin" / "python"
    if not is_made(client, home):
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([find_python(client.python), "-m", "venv", str(home)], check=True)
        pins = ["-c", str(client.pins_path)] if client.pins_path.exists() else []
        wheels = [str(wheel)] if wheel and client.codec else []
        _pip(interpreter, "install", *pins, *client.requirements, *wheels)
        note_made(client, home)
    elif wheel and client.codec:
        _pip(interpreter, "install", "--no-deps", "--force-reinstall", str(wheel))
    return interpreter


def freeze(client: Client, interpreter: Path) -> str:
    """Return the versions in an environment, as constraints of pip."""
    command = [str(interpreter), "-m", "pip", "freeze"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    pinned = [line for line in lines if "==" in line]
    return "\n".join([f"# What {client.name} was tried with.", *pinned, ""])


def find_python(version: str) -> str:
    """Return a Python of a version such as "3.13": on the path, or among those of pyenv.

    Raises
    ------
    NoInterpreterError
        If there is none that starts.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for path in (f"python{version}", *sorted(pyenv.glob(f"{version}.*/bin/python{version}"))):
        if _starts([str(path), "-c", ""]):
            return str(path)
    raise NoInterpreterError(f"no Python {version} was found, on the path or among those of pyenv")


def _node_environment(client: Client, home: Path) -> Path:
    # node looks for packages beside a script, so that scripts are copied there.
    if not _starts(["node", "--version"]):
        raise NoInterpreterError("node was not found on the path")
    if not is_made(client, home):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shutil.copy(client.pins_path, home / "package.json")
        install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(install, cwd=home, check=True)
        note_made(client, home)
    for script in (FOLDER / "ask.mjs", client.reader_path):
        shutil.copy(script, home)
    return home / "ask.mjs"


def _fingerprint(client: Client) -> str:
    pins = client.pins_path.read_text() if client.pins_path.exists() else ""
    made_from = [client.python, client.requirements, client.codec, pins]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


def is_made(client: Client, home: Path) -> bool:
    """Return whether a folder holds the environment of a client, of these versions."""
    stamp = home / STAMP
    return stamp.exists() and stamp.read_text() == _fingerprint(client)


def note_made(client: Client, home: Path) -> None:
    """Note in a folder what its environment was made from."""
    (home / STAMP).write_text(_fingerprint(client))


def _starts(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _pip(interpreter: str | Path, verb: str, *arguments: str) -> None:
    options = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([str(interpreter), "-m", "pip", verb, *options, *arguments], check=True)
