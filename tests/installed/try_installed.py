"""Try the installed package with whatever pip installed beside it: without pytest or a checkout.

Run in an empty folder, by the Python of the environment to try. Warnings are errors.
"""

import importlib
import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import skimage.data
import zarr
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, NeuralImageCodec

VERSIONS = ("numcodecs-neural", "zarr", "numcodecs", "numpy", "numba", "dask", "imagecodecs")
CHUNK = (3, 128, 128)
V2: dict[str, Any] = {"zarr_format": 2, "compressors": NeuralImage()}
V3: dict[str, Any] = {"serializer": NeuralImageCodec(), "compressors": None}
LAYOUTS = {"v2": V2, "v3": V3, "v3-sharded": V3 | {"shards": (3, 256, 256)}}


def written(name: str, image: NDArray[np.uint8], layout: dict[str, Any]) -> NDArray[np.uint8]:
    """Write an array, and return what Zarr reads in its place; dask has to read the same."""
    options: dict[str, Any] = {"shape": image.shape, "dtype": image.dtype, "chunks": CHUNK}
    zarr.create_array(name, **options, **layout)[:] = image
    read: Any = zarr.open_array(name, mode="r")
    pixels: NDArray[np.uint8] = read[:]
    np.testing.assert_array_equal(dask.array.from_zarr(read).compute(), pixels)
    return pixels


def try_arrays() -> None:
    """Both formats of Zarr, and shards, hold one picture: that which was written, nearly."""
    image = skimage.data.immunohistochemistry().transpose(2, 0, 1)[:, :256, :256]
    first, *others = (written(name, image, layout) for name, layout in LAYOUTS.items())
    assert np.abs(first.astype(int) - image).mean() < 6
    for other in others:
        np.testing.assert_array_equal(other, first)


def try_command(store: str, *options: str) -> None:
    """Convert the demo slide, and open its first level."""
    command = Path(sys.executable).with_name("convert-to-omezarr")
    told = ["-W", "error", str(command), "--quiet", "--demo", store, *options]
    subprocess.run([sys.executable, *told], check=True)
    level: Any = zarr.open_group(store, mode="r")["0"]
    assert level.shape == (3, 3000, 4000)
    assert level[:, 1500:1600, 2000:2100].std() > 0


def main() -> None:
    """Say what is installed, and try it."""
    print("python", sys.version.split()[0])
    for name in VERSIONS:
        print(name, importlib.metadata.version(name))
    assert importlib.util.find_spec("torch") is None, "torch was installed: nothing here needs it"
    importlib.import_module("numcodecs_neural.zarr_types")
    try_arrays()
    try_command("demo.ome.zarr", "--report", "report.html")
    try_command("demo.ome.zarr", "--resume")
    try_command("demo-04.ome.zarr", "--ome-zarr-version", "0.4")
    # Behind a transpose filter, which gives the codec a view in another memory order.
    try_command("demo-jpeg.ome.zarr", "--codec", "jpeg")


if __name__ == "__main__":
    main()
