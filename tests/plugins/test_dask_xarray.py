"""dask and xarray need nothing beyond the registration."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import dask.array
import numpy as np
import pytest
import xarray

from numcodecs_neural import NeuralImageCodec
from tests.annotations import Image, Psnr


@pytest.fixture
def stored(layout: dict[str, Any], write: Callable[..., Any], tissue: Image) -> Any:
    return write(tissue[:, :256, :300], layout)


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "processes"])
def test_dask_reads_the_same_pixels(scheduler: str, stored: Any) -> None:
    lazy = dask.array.from_zarr(str(stored.store_path).removeprefix("file://"))

    with dask.config.set(scheduler=scheduler, num_workers=2):
        image = lazy.compute()

    np.testing.assert_array_equal(image, stored[:])


def test_dask_writes_the_same_pixels(
    layout: dict[str, Any], create: Callable[..., Any], write: Callable[..., Any], tissue: Image
) -> None:
    sides = layout.get("shards", (3, 128, 128))
    array = create(tissue.shape, layout)

    dask.array.store(dask.array.from_array(tissue, chunks=sides), array, lock=False)

    np.testing.assert_array_equal(array[:], write(tissue, layout)[:])


def test_xarray_writes_and_reads(tissue: Image, tmp_path: Path, psnr: Psnr) -> None:
    dataset = xarray.Dataset({"tissue": (("c", "y", "x"), tissue)})
    encoding = {"chunks": (3, 128, 128), "serializer": NeuralImageCodec(), "compressors": None}

    dataset.to_zarr(tmp_path / "data.zarr", encoding={"tissue": encoding}, consolidated=False)
    with xarray.open_zarr(tmp_path / "data.zarr", consolidated=False) as read:
        image = read["tissue"].to_numpy()

    assert read["tissue"].dims == ("c", "y", "x")
    assert psnr(image, tissue) > 24
