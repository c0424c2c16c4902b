"""Encoded chunks, read from files and shards as zarr wrote them."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.codecs import BytesCodec, ShardingCodec

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.archive import Archive
from numcodecs_neural.files.folder import Folder
from numcodecs_neural.omezarr.chunk_files import EMPTY, StoredChunks
from tests.annotations import Image

SHARDED: dict[str, Any] = {"shards": (3, 16, 24)}
LAYOUTS = [
    pytest.param(SHARDED, id="shards"),
    pytest.param({}, id="files"),
    pytest.param({"zarr_format": 2}, id="version 2"),
]


@pytest.fixture
def pixels(rng: np.random.Generator) -> Image:
    return rng.integers(1, 256, (3, 29, 40), dtype=np.uint8)


def written(folder: Path, pixels: Image, **options: Any) -> StoredChunks:
    """Write an array without compression, in which chunk (1, 2) is empty, and open its chunks."""
    array = zarr.create_array(
        folder,
        name="0",
        shape=pixels.shape,
        chunks=(3, 8, 8),
        dtype=pixels.dtype,
        compressors=None,
        fill_value=0,
        **options,
    )
    array[...] = pixels
    array[:, 8:16, 16:24] = 0
    return StoredChunks(Folder(str(folder)), "0", array)


@pytest.mark.parametrize("options", LAYOUTS)
def test_a_chunk_is_what_zarr_encoded(
    options: dict[str, Any], pixels: Image, tmp_path: Path
) -> None:
    chunks = written(tmp_path, pixels, **options)

    found = chunks.read((0, 2, 4))

    assert found == np.ascontiguousarray(pixels[:, 16:24, 32:40]).tobytes()
    assert chunks.size((0, 2, 4)) == 3 * 8 * 8


@pytest.mark.parametrize("options", LAYOUTS)
def test_an_empty_chunk_is_none(options: dict[str, Any], pixels: Image, tmp_path: Path) -> None:
    chunks = written(tmp_path, pixels, **options)

    assert chunks.read((0, 1, 2)) is None
    assert chunks.size((0, 1, 2)) == 0


def test_an_absent_shard_has_no_chunks(pixels: Image, tmp_path: Path) -> None:
    chunks = written(tmp_path, pixels * 0, **SHARDED)

    assert chunks.read((0, 0, 0)) is None
    assert (chunks.shard_index((0, 0, 0)) == EMPTY).all()


def test_chunks_are_read_from_a_zip(pixels: Image, tmp_path: Path) -> None:
    array = written(tmp_path / "store", pixels, **SHARDED)._array
    with zipfile.ZipFile(tmp_path / "store.zip", "w") as archive:
        for path in (tmp_path / "store").rglob("*"):
            archive.write(path, path.relative_to(tmp_path / "store"))
    with zipfile.ZipFile(tmp_path / "store.zip") as archive:
        chunks = StoredChunks(Archive(str(tmp_path / "store.zip"), archive), "0", array)

        found = chunks.read((0, 1, 1))

    assert found == np.ascontiguousarray(pixels[:, 8:16, 8:16]).tobytes()


def test_a_damaged_index_is_a_named_error(pixels: Image, tmp_path: Path) -> None:
    chunks = written(tmp_path, pixels, **SHARDED)
    shard = tmp_path / "0" / "c" / "0" / "0" / "0"
    content = bytearray(shard.read_bytes())
    content[-10] ^= 1
    shard.write_bytes(content)

    with pytest.raises(SourceError, match="index of the shard 0/c/0/0/0 is damaged"):
        chunks.read((0, 0, 0))


def test_shards_of_another_kind_are_refused(pixels: Image, tmp_path: Path) -> None:
    sharding = ShardingCodec(
        chunk_shape=(3, 8, 8),
        codecs=[BytesCodec()],
        index_location="start",
    )
    array = zarr.create(
        store=tmp_path, path="0", shape=(3, 16, 24), chunks=(3, 16, 24), codecs=[sharding]
    )

    with pytest.raises(SourceError, match="index of another kind"):
        StoredChunks(Folder(str(tmp_path)), "0", array)
