"""What many tests share: real tissue, seeded numbers, and other Python processes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]

hypothesis.settings.register_profile("default", deadline=None, max_examples=25)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is left out by default, and how to run it."""
    if config.option.markexpr != "not slow":
        return None
    return "slow tests are left out: pytest -m slow runs those, pytest -m '' everything"


@pytest.fixture
def root() -> Path:
    """Return the checkout, for tests that read its sources."""
    return ROOT


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240)


@pytest.fixture(scope="session")
def tissue() -> NDArray[np.uint8]:
    """Return 512 x 512 pixels of stained colon as (c, y, x): the image inside scikit-image."""
    import skimage.data

    pixels: NDArray[np.uint8] = skimage.data.immunohistochemistry()
    image = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    image.flags.writeable = False
    return image


@pytest.fixture
def psnr() -> Callable[[NDArray[np.generic], NDArray[np.generic]], float]:
    """Return the peak signal-to-noise ratio of two 8-bit images, in dB."""

    def measure(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
        error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
        return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))

    return measure


@pytest.fixture
def fresh_python(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs code in a new Python process and returns what it prints.

    The process starts in an empty folder, so that it can only import what is installed.
    """

    def run(code: str, *arguments: object, python: str = sys.executable, **variables: str) -> str:
        command = [python, "-c", code, *map(str, arguments)]
        environment = os.environ | variables
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture(scope="session")
def zarr2_python() -> str:
    """Return the Python of an environment with zarr 2.18, or skip."""
    python = os.environ.get("NUMCODECS_NEURAL_ZARR2_PYTHON")
    if not python:
        pytest.skip(
            "NUMCODECS_NEURAL_ZARR2_PYTHON names no Python of an environment made with "
            "`pip install -c constraints-zarr2.txt .`"
        )
    return python


@pytest.fixture(scope="session")
def files_of() -> Callable[[Path], dict[str, bytes]]:
    """Return a function that reads a folder: the bytes of each file by its path inside."""

    def read(folder: Path) -> dict[str, bytes]:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    return read


@pytest.fixture
def shared_file(root: Path) -> Callable[[str], Path]:
    """Return a function that finds a file or folder of the shared data, or skips."""

    def find(name: str) -> Path:
        path = root.parent / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"{path} is not there: the shared data are no part of the repository")
        return path

    return find


@pytest.fixture
def shared_slide(shared_file: Callable[[str], Path]) -> Callable[[str], Path]:
    """Return a function that finds a shared slide, or skips."""
    return lambda name: shared_file(f"wsi/{name}")


@pytest.fixture
def decoded_parts(monkeypatch: pytest.MonkeyPatch) -> list[NDArray[np.int32]]:
    """Return a list that takes all parts that are decoded."""
    from numcodecs_neural.coding import dec_streams
    from numcodecs_neural.entropy import SymbolDecoder, SymbolTables

    parts: list[NDArray[np.int32]] = []

    class Recorder(SymbolDecoder):
        def decode(
            self, indexes: NDArray[np.uint8], tables: SymbolTables, *, is_trellis: bool = False
        ) -> NDArray[np.int32]:
            parts.append(super().decode(indexes, tables, is_trellis=is_trellis))
            return parts[-1]

    monkeypatch.setattr(dec_streams, "SymbolDecoder", Recorder)
    return parts
