"""TIFF files written for one test, and opened."""

from pathlib import Path
from typing import Any

import pytest
import tifffile

from numcodecs_neural.converters.sources import SlideSource
from tests.annotations import Open


@pytest.fixture
def open_tiff(opened: Open, tmp_path: Path) -> Open:
    """Return a function that writes pixels as tifffile's `imwrite` does, and opens the file."""

    def write_and_open(pixels: Any, *, name: str = "slide.tif", **options: Any) -> SlideSource:
        tifffile.imwrite(tmp_path / name, pixels, **options)
        return opened(tmp_path / name)

    return write_and_open
