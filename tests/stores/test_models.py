"""Weights that travel with a store: embedded, installed elsewhere, and used there."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural.converters.store import ozx
from numcodecs_neural.stores import weights
from numcodecs_neural.weights import catalogue, resolve
from numcodecs_neural.weights.installed import VARIABLE
from tests.annotations import FreshPython, RunCli
from tests.stores.conftest import converted

StoreOf = Callable[[str], Path]
# A release whose package is the folder that is named first.
OTHER_RELEASE = """
import importlib, sys
from pathlib import Path
module = importlib.import_module("numcodecs_neural.weights.catalogue")
module._folder = lambda: Path(sys.argv[1])
"""
READ = """
import hashlib, zarr
try:
    pixels = zarr.open_array(sys.argv[2] + "/0", mode="r")[...]
    print(hashlib.sha256(pixels.tobytes()).hexdigest())
except Exception as exc:
    print(type(exc).__name__, exc)
"""
INSTALL = """
from numcodecs_neural import cli
sys.exit(cli.main(["models", "install", sys.argv[2]]))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of installed weights: the test's own."""
    folder = tmp_path / "installed"
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


def release_without(folder: Path, *, is_listed: bool) -> Path:
    """Make the folder of a package without files, and unless listed without the name he-fast-2."""
    import numcodecs_neural.weights as package

    folder.mkdir()
    source = Path(next(iter(package.__path__))) / "catalogue.json"
    content: dict[str, Any] = json.loads(source.read_text())
    if not is_listed:
        del content["weights"]["he-fast-2"]
        content["families"]["he-fast"] = "he-fast-1"
    (folder / "catalogue.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("version", "is_listed"),
    [pytest.param("0.5", True, id="lost file"), pytest.param("0.4", False, id="unknown weights")],
)
def test_a_release_that_lacks_the_weights_reads_after_the_call_that_its_error_names(
    version: str, is_listed: bool, store_of: StoreOf, fresh_python: FreshPython, tmp_path: Path
) -> None:
    store = store_of(version)
    pixels: Any = zarr.open_array(store / "0", mode="r")[...]
    package = release_without(tmp_path / "package", is_listed=is_listed)
    weights.embed(str(store))

    before = fresh_python(OTHER_RELEASE + READ, package, store)
    fresh_python(OTHER_RELEASE + INSTALL, package, store)
    after = fresh_python(OTHER_RELEASE + READ, package, store)

    assert before.startswith("WeightsError")
    assert "numcodecs-neural models install STORE" in before
    assert after == hashlib.sha256(np.asarray(pixels).tobytes()).hexdigest()


def test_embedded_weights_are_plain_bytes_with_their_digest(store_of: StoreOf, run: RunCli) -> None:
    store, info = store_of("0.5"), resolve("he-fast-2")

    code, out, _ = run("models", "embed", store)

    array: Any = zarr.open_array(store / "weights" / "files" / "he-fast-2", mode="r")
    assert code == 0
    assert out == f"{store}: he-fast-2  {array.size} bytes  {info.sha256}\n"
    assert array[...].tobytes() == info.decoder_path.read_bytes()
    assert dict(array.attrs) == {"name": "he-fast-2", "sha256": info.sha256}
    assert run("info", store)[1].count("brings along the weights: he-fast-2") == 1


def test_embedding_twice_changes_nothing(
    store_of: StoreOf, files_of: Callable[[Path], dict[str, bytes]]
) -> None:
    store = store_of("0.4")
    weights.embed(str(store))
    once = files_of(store)

    weights.embed(str(store))

    assert files_of(store) == once


def test_a_store_with_weights_is_the_same_image(store_of: StoreOf, kept: dict[str, Path]) -> None:
    from numcodecs_neural.stores.verify import verify

    store = store_of("0.5")
    weights.embed(str(store))

    assert verify(store, against=kept["0.5"], workers=1).is_good


@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_the_converter_embeds_what_chunks_need(
    version: str, picture: Path, mask: Path, kept: dict[str, Path], tmp_path: Path, run: RunCli
) -> None:
    output = tmp_path / ("out.ozx" if version == "0.5" else "out.ome.zarr")
    options: dict[str, Any] = {"quality": 40, "tissue": str(mask), "ome_zarr_version": version}

    converted(picture, output, embed_weights=True, **options)

    code, out, _ = run("models", "install", output)
    assert code == 0
    assert out.startswith(f"he-fast-2  {resolve('he-fast-2').sha256}  ")
    assert not (kept[version] / "weights").exists()


