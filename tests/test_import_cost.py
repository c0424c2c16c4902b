"""Imports cost what numcodecs costs, and `--help` little; torch waits for the first chunk."""

from pathlib import Path

import pytest

from numcodecs_neural import NeuralImage
from tests.annotations import FreshPython, Image

HEAVY = {"torch", "compressai", "dask", "matplotlib", "numba", "imagecodecs", "tifffile"}
LIGHT = [
    "numcodecs_neural",
    "numcodecs_neural.codec",
    "numcodecs_neural.coding",
    "numcodecs_neural.compressai",
    "numcodecs_neural.compressai.zarr3",
    "numcodecs_neural.config",
    "numcodecs_neural.engine",
    "numcodecs_neural.entropy",
    "numcodecs_neural.format",
    "numcodecs_neural.jpeg",
    "numcodecs_neural.networks",
    "numcodecs_neural.weights",
    "numcodecs_neural.zarr3",
]


HELP = """
import contextlib, io
from numcodecs_neural.converters import cli
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    cli.main(["--help"])
"""
PROGRAMS = {
    "numcodecs-neural": "import numcodecs_neural.cli; numcodecs_neural.cli._parser()",
    "convert-to-omezarr --help": HELP,
    "numcodecs-neural train": "import numcodecs_neural.training.cli",
}


def imported_after(code: str, fresh_python: FreshPython, names: set[str]) -> list[str]:
    """Return which of `names` a fresh process has imported: in this one, tests have had all."""
    found = fresh_python(f"{code}\nimport sys; print(*sorted({names!r} & sys.modules.keys()))")
    return found.split()


@pytest.mark.parametrize("module", LIGHT)
def test_import_is_light(module: str, fresh_python: FreshPython) -> None:
    assert imported_after(f"import {module}", fresh_python, HEAVY) == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_light_until_it_works(name: str, fresh_python: FreshPython) -> None:
    heavy = HEAVY | {"zarr", "rich", "skimage", "starlette", "uvicorn"}

    assert imported_after(PROGRAMS[name], fresh_python, heavy) == []


def test_the_package_itself_does_not_import_zarr(fresh_python: FreshPython) -> None:
    assert fresh_python("import sys, numcodecs_neural; print('zarr' in sys.modules)") == "False"


def test_an_array_is_created_without_what_codes_it(fresh_python: FreshPython) -> None:
    code = (
        "import sys, zarr, numcodecs_neural\n"
        "codec = numcodecs_neural.NeuralImageCodec(quality=20)\n"
        "options = {'shape': (3, 64, 64), 'chunks': (3, 64, 64), 'dtype': 'uint8'}\n"
        "array = zarr.create_array({}, **options, serializer=codec, compressors=None)\n"
        "print(array.serializer.quality)\n"
        f"print(sorted({HEAVY!r} & sys.modules.keys()))"
    )

    assert fresh_python(code).splitlines() == ["20", "[]"]


DECODE = (
    "import pathlib, sys, numcodecs_neural\n"
    "for path in pathlib.Path(sys.argv[1]).glob('*.chunk'):\n"
    "    numcodecs_neural.NeuralImage().decode(path.read_bytes())\n"
    "ours = [name for name in sys.modules if name.startswith('numcodecs_neural.')]\n"
    "print(any('.dec_' in name for name in ours), [n for n in ours if '.enc_' in n])"
)


@pytest.mark.parametrize("folder", ["he-fast-1", "jpeg-huffman", "jpeg-adaptive"])
def test_a_chunk_is_decoded_without_any_module_that_encodes(
    folder: str, fresh_python: FreshPython, root: Path
) -> None:
    found = fresh_python(DECODE, root / "tests" / "golden" / "v2" / folder)

    assert found == "True []"


@pytest.mark.parametrize("family", ["he-fast", "grey-fast"])
def test_a_chunk_of_today_is_decoded_without_any_module_that_encodes(
    family: str, fresh_python: FreshPython, tissue: Image, tmp_path: Path
) -> None:
    image = tissue[:, :40, :40] if family == "he-fast" else tissue[0, :40, :40]
    (tmp_path / "today.chunk").write_bytes(NeuralImage(family).encode(image))

    assert fresh_python(DECODE, tmp_path) == "True []"


@pytest.mark.parametrize("name", ["NeuralCodecError", "NeuralImage", "NeuralImageCodec"])
def test_public_names_can_be_imported(name: str) -> None:
    import numcodecs_neural

    assert name in numcodecs_neural.__all__
    assert getattr(numcodecs_neural, name).__name__ == name


def test_unknown_names_are_refused_as_python_does() -> None:
    import numcodecs_neural

    with pytest.raises(AttributeError, match="has no attribute 'NeuralVideo'"):
        _ = numcodecs_neural.NeuralVideo
