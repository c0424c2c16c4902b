"""Kernels work wherever they are installed, whether or not they can be kept on disk."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba", reason="without numba nothing is compiled")

from numba import types
from numba.core import caching

from numcodecs_neural.compilation import compiled
from tests.annotations import FreshPython


def no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where neither the package's folder nor the user's can be written to."""
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def save(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", save)


@pytest.mark.parametrize("prepare", [no_place, full_disk])
def test_a_kernel_that_cannot_be_kept_still_runs(
    prepare: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch)

    @compiled(types.int64, types.int64)
    def double(x: int) -> int:
        return 2 * x

    kernel: Any = double
    assert kernel(21) == 42
    assert len(kernel.signatures) == 1


def test_only_one_module_speaks_to_numba(root: Path) -> None:
    users = {
        path.relative_to(root).as_posix()
        for path in (root / "numcodecs_neural").rglob("*.py")
        if "numba.njit" in path.read_text() or "import njit" in path.read_text()
    }

    assert users == {"numcodecs_neural/compilation.py"}


CODE = """
import hashlib, sys, warnings
{prepare}
import numpy as np
from numcodecs_neural import NeuralImage
from numcodecs_neural.format import unpack_chunk
noise = np.random.default_rng(0).normal(128, 20, (3, 40, 48))
image = noise.clip(0, 255).astype(np.uint8)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    chunk = NeuralImage(quality=70).encode(image)
    pixels = NeuralImage().decode(chunk)
    exact = NeuralImage(max_error=0).encode(image[0])
    assert np.array_equal(NeuralImage().decode(exact), image[0])
assert unpack_chunk(chunk).header.mode.name == "LOSSY"
print(hashlib.sha256(chunk + pixels.tobytes() + exact).hexdigest())
for warning in caught:
    print(warning.category.__name__, warning.message)
"""


@pytest.fixture
def broken_numba(tmp_path: Path) -> Path:
    """Return a folder whose numba is there, and fails as one does that lacks its library."""
    folder = tmp_path / "broken" / "numba"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise OSError('libLLVM.so cannot be opened')\n")
    return folder.parent


def test_without_numba_chunks_are_the_same_and_one_warning_says_so(
    fresh_python: FreshPython,
) -> None:
    expected = fresh_python(CODE.format(prepare=""))

    digest, *said = fresh_python(CODE.format(prepare="sys.modules['numba'] = None")).splitlines()

    assert expected == digest
    assert len(said) == 1
    assert said[0].startswith("RuntimeWarning numba cannot be imported (ModuleNotFoundError: ")
    assert "Reinstall numba" in said[0]


def test_without_numba_jpeg_chunks_have_the_same_pixels(
    fresh_python: FreshPython, root: Path
) -> None:
    code = (
        "import hashlib, pathlib, sys\n"
        "{prepare}\n"
        "from numcodecs_neural import NeuralImage\n"
        "pixels = NeuralImage().decode(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "print(hashlib.sha256(pixels.tobytes()).hexdigest())"
    )
    chunk = root / "tests" / "golden" / "v2" / "jpeg-huffman" / "420-tiles.chunk"

    found = fresh_python(code.format(prepare="sys.modules['numba'] = None"), chunk)

    assert found == fresh_python(code.format(prepare=""), chunk)


def test_a_broken_numba_is_named_in_one_warning(
    fresh_python: FreshPython, broken_numba: Path, tmp_path: Path
) -> None:
    code = CODE.format(prepare="sys.path.insert(0, sys.argv[1])")

    # Kernels that were kept on disk would run all the same.
    _, *said = fresh_python(code, broken_numba, NUMBA_CACHE_DIR=str(tmp_path)).splitlines()

    assert [line[:85] for line in said] == [
        "RuntimeWarning numba cannot be imported (OSError: libLLVM.so cannot be opened); chunk"
    ]


def test_numpy_that_is_asked_for_needs_no_warning(
    fresh_python: FreshPython, broken_numba: Path
) -> None:
    code = CODE.format(prepare="sys.path.insert(0, sys.argv[1])")

    said = fresh_python(code, broken_numba, NUMCODECS_NEURAL_BACKEND="numpy")

    assert said == fresh_python(CODE.format(prepare=""))


def test_numba_that_is_asked_for_must_work(fresh_python: FreshPython, broken_numba: Path) -> None:
    code = (
        "import sys\nsys.path.insert(0, sys.argv[1])\n"
        "from numcodecs_neural import compilation\n"
        "try:\n    compilation.use_numba()\nexcept ValueError as error:\n    print(error)"
    )

    said = fresh_python(code, broken_numba, NUMCODECS_NEURAL_BACKEND="numba")

    assert said.startswith("the backend is set to 'numba', which cannot be imported (OSError: lib")
