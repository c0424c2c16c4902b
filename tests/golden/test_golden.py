"""Frozen chunks decode to the same symbols and pixels, for ever and everywhere.

Encoding is not golden: a later encoder may write better chunks. `regenerate.py` writes the folders.
"""

import hashlib
import json
import lzma
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.coding.dec_chunk import decode_chunk
from numcodecs_neural.coding.enc_dct import TUNINGS
from numcodecs_neural.dct.context.model import KIND
from numcodecs_neural.engine.sessions import NetworkCoder
from numcodecs_neural.format import Mode, pack_chunk, unpack_chunk
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend, PlainKernels
from numcodecs_neural.networks.backends.protocol import Backend
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.weights import by_id, catalogue, load_decoder, resolve
from tests.golden.parts import ContextWeights

HERE = Path(__file__).parent
# Those of the JPEG mode have a test of their own.
OTHERS = {*HERE.glob("v*/jpeg-*"), *HERE.glob("v*/exact-*")}
FOLDERS = sorted(set(HERE.glob("v*/*")) - OTHERS)
BACKENDS = ["plain numpy", "float64", "numba", "torch on the CPU", "torch on CUDA"]


def manifest_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return content


def is_context(folder: Path) -> bool:
    """Whether its lossy chunks are of colour axes and DCT."""
    return bool(load_decoder(resolve(folder.name)).description["kind"] == KIND)


def chunks_of(folders: Iterable[Path]) -> list[Any]:
    return [
        pytest.param(folder, name, id=f"{folder.name}-{name}")
        for folder in folders
        for name in manifest_of(folder)["chunks"]
    ]


CONTEXT_FOLDERS = [folder for folder in FOLDERS if is_context(folder)]
NETWORK_FOLDERS = [folder for folder in FOLDERS if folder not in CONTEXT_FOLDERS]
CHUNKS = chunks_of(FOLDERS)
# Plain Python, which is slow, decodes small chunks of context models alone.
SMALL = {"three-rows", "quality-100", "noise", "batch-of-two"}
CONTEXT_RUNS = [
    pytest.param(*chunk.values, backend, id=f"{chunk.id}-{backend}")
    for chunk in chunks_of(CONTEXT_FOLDERS)
    for backend in ("numpy", "numba", "torch")
    if backend != "numpy" or chunk.values[1] in SMALL
]
ARRAYS = [
    pytest.param(folder, name, id=f"{folder.name}-{name}")
    for folder in FOLDERS
    for name in manifest_of(folder)["arrays"]
]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files_in(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): digest(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and path != folder / "manifest.json"
    }


