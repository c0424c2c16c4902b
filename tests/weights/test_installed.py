"""Installed weights: where they are, and that only what is what it says is used."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.weights import by_id, exact_weights_by_id, load_decoder, resolve
from numcodecs_neural.weights.installed import (
    VARIABLE,
    folder,
    installed_digests,
    installed_path,
    write_installed,
)

_catalogue = importlib.import_module("numcodecs_neural.weights.catalogue")


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, ".local/share"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data"),
        ("darwin", {}, "Library/Application Support"),
        ("win32", {}, "AppData/Local"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
    ],
)
def test_they_are_where_the_platform_keeps_data(
    platform: str,
    variables: dict[str, str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (VARIABLE, "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert folder() == tmp_path / expected / "numcodecs-neural" / "weights"


def test_a_variable_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    assert folder() == tmp_path
    assert installed_digests() == []


def test_without_a_home_it_says_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)

    assert installed_digests() == []
    with pytest.raises(WeightsError, match=f"set {VARIABLE} to a folder"):
        folder()


@pytest.fixture
def unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the digest of weights that were installed, and that the package does not have."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    info = resolve("he-fast-2")
    write_installed(info.decoder_path.read_bytes())
    content = _catalogue._content()
    del content["weights"]["he-fast-2"]
    monkeypatch.setattr(_catalogue, "_content", lambda: content)
    _catalogue._read.cache_clear()
    _catalogue._installed.cache_clear()
    yield info.sha256
    monkeypatch.undo()
    _catalogue._read.cache_clear()
    _catalogue._installed.cache_clear()


def test_installed_weights_are_found_by_the_id_of_chunks(unknown: str) -> None:
    info = by_id(bytes.fromhex(unknown)[:8])

    assert info.sha256 == unknown
    assert load_decoder(info).description["kind"] == "context"
    assert exact_weights_by_id(info.id) == info


def test_installed_weights_that_were_damaged_are_refused(unknown: str) -> None:
    path = installed_path(unknown)
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(WeightsError, match="and should have"):
        load_decoder(by_id(bytes.fromhex(unknown)[:8]))


def test_files_that_are_no_digests_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    for name in ("notes.txt", "he-fast-2.safetensors", f"{'0' * 64}.safetensors.partial"):
        (tmp_path / name).write_bytes(b"")

    assert installed_digests() == []
