"""Machine code of kernels that is kept on disk: it is what the sources say, and loads alone."""

import ast
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="without numba nothing is compiled")

from numba import types

from numcodecs_neural import NeuralImage, compilation, machine_code
from numcodecs_neural.compilation import Kernel, inlined, outermost, readable
from tests.annotations import FreshPython, Image

HERE = __name__
KERNELS = [
    ("numcodecs_neural.dct.context.dec_kernels", "decode_details"),
    ("numcodecs_neural.dct.context.enc_kernels", "write_words"),
    ("numcodecs_neural.dct.dec_kernels", "inverse_to_uint8"),
    ("numcodecs_neural.dct.enc_kernels", "fit"),
    ("numcodecs_neural.dct.steps_kernels", "multiply"),
]


@outermost(types.int64, readable(types.int16, 2), types.int64, types.int32[::1])
def weigh(values: Any, factor: int, sums: Any) -> Any:
    """Write the sums of rows times a factor, and return how many there are."""
    for row in range(values.shape[0]):
        sums[row] = 0
        for column in range(values.shape[1]):
            sums[row] += factor * values[row, column]
    return values.shape[0]


@outermost(types.void, types.float64[::1])
def make_cosine(values: Any) -> None:
    values[0] = np.cos(values[0])


VALUES = np.array([[1, 2, 3], [-4, 5, -6]], np.int16)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the folder where code is kept."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(machine_code, "key_of", lambda module, name: name)
    return tmp_path / "numcodecs-neural"


def weighed(kernel: Any) -> tuple[int, list[int]]:
    sums = np.empty(2, np.int32)
    count = kernel(VALUES, 7, sums)
    return count, sums.tolist()


def test_code_that_was_kept_does_what_was_compiled(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = weighed(Kernel(HERE, "weigh").function())
    kept = Kernel(HERE, "weigh")
    monkeypatch.setattr(kept, "_made", lambda: pytest.fail("compiled again"))

    assert weighed(kept.function()) == first == (2, [42, -35])
    assert [path.name for path in place.iterdir()] == ["weigh.kernel"]


def test_code_that_is_damaged_is_compiled_again(place: Path) -> None:
    Kernel(HERE, "weigh").function()
    file = place / "weigh.kernel"
    sound = file.read_bytes()
    file.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))

    assert machine_code.load("weigh") is None
    assert weighed(Kernel(HERE, "weigh").function()) == (2, [42, -35])
    assert machine_code.load("weigh") is not None


def test_a_kernel_runs_where_nothing_can_be_kept(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write_text("a file where the folder should be")

    assert weighed(Kernel(HERE, "weigh").function()) == (2, [42, -35])


def test_a_kernel_is_compiled_once_for_a_user_without_a_home(
    place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_home(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (tmp_path / "package").write_text("a file where the package's folder should be")
    monkeypatch.setattr(machine_code, "_ROOT", tmp_path / "package")
    monkeypatch.setattr(Path, "expanduser", no_home)
    kernel = Kernel(HERE, "weigh").function()

    assert isinstance(kernel, machine_code.MachineCode)
    assert weighed(kernel) == (2, [42, -35])


def test_python_runs_a_kernel_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMCODECS_NEURAL_BACKEND", "numpy")

    assert Kernel(HERE, "weigh").compiled() is None
    assert weighed(Kernel(HERE, "weigh").function()) == (2, [42, -35])


@pytest.mark.parametrize(
    "values",
    [VALUES.astype(np.int32), VALUES.reshape(-1), np.asfortranarray(VALUES)],
    ids=["another type", "another shape", "another order"],
)
def test_a_kernel_refuses_arrays_it_was_not_compiled_for(values: Any, place: Path) -> None:
    kernel = Kernel(HERE, "weigh").function()

    with pytest.raises(TypeError, match="a kernel got"):
        kernel(values, 7, np.empty(2, np.int32))


def test_code_that_needs_a_library_is_left_to_numba(place: Path) -> None:
    values = np.zeros(1)

    Kernel(HERE, "make_cosine").function()(values)

    assert values[0] == 1
    assert not place.exists()


@pytest.mark.parametrize("changed", ["vectors.py", "dct/pairs.py", "dct/context/means.py"], ids=str)
def test_code_of_other_sources_is_not_found(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name = KERNELS[0]
    before = machine_code.key_of(module, name)
    for path in machine_code._sources("dct"):
        copy = tmp_path / path.relative_to(machine_code._ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(machine_code, "_ROOT", tmp_path)
    monkeypatch.setattr(machine_code, "_surroundings", machine_code._surroundings.__wrapped__)
    same = machine_code.key_of(module, name)
    (tmp_path / changed).write_bytes((tmp_path / changed).read_bytes() + b"\n")

    assert same == before
    assert machine_code.key_of(module, name) != before


@pytest.mark.parametrize(("variable", "value"), [("NUMBA_CPU_NAME", "generic"), ("NUMBA_OPT", "0")])
def test_code_for_other_settings_of_numba_is_not_found(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = machine_code.key_of(*KERNELS[0])
    monkeypatch.setattr(machine_code, "_surroundings", machine_code._surroundings.__wrapped__)
    monkeypatch.setenv(variable, value)

    assert machine_code.key_of(*KERNELS[0]) != before


@pytest.mark.parametrize("module", sorted({module for module, _ in KERNELS}))
def test_what_kernels_are_made_of_is_part_of_their_key(module: str, root: Path) -> None:
    digested = {path.resolve() for path in machine_code._sources(module.split(".")[1])}
    waiting, seen = [module], set()
    while waiting:
        path = Path(str(importlib.import_module(waiting.pop()).__file__)).resolve()
        if path not in seen:
            seen.add(path)
            waiting += imported_by(path)

    # Settings and errors are no part of what is compiled.
    allowed = {root / "numcodecs_neural" / name for name in ("config.py", "errors.py")}
    assert seen - digested <= {path.resolve() for path in allowed}


def imported_by(path: Path) -> list[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    names = [n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module]
    return [name for name in names if name.startswith("numcodecs_neural.")]


DECODE = (
    "import hashlib, pathlib, sys, numcodecs_neural\n"
    "chunk = pathlib.Path(sys.argv[1]).read_bytes()\n"
    "pixels = numcodecs_neural.NeuralImage().decode(chunk)\n"
    "print(hashlib.sha256(pixels.tobytes()).hexdigest(), 'numba' in sys.modules)"
)


def test_a_second_process_decodes_without_importing_numba(
    fresh_python: FreshPython, tissue: Image, tmp_path: Path
) -> None:
    file = tmp_path / "tissue.chunk"
    file.write_bytes(NeuralImage("he-fast").encode(tissue[:, :40, :40]))
    first = fresh_python(DECODE, file).split()

    second = fresh_python(DECODE, file).split()

    assert second == [first[0], "False"]


def test_inlined_functions_are_no_kernels_of_their_own() -> None:
    @inlined(types.int64, types.int64)
    def twice(x: int) -> int:
        return 2 * x

    assert not hasattr(twice, "types")
    assert compilation.uncompiled(twice)(4) == 8


FACTOR = 2


@inlined(types.int64, types.int64)
def scaled(x: int) -> int:
    """Return a multiple of a number."""
    return FACTOR * x


@inlined(types.int64, types.int64)
def above(x: int) -> int:
    """Return a number beyond a multiple of one."""
    return scaled(x) + FACTOR


def test_python_runs_kernels_with_other_constants() -> None:
    assert compilation.uncompiled(above, FACTOR=5)(4) == 25
    assert compilation.uncompiled(above)(4) == 10
