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
import tifffile
import zarr
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, NeuralImageCodec

VERSIONS = (
    *("numcodecs-neural", "zarr", "numcodecs", "numpy", "numba", "dask"),
    *("imagecodecs", "tifffile"),
)
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


def converted(store: str, *arguments: str) -> Any:
    """Run the program, and return the first level of the store that it writes."""
    command = Path(sys.executable).with_name("convert-to-omezarr")
    subprocess.run([sys.executable, "-W", "error", str(command), "--quiet", *arguments], check=True)
    return zarr.open_group(store, mode="r")["0"]


def try_files() -> None:
    """Slides that tifffile reads hold what it reads: tiles with a reduced level, and a stack."""
    image = skimage.data.immunohistochemistry()
    with tifffile.TiffWriter("slide.tif") as tiff:
        tiles: dict[str, Any] = {"tile": (128, 128), "photometric": "rgb", "compression": "jpeg"}
        tiff.write(image, subifds=1, **tiles)
        tiff.write(image[::2, ::2], subfiletype=1, **tiles)
    stack = image.transpose(2, 0, 1)[:2].astype(np.uint16)
    tifffile.imwrite("stack.ome.tif", stack, metadata={"axes": "CYX"})
    for name in ("slide.tif", "stack.ome.tif"):
        options = ("-o", f"{name}.ome.zarr", "--codec", "zstd", "--glass", "keep")
        level = converted(f"{name}.ome.zarr", name, *options)
        pixels = tifffile.imread(name)
        expected = pixels if name.startswith("stack") else np.moveaxis(pixels, -1, 0)
        np.testing.assert_array_equal(level[:], expected)


def try_command(store: str, *options: str) -> None:
    """Convert the demo slide, and open its first level."""
    level = converted(store, "--demo", store, *options)
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
    try_files()
    try_command("demo.ome.zarr", "--report", "report.html")
    try_command("demo.ome.zarr", "--resume")
    try_command("demo-04.ome.zarr", "--ome-zarr-version", "0.4")
    # Behind a transpose filter, which gives the codec a view in another memory order.
    try_command("demo-jpeg.ome.zarr", "--codec", "jpeg")


if __name__ == "__main__":
    main()
