"""Frozen chunks of the JPEG mode decode to the same coefficients and pixels, for ever."""

import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.codec import mosaic_of
from numcodecs_neural.coding.dec_jpeg import JPEG_DECODERS
from numcodecs_neural.format import Mode, pack_chunk, unpack_chunk
from tests.golden.parts import digest
from tests.golden.regenerate_jpeg import coefficients_digest

FOLDERS = sorted(Path(__file__).parent.glob("v*/jpeg-*"))


def manifest_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return content


CHUNKS = [
    pytest.param(folder, name, id=f"{folder.name}-{name}")
    for folder in FOLDERS
    for name in manifest_of(folder)["chunks"]
]


def test_every_coder_that_is_read_has_its_folder() -> None:
    assert sorted(manifest_of(folder)["coder"] for folder in FOLDERS) == sorted(JPEG_DECODERS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_no_file_is_missing_changed_or_added(folder: Path) -> None:
    files = {
        path.name: digest(path.read_bytes())
        for path in folder.iterdir()
        if path.name != "manifest.json"
    }

    assert files == manifest_of(folder)["files"]


@pytest.mark.parametrize(("folder", "name"), CHUNKS)
def test_the_bytes_hold_what_the_manifest_says(folder: Path, name: str) -> None:
    manifest = manifest_of(folder)
    chunk = (folder / f"{name}.chunk").read_bytes()

    header, sections = unpack_chunk(chunk)

    assert pack_chunk(header, sections) == chunk
    assert header.mode is Mode.JPEG
    assert sections[0][0] == manifest["coder"]
    for key in ("shape", "box"):
        assert list(getattr(header, key)) == manifest["chunks"][name][key]


@pytest.mark.parametrize("backend", ["numpy", "auto"])
@pytest.mark.parametrize(("folder", "name"), CHUNKS)
def test_coefficients_and_pixels_are_the_same_on_every_backend(
    folder: Path, name: str, backend: str
) -> None:
    entry = manifest_of(folder)["chunks"][name]
    chunk = (folder / f"{name}.chunk").read_bytes()

    with config.set(backend=backend):
        pixels, mosaic = NeuralImage().decode(chunk), mosaic_of(chunk)

    with lzma.open(folder / f"{name}.npy.xz") as file:
        np.testing.assert_array_equal(pixels, np.load(file), strict=True)
    assert digest(pixels.tobytes()) == entry["pixels"]
    assert mosaic is not None
    assert coefficients_digest(mosaic.coefficients) == entry["coefficients"]
