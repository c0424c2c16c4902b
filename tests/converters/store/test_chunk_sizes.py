"""First bytes of stored chunks, from shards, files and zips."""

import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural import NeuralImage, NeuralImageCodec
from numcodecs_neural.converters.geometry.axes import Axes
from numcodecs_neural.converters.geometry.levels import plan_levels
from numcodecs_neural.converters.store.chunk_sizes import StoredRegion
from numcodecs_neural.files.archive import Archive
from numcodecs_neural.files.folder import Folder

LAYOUTS: dict[str, dict[str, Any]] = {
    "shards": {"shards": (3, 64, 64), "serializer": NeuralImageCodec(), "compressors": None},
    "files": {"zarr_format": 2, "compressors": NeuralImage()},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_first_bytes_are_those_of_the_stored_chunks(tmp_path: Path, layout: str) -> None:
    array = zarr.create_array(
        tmp_path / "store",
        name="0",
        shape=(3, 90, 60),
        chunks=(3, 32, 32),
        dtype="uint8",
        fill_value=255,
        config={"write_empty_chunks": False},
        **LAYOUTS[layout],
    )
    pixels = np.full((3, 90, 60), 255, np.uint8)
    pixels[:, :32, 32:] = np.arange(28, dtype=np.uint8)
    array[...] = pixels
    (grid,) = plan_levels((90, 60), levels=1, chunk_px=32, region_px=64)
    region = StoredRegion(
        store=Folder(str(tmp_path / "store")),
        array=array,
        grid=grid,
        cell=(0, 0),
        axes=Axes(samples=3),
        frame=(),
    )

    sizes, total = region.nbytes()
    starts = region.starts(sizes)

    assert np.argwhere(sizes > 0).tolist() == [[0, 1]]
    assert total >= sizes.sum()
    assert {cell: len(start) for cell, start in starts.items()} == {(0, 1): 17}
    assert starts[0, 1][:4] == b"NNIC"


def test_parts_of_files_in_a_zip_are_those_of_the_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("x/first", bytes(range(100)))
        packed.writestr("x/second", bytes(range(200)))

    with closing(Archive(str(tmp_path / "a.zip"), zipfile.ZipFile(tmp_path / "a.zip"))) as folder:
        parts = folder.parts([("x/first", 7), ("x/second", 198)], 3)

    assert parts == [bytes([7, 8, 9]), bytes([198, 199])]
