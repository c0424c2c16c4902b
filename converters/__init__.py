"""Whole-slide converters. Installed, and only ever imported, as `numcodecs_neural.converters`."""

from importlib import import_module
from typing import TYPE_CHECKING

if __name__ == "converters":
    raise ImportError("import numcodecs_neural.converters instead (after `pip install -e .`)")

if TYPE_CHECKING:
    from .options import ConvertOptions
    from .pipeline.convert import convert
    from .sources import SlideSource, open_source

__all__ = ["ConvertOptions", "SlideSource", "convert", "open_source"]

_MODULES = {
    "ConvertOptions": "options",
    "SlideSource": "sources",
    "convert": "pipeline.convert",
    "open_source": "sources",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for: dask and zarr take a second."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