def pixels_of(folder: Path, name: str) -> NDArray[Any]:
    with lzma.open(folder / f"{name}.npy.xz") as file:
        pixels: NDArray[Any] = np.load(file)
    return pixels


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Return each backend, with numpy and plain Python alone around the plain ones."""
    if request.param == "numba":
        name = "numcodecs_neural.networks.backends.numba_kernels"
        kernels = pytest.importorskip(name, exc_type=ImportError)
        yield NumpyBackend(kernels.CompiledKernels())
    elif request.param.startswith("torch"):
        yield torch_backend("cuda" if request.param.endswith("CUDA") else "cpu")
    else:
        dtype = np.float64 if request.param == "float64" else np.float32
        with config.set(backend="numpy"):
            yield NumpyBackend(PlainKernels(), dtype)


def torch_backend(device: str) -> Backend:
    torch = pytest.importorskip("torch", reason="the torch backend needs torch")
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device on this machine")
    from numcodecs_neural.networks.backends.torch_backend import TorchBackend

    return TorchBackend(device)


def coder_on(backend: Backend) -> Callable[[bytes], NetworkCoder]:
    def coder(weights_id: bytes) -> NetworkCoder:
        info = by_id(weights_id)
        return NetworkCoder(info, DecoderModel.from_file(load_decoder(info)), backend)

    return coder


def test_all_weights_of_this_release_have_their_folder() -> None:
    assert {folder.name for folder in FOLDERS} == set(catalogue())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_no_file_is_missing_changed_or_added(folder: Path) -> None:
    assert files_in(folder) == manifest_of(folder)["files"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_the_weights_are_those_that_wrote_the_chunks(folder: Path) -> None:
    assert resolve(folder.name).sha256 == manifest_of(folder)["weights"]


@pytest.mark.parametrize("folder", NETWORK_FOLDERS, ids=lambda f: f.name)
def test_every_mode_and_every_branch_of_the_stream_is_there(folder: Path) -> None:
    unpacked = [unpack_chunk(path.read_bytes()) for path in folder.glob("*.chunk")]
    streams = [payload for header, (payload,) in unpacked if header.mode is Mode.LOSSY]
    after_words = [
        len(s) - 6 - 4 * (s[1] + 1) - 2 * int.from_bytes(s[2:6], "little") for s in streams
    ]

    assert {header.mode for header, _ in unpacked} == {Mode.CONSTANT, Mode.STORED, Mode.LOSSY}
    assert {s[0] for s in streams} == {0, 1}, "symbols are skipped in all chunks, or in none"
    assert max(after_words) > 0, "no chunk has escapes"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_every_dtype_of_the_weights_is_there(folder: Path) -> None:
    headers = [unpack_chunk(path.read_bytes())[0] for path in folder.glob("*.chunk")]

    lossy = {h.dtype.newbyteorder("=").name for h in headers if h.mode is Mode.LOSSY}

    assert lossy == set(resolve(folder.name).dtypes)
    if "uint16" in lossy:
        assert {h.level_shift for h in headers} >= {0, 4, 8}
        assert any(h.dtype.str == ">u2" for h in headers)


@pytest.mark.parametrize(("folder", "name"), CHUNKS)
def test_the_bytes_hold_what_the_manifest_says(folder: Path, name: str) -> None:
    entry = manifest_of(folder)["chunks"][name]
    chunk = (folder / f"{name}.chunk").read_bytes()

    header, sections = unpack_chunk(chunk)

    assert pack_chunk(header, sections) == chunk
    assert header.mode.name == entry["mode"]
    assert list(header.shape) == entry["shape"]
    assert list(header.box) == entry["box"]
    for key in ("quality", "order", "channel_axis", "margin_value"):
        assert getattr(header, key) == entry[key], key


@pytest.mark.parametrize("folder", CONTEXT_FOLDERS, ids=lambda f: f.name)
def test_every_mode_and_tuning_of_coefficients_is_there(folder: Path) -> None:
    unpacked = [unpack_chunk(path.read_bytes()) for path in folder.glob("*.chunk")]
    payloads = [payload for header, (payload,) in unpacked if header.mode is Mode.LOSSY]
    predicted = [payload for payload in payloads if payload[:2] == b"\0\0"]
    tunings = {payload[2:4] for payload in payloads if payload not in predicted}

    assert {header.mode for header, _ in unpacked} == {Mode.CONSTANT, Mode.STORED, Mode.LOSSY}
    assert len(tunings) == len(TUNINGS)
    assert predicted


@pytest.mark.parametrize(("folder", "name", "backend"), CONTEXT_RUNS)
def test_coefficients_and_pixels_are_the_same_on_every_backend(
    folder: Path, name: str, backend: str
) -> None:
    if backend == "torch":
        pytest.importorskip("torch", reason="the torch backend needs torch")
    entry = manifest_of(folder)["chunks"][name]
    chunk = (folder / f"{name}.chunk").read_bytes()
    expected = pixels_of(folder, name)
    codec = NeuralImage(folder.name, channel_axis=entry["channel_axis"] or None)
    weights = ContextWeights(resolve(folder.name))

    with config.set(backend=backend, device="cpu" if backend == "torch" else "auto"):
        pixels = codec.decode(chunk)
        parts = weights.values(expected, chunk) if entry["mode"] == "LOSSY" else []

    np.testing.assert_array_equal(pixels, expected, strict=True)
    values = b"".join(part.astype("<i4").tobytes() for part in parts)
    assert (digest(values) if parts else None) == entry["parts"]


@pytest.mark.parametrize(("folder", "name"), chunks_of(NETWORK_FOLDERS))
def test_symbols_and_pixels_are_the_same_on_every_backend(
    folder: Path, name: str, backend: Backend, decoded_parts: list[NDArray[np.int32]]
) -> None:
    entry = manifest_of(folder)["chunks"][name]
    chunk = (folder / f"{name}.chunk").read_bytes()

    pixels = decode_chunk(unpack_chunk(chunk), coder_on(backend))

    expected = pixels_of(folder, name)
    np.testing.assert_array_equal(pixels, expected, strict=True)
    assert pixels.flags.f_contiguous == expected.flags.f_contiguous
    assert digest(pixels.tobytes()) == entry["pixels"]
    parts = b"".join(part.astype("<i4").tobytes() for part in decoded_parts)
    assert (digest(parts) if parts else None) == entry["parts"]


@pytest.mark.parametrize(("folder", "name"), CHUNKS)
def test_the_codec_gives_the_same_pixels(folder: Path, name: str) -> None:
    axis = manifest_of(folder)["chunks"][name]["channel_axis"]
    codec = NeuralImage(folder.name, channel_axis=axis or None)

    pixels = codec.decode((folder / f"{name}.chunk").read_bytes())

    np.testing.assert_array_equal(pixels, pixels_of(folder, name), strict=True)


@pytest.mark.parametrize(("folder", "name"), ARRAYS)
def test_zarr_reads_the_same_pixels(folder: Path, name: str) -> None:
    array = zarr.open_array(folder / name, mode="r")

    pixels = array[...]

    assert isinstance(pixels, np.ndarray)
    np.testing.assert_array_equal(pixels, pixels_of(folder, Path(name).stem), strict=True)
    assert digest(pixels.tobytes()) == manifest_of(folder)["arrays"][name]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_zarr_2_18_reads_the_same_pixels(
    folder: Path, zarr2_python: str, fresh_python: Callable[..., str]
) -> None:
    code = (
        "import hashlib, sys, zarr\n"
        "print(hashlib.sha256(zarr.open(sys.argv[1], mode='r')[...].tobytes()).hexdigest())"
    )

    found = fresh_python(code, folder / "zarr-v2.zarr", python=zarr2_python)

    assert found == manifest_of(folder)["arrays"]["zarr-v2.zarr"]


def test_released_folders_were_only_added_to(root: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    last = git("describe", "--tags", "--abbrev=0")
    if not last:
        pytest.skip("there is no git history with a tagged release here")

    assert git("diff", "--name-only", "--diff-filter=a", last, "--", "tests/golden/v*") == ""
