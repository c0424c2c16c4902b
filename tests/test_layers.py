"""Imports point down only. Lazy imports count too."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# From the ground up. A wing may import what stands left of it, and not the other wings.
FLOORS = [
    "errors",
    "arguments",
    "config",
    "compilation",
    "format",
    "entropy",
    "weights",
    "networks",
    "coding",
    "engine",
    "parameters",
    "codec",
    "zarr3",
]
WINGS = ["compressai", "evaluation", "training", "converters"]
# Stands above all: the program, which gathers the subcommands of the wings.
ROOF = ["cli"]
# What a wing may use of another wing.
BRIDGES: set[tuple[str, str]] = set()

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


@pytest.mark.parametrize("path", [p for p in SOURCES if "converters" in module_of(p)], ids=str)
def test_converters_use_the_public_codecs_only(path: Path) -> None:
    assert floors_imported_by(path) <= {"converters", "codec", "zarr3", "config", "errors"}
