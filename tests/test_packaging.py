"""What the wheel holds and declares, compared with the folders on disk."""

import ast
import importlib.metadata
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.annotations import FreshPython

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"numcodecs_neural": "numcodecs_neural", "converters": "numcodecs_neural.converters"}
OURS = {"numcodecs_neural", "tests", "make_vectors", "reference_decoder"}
# Scripts for environments of their own, each with the client that it reads with.
READERS = ROOT / "tests" / "clients" / "readers"
# The name to import, where it is not the name to install.
# Used, but by another name than an import's: a library that a binding loads, a file system that
# fsspec finds by the scheme of a URL, a viewer that imports us, what a client for tests is made of,
# and programs.
NEVER_IMPORTED = {
    "napari",
    *("openslide-bin", "s3fs", "flask", "flask-cors", "httpx2", "moto"),
    *("codespell", "mypy", "pre-commit", "ruff"),
}
DISTRIBUTIONS = {
    "PIL": "pillow",
    "openslide": "openslide-python",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
}


@pytest.fixture
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def requirements(project: dict[str, Any], *extras: str) -> set[str]:
    """Return the names a base install and `extras` bring, our own extras resolved."""
    declared = project["project"]["optional-dependencies"]
    lines = [*project["project"]["dependencies"], *(r for e in extras for r in declared[e])]
    names = set()
    for requirement in map(Requirement, lines):
        if requirement.name == "numcodecs-neural":
            names |= requirements(project, *requirement.extras)
        else:
            names.add(requirement.name.lower())
    return names


