"""The stores that clients are given: small ones of each kind, written by the package under test."""

from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import tifffile
import zarr

from numcodecs_neural.converters.cli.main import main as convert_to_omezarr
from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources.demo import DemoSource
from tests.clients.ask import digest_of

# (level, y, x, height, width): glass that is not stored, chunks that meet, the last and smaller
# chunks, and the whole of a smaller level.
RGB_REGIONS = [
    (0, 0, 0, 100, 100),
    (0, 450, 500, 200, 300),
    (0, 1100, 1500, 100, 100),
    (1, 200, 300, 350, 250),
    (2, 0, 0, 300, 400),
]
GREY_REGIONS = [(0, 0, 0, 100, 100), (0, 450, 400, 190, 320), (1, 0, 0, 320, 360)]


def write_stores(folder: Path) -> dict[str, Path]:
    """Write the stores of `table.STORES` into `folder`, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    rgb, grey = folder / "rgb.tif", folder / "grey.ome.tif"
    tifffile.imwrite(rgb, _tissue_on_glass(), tile=(256, 256), photometric="rgb")
    tifffile.imwrite(grey, _microscopy(), metadata={"axes": "CYX"})
    return {
        "rgb-04": _convert(rgb, folder / "rgb-04.ome.zarr", "0.4"),
        "rgb-05": _convert(rgb, folder / "rgb-05.ome.zarr", "0.5"),
        "grey-05": _convert(grey, folder / "grey-05.ome.zarr", "0.5"),
    }


def regions_of(name: str) -> list[tuple[int, int, int, int, int]]:
    """Return the regions that clients read of a store."""
    return GREY_REGIONS if name.startswith("grey") else RGB_REGIONS


def expected_digests(name: str, store: Path) -> list[str]:
    """Return what a client prints that reads as zarr-python does in this environment."""
    group: Any = zarr.open_group(store, mode="r")
    return [
        digest_of(group[str(level)][:, y : y + height, x : x + width])
        for level, y, x, height, width in regions_of(name)
    ]


def _tissue_on_glass() -> Any:
    return DemoSource().read_region(Region(y=300, x=400, height=1200, width=1600))


def _microscopy() -> Any:
    """Return two channels of twelve bits, (2, 640, 720)."""
    image = skimage.data.immunohistochemistry()[..., :2].transpose(2, 0, 1).astype(np.uint16)
    return np.pad(image, ((0, 0), (0, 128), (0, 208)), mode="reflect") * 16


def _convert(source: Path, store: Path, version: str) -> Path:
    arguments = [str(source), "-o", str(store), "--quiet", "--overwrite", "--codec", "neural"]
    code = convert_to_omezarr([*arguments, "--ome-zarr-version", version])
    if code != 0:
        raise RuntimeError(f"{source.name} could not be converted: exit code {code}")
    return store
