"""The chunks of an array: each one once, those of a file together, and what is noted of them."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_neural.omezarr.chunk_heads import DAMAGED, heads_of
from numcodecs_neural.omezarr.opened import open_omezarr
from numcodecs_neural.omezarr.stored_arrays import StoredArray, stored_levels

SIDES = st.integers(1, 4)


def stored(shape: tuple[int, ...], chunk: tuple[int, ...], per_shard: tuple[int, ...]) -> Any:
    shards = tuple(side * count for side, count in zip(chunk, per_shard, strict=True))
    array = zarr.create_array({}, shape=shape, chunks=chunk, shards=shards, dtype=np.uint8)
    return StoredArray(
        name="level 0", path="0", array=array, codecs={}, coverage=None, sizes=None, chunks=None
    )


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 30), st.integers(1, 30)),
    chunk=st.tuples(SIDES, SIDES, SIDES),
    per_shard=st.tuples(SIDES, SIDES, SIDES),
)
def test_each_chunk_comes_once_and_those_of_a_shard_together(
    shape: tuple[int, ...], chunk: tuple[int, ...], per_shard: tuple[int, ...]
) -> None:
    array = stored(shape, chunk, per_shard)

    indexes = list(array.indexes())

    assert sorted(indexes) == sorted(np.ndindex(array.grid))
    shards = [
        tuple(at // side for at, side in zip(index, per_shard, strict=True)) for index in indexes
    ]
    changes = sum(a != b for a, b in pairwise(shards))
    assert changes == len(set(shards)) - 1


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 30), st.integers(1, 30)),
    chunk=st.tuples(SIDES, SIDES, SIDES),
)
def test_chunks_cover_every_sample_once(shape: tuple[int, ...], chunk: tuple[int, ...]) -> None:
    array, seen = stored(shape, chunk, (1, 1, 1)), np.zeros(shape, np.int64)

    for index in array.indexes():
        seen[array.selection(index)] += 1

    assert (seen == 1).all()


def test_what_does_not_begin_as_a_chunk_is_damaged(tmp_path: Path) -> None:
    group: Any = zarr.create_group(tmp_path / "a.ome.zarr", zarr_format=2)
    from numcodecs_neural import NeuralImage

    array = group.create_array(
        "0", shape=(3, 32, 48), chunks=(3, 16, 16), dtype=np.uint8, compressors=NeuralImage()
    )
    array[:, :, :32] = 9
    axes = [{"name": name} for name in "cyx"]
    scale = [{"type": "scale", "scale": [1, 1, 1]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    (tmp_path / "a.ome.zarr" / "0" / "0.0.1").write_bytes(b"no chunk of this package")
    image = open_omezarr(tmp_path / "a.ome.zarr")

    (level,) = stored_levels(image)
    heads = list(heads_of(level, level.indexes()))

    assert level.is_ours
    assert [(head.index, head.mode) for head in heads] == [
        ((0, 0, 0), "constant"),
        ((0, 0, 1), DAMAGED),
        ((0, 1, 0), "constant"),
        ((0, 1, 1), "constant"),
    ]
    image.close()
