"""The numcodecs codec under zarr 2.18, in an environment of its own (it needs numcodecs < 0.16)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from tests.annotations import FreshPython, Image, Psnr

WRITE = """
import sys, numpy, zarr, numcodecs
assert zarr.__version__.startswith("2.18")
image = numpy.load(sys.argv[1])
codec = numcodecs.get_codec({"id": "neural_image", "quality": 60})
array = zarr.open(
    sys.argv[2], mode="w", shape=image.shape, chunks=(3, 128, 128), dtype="u1",
    compressor=codec, order=sys.argv[3], fill_value=255, write_empty_chunks=False,
)
array[:] = image
array[:, :40, :40] = 9
numpy.save(sys.argv[4], array[:])
"""
READ = "import sys, numpy, zarr; numpy.save(sys.argv[2], zarr.open(sys.argv[1], mode='r')[:])"


@pytest.mark.parametrize("order", ["C", "F"])
def test_zarr_3_reads_what_zarr_2_wrote(
    order: str,
    tissue: Image,
    tmp_path: Path,
    fresh_python: FreshPython,
    zarr2_python: str,
    psnr: Psnr,
) -> None:
    image = tissue[:, :300, :400]
    np.save(tmp_path / "image.npy", image)
    paths = [tmp_path / name for name in ("image.npy", "v2.zarr", "read.npy")]

    fresh_python(WRITE, *paths[:2], order, paths[2], python=zarr2_python)

    read: Any = zarr.open_array(paths[1], mode="r")[:]
    np.testing.assert_array_equal(read, np.load(paths[2]))
    assert psnr(read[:, 64:], image[:, 64:]) > 24


@pytest.mark.parametrize("order", ["C", "F"])
def test_zarr_2_reads_what_zarr_3_wrote(
    order: str,
    write: Callable[..., Any],
    tissue: Image,
    tmp_path: Path,
    fresh_python: FreshPython,
    zarr2_python: str,
) -> None:
    array = write(tissue[:, :300, :400], {"zarr_format": 2, "order": order})
    path = str(array.store_path).removeprefix("file://")

    fresh_python(READ, path, tmp_path / "read.npy", python=zarr2_python)

    np.testing.assert_array_equal(np.load(tmp_path / "read.npy"), array[:])


def test_the_zarr_3_class_is_not_imported_there(
    fresh_python: FreshPython, zarr2_python: str
) -> None:
    code = (
        "import sys, numcodecs_neural\n"
        "print('torch' in sys.modules, 'numcodecs_neural.zarr3' in sys.modules)"
    )

    assert fresh_python(code, python=zarr2_python) == "False False"
