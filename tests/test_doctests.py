"""Every example in a docstring runs. By name: converters/ can be imported in no other way."""

import doctest
import importlib
import pkgutil

import pytest

# Both, since an editable install keeps converters/ outside the folder of its parent package.
FOLDERS = {"numcodecs_neural", "numcodecs_neural.converters"}
MODULES = sorted(
    {
        module.name
        for name in FOLDERS
        for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}.")
    }
    | FOLDERS
)
OPTIONAL = {"czifile", "openslide", "pydicom", "torch", "wsidicom"}


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name in OPTIONAL:
            pytest.skip(f"{error.name} is not installed")
        raise

    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)

    assert failed == 0


def test_the_walk_finds_both_folders() -> None:
    assert {"numcodecs_neural.converters.options", "numcodecs_neural.codec"} <= set(MODULES)
