"""Frozen chunks of the exact mode decode to the same samples, for ever."""

import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.format import Mode, pack_chunk, unpack_chunk
from numcodecs_neural.weights import exact_weights, resolve
from tests.golden.exact_cases import exact_cases
from tests.golden.parts import digest

FOLDERS = sorted(Path(__file__).parent.glob("v*/exact-*"))


def manifest_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return content


CHUNKS = [
    pytest.param(folder, name, id=f"{folder.name}-{name}")
    for folder in FOLDERS
    for name in manifest_of(folder)["chunks"]
]


def test_the_newest_weights_have_their_folder() -> None:
    assert exact_weights().name in {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_no_file_is_missing_changed_or_added(folder: Path) -> None:
    files = {
        path.name: digest(path.read_bytes())
        for path in folder.iterdir()
        if path.name != "manifest.json"
    }

    assert files == manifest_of(folder)["files"]
    assert resolve(folder.name).sha256 == manifest_of(folder)["weights"]


@pytest.mark.parametrize(("folder", "name"), CHUNKS)
def test_the_bytes_hold_what_the_manifest_says(folder: Path, name: str) -> None:
    chunk = (folder / f"{name}.chunk").read_bytes()

    header, sections = unpack_chunk(chunk)

    assert pack_chunk(header, sections) == chunk
    assert header.mode is Mode.EXACT
    entry = manifest_of(folder)["chunks"][name]
    assert (list(header.shape), list(header.box)) == (entry["shape"], entry["box"])
    assert header.max_error == entry["max_error"]


@pytest.mark.parametrize("backend", ["numpy", "auto"])
@pytest.mark.parametrize(("folder", "name"), CHUNKS)
def test_samples_are_the_same_on_every_backend(folder: Path, name: str, backend: str) -> None:
    chunk = (folder / f"{name}.chunk").read_bytes()

    with config.set(backend=backend):
        pixels = NeuralImage().decode(chunk)

    with lzma.open(folder / f"{name}.npy.xz") as file:
        np.testing.assert_array_equal(pixels, np.load(file), strict=True)


@pytest.mark.parametrize("name", exact_cases())
def test_frozen_samples_are_those_of_the_images_or_within_the_bound(name: str) -> None:
    case = exact_cases()[name]
    with lzma.open(FOLDERS[-1] / f"{name}.npy.xz") as file:
        found = np.load(file)

    assert np.abs(found.astype(int) - case.image.astype(int)).max() <= case.max_error
