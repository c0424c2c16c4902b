"""The demo slide, converted when it is first opened, and kept."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

from .layers import LayerData
from .reader import read

__all__ = ["demo_slide"]


def demo_slide() -> list[LayerData]:
    """Return the layers of the demo slide.

    It is written to the user's cache folder once for each release, which takes a few seconds.

    Raises
    ------
    ImportError
        If the packages of the extra ``convert`` are not installed.
    OSError
        If the cache folder cannot be written to.
    """
    store = _cache() / f"demo-{version('numcodecs-neural')}.ome.zarr"
    if not store.exists():
        _convert(store)
    return read(str(store))


def _convert(store: Path) -> None:
    # Nothing else here needs what converting does.
    from numcodecs_neural.converters.options import ConvertOptions
    from numcodecs_neural.converters.pipeline.convert import convert
    from numcodecs_neural.converters.sources.demo import DemoSource

    store.parent.mkdir(parents=True, exist_ok=True)
    # One that was interrupted is gone on with; a folder of this name is whole.
    convert(DemoSource(), store, ConvertOptions(resume=True))


def _cache() -> Path:
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    else:
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "numcodecs-neural"