def imports_of(path: Path) -> set[str]:
    """Return the top-level names that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def distributions_imported_in(folder: Path) -> set[str]:
    paths = (path for path in folder.rglob("*.py") if path.parent != READERS)
    names = {name for path in paths for name in imports_of(path)}
    names -= {*OURS, *sys.stdlib_module_names}
    return {DISTRIBUTIONS.get(name, name).replace("_", "-").lower() for name in names}


def folder_of(package: str) -> Path:
    """Return where the checkout keeps a package."""
    return ROOT.joinpath(*package.replace("numcodecs_neural.converters", "converters").split("."))


def test_every_package_on_disk_is_listed(project: dict[str, Any]) -> None:
    on_disk = {
        ".".join([name, *path.parent.relative_to(ROOT / folder).parts])
        for folder, name in FOLDERS.items()
        for path in (ROOT / folder).rglob("__init__.py")
    }

    assert set(project["tool"]["setuptools"]["packages"]) == on_disk


def test_every_folder_with_code_is_a_package() -> None:
    with_code = {path.parent for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}

    assert [str(path) for path in with_code if not (path / "__init__.py").exists()] == []


def test_every_data_file_is_declared(project: dict[str, Any]) -> None:
    declared = {
        path
        for package, patterns in project["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for path in folder_of(package).glob(pattern)
    }
    on_disk = {
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }

    assert on_disk == declared


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        pytest.param("numcodecs_neural/format", [], id="format"),
        pytest.param("numcodecs_neural/entropy", [], id="entropy"),
        pytest.param("numcodecs_neural/jpeg", [], id="jpeg"),
        pytest.param("numcodecs_neural/weights", [], id="weights"),
        pytest.param("numcodecs_neural/coding", [], id="coding"),
        pytest.param("numcodecs_neural/engine", [], id="engine"),
        pytest.param("numcodecs_neural/networks", ["torch"], id="networks"),
        pytest.param("numcodecs_neural/measure", [], id="measure"),
        pytest.param("numcodecs_neural/peers", ["convert"], id="peers of the converter"),
        pytest.param("numcodecs_neural/peers", ["evaluate"], id="peers of evaluate"),
        pytest.param("numcodecs_neural/compressai", ["compressai"], id="compressai"),
        pytest.param("numcodecs_neural/training", ["train"], id="training"),
        pytest.param("numcodecs_neural/evaluation", ["lpips"], id="evaluation"),
        pytest.param("numcodecs_neural/serve", ["serve"], id="serve"),
        pytest.param("numcodecs_neural/lazy", ["xarray"], id="lazy"),
        pytest.param("numcodecs_neural/napari", ["napari"], id="napari"),
        pytest.param(
            "converters", ["convert", "openslide", "dicom", "czi", "lepton"], id="converters"
        ),
        pytest.param("numcodecs_neural/slide", ["slide", "openslide", "torch"], id="slide"),
        pytest.param("tests", ["test"], id="tests"),
    ],
)
def test_what_is_imported_is_declared(
    folder: str, extras: list[str], project: dict[str, Any]
) -> None:
    missing = distributions_imported_in(ROOT / folder) - requirements(project, *extras)

    assert missing == set()


def test_the_reference_decoder_is_one_file_that_needs_numpy_alone() -> None:
    names = imports_of(ROOT / "conformance" / "reference_decoder.py")

    assert names - set(sys.stdlib_module_names) == {"numpy"}


def test_what_is_declared_is_imported(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    declared = requirements(project, *extras) - NEVER_IMPORTED

    imported = set.union(*(distributions_imported_in(ROOT / f) for f in (*FOLDERS, "tests")))

    assert declared - imported == set()


@pytest.mark.parametrize("extra", ["convert", "train", "evaluate", "serve"])
def test_a_wing_declares_nothing_that_only_others_import(
    extra: str, project: dict[str, Any]
) -> None:
    folder = {"train": "training", "evaluate": "evaluation", "serve": "serve"}.get(extra)
    wing = ROOT / "numcodecs_neural" / folder if folder else ROOT / "converters"
    own = requirements(project, extra) - requirements(project)
    lower = (ROOT / "numcodecs_neural" / floor for floor in ("files", "omezarr", "peers"))
    shared = set.union(*map(distributions_imported_in, lower))

    assert own - distributions_imported_in(wing) - shared - {"torch"} == set()


def users_of(library: str, *, outside: tuple[str, ...] = ()) -> set[str]:
    """Return the files that import a library, but for those in some folders."""
    return {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if library in imports_of(path) and not {*outside} & {*path.parts}
    }


def test_torch_is_imported_where_devices_are_driven_and_nowhere_else() -> None:
    assert users_of("torch", outside=("compressai", "training")) == {
        "numcodecs_neural/dct/dec_torch.py",
        "numcodecs_neural/networks/backends/choice.py",
        # Measures that are written for torch: see its docstring.
        "numcodecs_neural/evaluation/perceptual.py",
        "numcodecs_neural/networks/backends/torch_backend.py",
        # What hands patches to torch.
        "numcodecs_neural/slide/dataset.py",
        "numcodecs_neural/slide/patches.py",
    }


def test_compressai_is_imported_in_one_place() -> None:
    assert users_of("compressai") == {"numcodecs_neural/compressai/library.py"}


@pytest.mark.parametrize("requirement", ["zarr", "numcodecs"])
def test_zarr_2_18_can_be_installed(requirement: str, project: dict[str, Any]) -> None:
    wanted = {"zarr": "2.18.7", "numcodecs": "0.15.1"}[requirement]

    found = [Requirement(line) for line in project["project"]["dependencies"]]

    assert [r.specifier.contains(wanted) for r in found if r.name == requirement] == [True]


def test_the_citation_names_the_version(project: dict[str, Any]) -> None:
    version = project["project"]["version"]

    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize(
    "name", ["constraints.txt", "constraints-docs.txt", "constraints-zarr2.txt"]
)
def test_constraints_are_exact(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if not line.startswith("#")]

    assert [line for line in lines if line.count("==") != 1] == []


@pytest.mark.parametrize("group", ["numcodecs.codecs", "zarr.codecs"])
@pytest.mark.parametrize("name", ["neural_image", "compressai_image"])
def test_both_registries_know_the_same_name(name: str, group: str) -> None:
    found = importlib.metadata.entry_points(group=group, name=name)

    assert [entry.load().__module__.split(".")[0] for entry in found] == ["numcodecs_neural"]


def test_a_bare_import_of_converters_is_refused(fresh_python: FreshPython) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "try:\n    import converters\nexcept ImportError as error:\n    print(error)"
    )

    assert fresh_python(code, ROOT).startswith("import numcodecs_neural.converters instead")
