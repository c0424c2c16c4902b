"""A slide, its store, and stacks of channels, made for the viewer's tests."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from numcodecs_neural.converters import ConvertOptions, convert
from numcodecs_neural.converters.sources import open_source
from tests.annotations import Image

HEIGHT, WIDTH = 1300, 1800
MPP = 0.5


@pytest.fixture(scope="session")
def pixels(tissue: Image) -> Image:
    """Return a slide (y, x, 3): tissue on noisy glass."""
    noise = np.random.default_rng(7).integers(-1, 2, (HEIGHT, WIDTH, 1))
    slide = (np.array([243, 241, 244]) + noise).astype(np.uint8)
    slide[600:1000, 700:1150] = np.moveaxis(tissue, 0, -1)[:400, :450]
    return slide


@pytest.fixture(scope="session")
def tiff(pixels: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the slide as a TIFF of one level."""
    path = tmp_path_factory.mktemp("view") / "slide.ome.tif"
    metadata = {
        "axes": "YXS",
        "PhysicalSizeX": MPP,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": MPP,
        "PhysicalSizeYUnit": "µm",
    }
    tifffile.imwrite(path, pixels, ome=True, tile=(256, 256), photometric="rgb", metadata=metadata)
    return path


@pytest.fixture(scope="session")
def store(tiff: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the slide as a store of two levels."""
    path = tmp_path_factory.mktemp("view") / "store.ome.zarr"
    source = open_source(tiff)
    convert(source, str(path), ConvertOptions(levels=2))
    source.close()
    return path


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an OME-TIFF of 16 bits with three planes of two channels."""
    rng = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("view") / "stack.ome.tif"
    planes = rng.integers(100, 900, (3, 2, 300, 400)).astype(np.uint16)
    tifffile.imwrite(path, planes, ome=True, metadata={"axes": "ZCYX"})
    return path
