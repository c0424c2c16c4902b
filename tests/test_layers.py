"""Imports point down only. Lazy imports count too."""

import ast
import graphlib
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# From the ground up. A wing may import what stands left of it, and not the other wings.
FLOORS = [
    "errors",
    "arguments",
    "config",
    "machine_code",
    "compilation",
    "vectors",
    "jpeg",
    "zarr_types",
    "peers",
    "measure",
    "format",
    "entropy",
    "weights",
    "networks",
    "dct",
    "coefficients",
    "exact",
    "coding",
    "engine",
    "parameters",
    "codec",
    "zarr3",
    "files",
    "omezarr",
    "reading",
]
WINGS = [
    *("compressai", "evaluation", "training", "serve", "converters"),
    *("slide", "view", "stores", "lazy", "napari"),
]
# Stands above all: the program that gathers the subcommands of the wings, and the entry points.
ROOF = ["cli", "programs"]
# What a wing may use of another wing.
BRIDGES: set[tuple[str, str]] = {
    # It shows whatever the converter reads, with the pictures of its report.
    ("view", "converters"),
    ("view", "serve"),
    # Its demo slide is written by the converter.
    ("napari", "converters"),
    # Stores are compared with slides, and exported, by what reads slides and writes stores.
    ("stores", "converters"),
}

# The rooms of converters/ from the ground up; rooms on one floor do not import each other.
ROOMS = [
    {"options"},
    {"geometry"},
    {"sources"},
    {"codecs", "tissue"},
    {"store", "measure"},
    {"pipeline"},
    {"batch", "restore", "trials"},
    {"report"},
    {"cli"},
]

# Decoding lives here, frozen for ever; modules that encode are called ``enc_*``, and are free.
FROZEN = {
    "jpeg",
    "format",
    "entropy",
    "weights",
    "networks",
    "dct",
    "coefficients",
    "exact",
    "coding",
}

SOURCES = sorted(
    path.relative_to(ROOT)
    for folder in ("numcodecs_neural", "converters")
    for path in (ROOT / folder).rglob("*.py")
)


def module_of(path: Path) -> tuple[str, ...]:
    """Return the dotted name of a file of the checkout, as it is installed."""
    parts = list(path.with_suffix("").parts)
    if parts[0] == "converters":
        parts.insert(0, "numcodecs_neural")
    if parts[-1] == "__init__":
        parts.pop()
    return tuple(parts)


def imports_of(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield every name that a file imports, in full, relative ones included."""
    module = module_of(path)
    package = module if path.name == "__init__.py" else module[:-1]
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            yield from ((*base, alias.name) for alias in node.names)


def floors_imported_by(path: Path) -> set[str]:
    names = (name for name in imports_of(path) if name[0] == "numcodecs_neural")
    return {name[1] for name in names if len(name) > 1 and name[1] in FLOORS + WINGS + ROOF}


def is_allowed(here: str, there: str) -> bool:
    if here == there or (here, there) in BRIDGES:
        return True
    if here in ROOF:
        return True
    if here in WINGS:
        return there in FLOORS
    return there in FLOORS and FLOORS.index(there) < FLOORS.index(here)


def test_every_source_stands_on_a_floor() -> None:
    floors = {module_of(path)[1] for path in SOURCES if len(module_of(path)) > 1}

    assert floors == {*FLOORS, *WINGS, *ROOF}


# The package's own namespace is left out: it gathers its public names from all floors.
@pytest.mark.parametrize("path", [p for p in SOURCES if len(module_of(p)) > 1], ids=str)
def test_imports_only_point_down(path: Path) -> None:
    here = module_of(path)[1]

    upward = {there for there in floors_imported_by(path) if not is_allowed(here, there)}

    assert upward == set()


@pytest.mark.parametrize(
    "path",
    [p for p in SOURCES if FROZEN & {*module_of(p)[1:2]} and not p.name.startswith("enc_")],
    ids=str,
)
def test_what_decodes_imports_nothing_that_encodes(path: Path) -> None:
    encoding = [name for name in imports_of(path) if any(x.startswith("enc_") for x in name)]

    assert encoding == []


@pytest.mark.parametrize("path", [p for p in SOURCES if "converters" in module_of(p)], ids=str)
def test_converters_use_the_public_codecs_only(path: Path) -> None:
    # networks: of its tissue network the converter proves the bounds as the codec does of its own.
    public = {
        *("arguments", "converters", "codec", "zarr3", "config", "errors"),
        *("files", "jpeg", "measure", "omezarr", "peers", "networks", "reading"),
    }

    assert floors_imported_by(path) <= public


IN_ROOMS = [
    path for path in SOURCES if "converters" in module_of(path) and len(module_of(path)) > 2
]


def room_floor(name: str) -> int:
    return next(floor for floor, rooms in enumerate(ROOMS) if name in rooms)


def test_every_room_of_the_converter_has_a_floor() -> None:
    assert {module_of(path)[2] for path in IN_ROOMS} == set.union(*ROOMS)


@pytest.mark.parametrize("path", IN_ROOMS, ids=str)
def test_rooms_of_the_converter_import_rooms_below_them_only(path: Path) -> None:
    here = module_of(path)[2]
    names = (name for name in imports_of(path) if name[:2] == ("numcodecs_neural", "converters"))

    others = {name[2] for name in names if len(name) > 2} - {here}

    assert {room for room in others if room_floor(room) >= room_floor(here)} == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = {module_of(path): path for path in SOURCES if path.name != "__init__.py"}
    below = {
        module: {
            found
            for name in imports_of(path)
            for found in (name, name[:-1])
            if found in modules and found != module
        }
        for module, path in modules.items()
    }

    # A circle is a CycleError, which names it.
    assert set(graphlib.TopologicalSorter(below).static_order()) == set(modules)


def test_the_converter_shows_at_most_fifteen_entries() -> None:
    entries = {path.name for path in (ROOT / "converters").iterdir()} - {"__pycache__"}

    assert len(entries) <= 15


def test_private_modules_of_zarr_are_imported_in_one_place() -> None:
    def is_private(name: tuple[str, ...]) -> bool:
        return name[0] == "zarr" and any(part == "core" or part[0] == "_" for part in name[1:])

    users = {str(path) for path in SOURCES if any(map(is_private, imports_of(path)))}

    assert users == {"numcodecs_neural/zarr_types.py"}


def test_the_installed_zarr_has_every_private_name_that_is_used() -> None:
    module = importlib.import_module("numcodecs_neural.zarr_types")

    assert [getattr(module, name).__name__ for name in module.__all__] == module.__all__