def test_nothing_is_added_to_a_zip(store_of: StoreOf, tmp_path: Path, run: RunCli) -> None:
    ozx.pack(store_of("0.5"), tmp_path / "a.ozx")

    code, _, err = run("models", "embed", tmp_path / "a.ozx")

    assert code == 1
    assert "is a zip, in which nothing can be replaced: embed the weights in the folder" in err


def test_weights_are_installed_from_a_zip(
    store_of: StoreOf, tmp_path: Path, folder: Path, run: RunCli
) -> None:
    store, sha256 = store_of("0.5"), resolve("he-fast-2").sha256
    weights.embed(str(store))
    ozx.pack(store, tmp_path / "a.ozx")

    code, out, _ = run("models", "install", tmp_path / "a.ozx")

    path = folder / f"{sha256}.safetensors"
    assert code == 0
    assert out == f"he-fast-2  {sha256}  {path}\n"
    assert path.read_bytes() == resolve("he-fast-2").decoder_path.read_bytes()
    assert run("models")[1].splitlines()[-1] == f"installed  {sha256}  {path}"


def test_weights_are_installed_from_a_file(folder: Path, run: RunCli) -> None:
    info = resolve("grey-fast-2")

    code, out, _ = run("models", "install", info.decoder_path)

    assert code == 0
    assert out.startswith(f"grey-fast-2  {info.sha256}  ")
    assert [path.name for path in folder.iterdir()] == [f"{info.sha256}.safetensors"]


@pytest.mark.parametrize(
    ("name", "says"),
    [("he-fast-1.encoder", "those that decode are of the kinds"), ("no", "is no weights file")],
)
def test_other_files_are_not_installed(
    name: str, says: str, folder: Path, tmp_path: Path, run: RunCli
) -> None:
    (tmp_path / "no.safetensors").write_bytes(b"no weights")
    path = tmp_path / "no.safetensors"
    if name != "no":
        path = Path(str(resolve("he-fast-1").encoder_path))

    code, _, err = run("models", "install", path)

    assert code == 1
    assert says in err
    assert not folder.exists()


def test_damaged_weights_of_a_store_are_not_installed(
    store_of: StoreOf, folder: Path, run: RunCli
) -> None:
    store = store_of("0.5")
    weights.embed(str(store))
    array: Any = zarr.open_array(store / "weights" / "files" / "he-fast-2", mode="r+")
    array[1000] = array[1000] ^ np.uint8(1)

    code, _, err = run("models", "install", store)

    assert code == 1
    assert "and should have" in err
    assert not folder.exists()


def test_an_array_too_large_for_weights_is_not_read(store_of: StoreOf, run: RunCli) -> None:
    store = store_of("0.5")
    zarr.create_array(
        store, name="weights/files/huge", shape=(1 << 40,), chunks=(1 << 40,), dtype=np.uint8
    )

    code, _, err = run("models", "install", store)

    assert code == 1
    assert "and weights have at most 67108864" in err


def test_a_store_without_weights_says_who_embeds_them(kept: dict[str, Path], run: RunCli) -> None:
    code, _, err = run("models", "install", kept["0.5"])

    assert code == 1
    assert "`numcodecs-neural models embed STORE`" in err


@pytest.mark.parametrize("name", [*catalogue(), "exact-1", "jpeg-1"])
def test_the_card_of_weights_is_shown(name: str, run: RunCli) -> None:
    code, out, _ = run("models", name)

    assert code == 0
    assert out.startswith(f"# {name}\n")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["he-slow"], 1, "there are no weights called 'he-slow'"),
        (["embed"], 2, "models embed needs a STORE"),
        (["he-fast", "a.ome.zarr"], 2, "models takes embed or install before a.ome.zarr"),
    ],
)
def test_wrong_usage_is_one_sentence(
    arguments: list[str], code: int, says: str, run: RunCli
) -> None:
    found, out, err = run("models", *arguments)

    assert (found, out) == (code, "")
    assert says in err
