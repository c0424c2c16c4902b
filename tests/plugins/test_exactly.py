"""exactly: chunks without loss in a lossy array, and not a byte more changed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, exactly
from numcodecs_neural.format import Mode, unpack_chunk
from tests.annotations import Image, Rng

Layout = dict[str, Any]
Write = Callable[..., Any]
SIDE = 128


def part(row: int, column: int) -> tuple[slice, slice, slice]:
    y, x = SIDE * row, SIDE * column
    return slice(None), slice(y, y + SIDE), slice(x, x + SIDE)


def is_exact(array: Any, image: NDArray[Any]) -> list[list[bool]]:
    """Return which of 2 x 2 chunks are as they were."""
    return [
        [bool(np.array_equal(array[part(y, x)], image[part(y, x)])) for x in (0, 1)] for y in (0, 1)
    ]


def chunks_of(array: Any) -> dict[str, bytes]:
    """Return the chunks of an array without shards, by name."""
    root = Path(str(array.store_path).removeprefix("file://"))
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in ("zarr.json", ".zarray", ".zattrs")
    }


def test_what_is_written_exactly_is_exact_and_nothing_else(
    layout: Layout, write: Write, tissue: Image
) -> None:
    image = tissue[:, :256, :256]
    array = write(image, layout)

    with exactly():
        array[part(1, 0)] = image[part(1, 0)]

    assert is_exact(array, image) == [[False, False], [True, False]]


def test_one_chunk_of_those_that_are_written_at_once_is_exact(
    layout: Layout, create: Callable[..., Any], tissue: Image
) -> None:
    image = np.ascontiguousarray(tissue[:, :256, :256])
    array = create(image.shape, layout)

    with exactly([(image[part(0, 1)], -3)]):
        array[...] = image

    assert is_exact(array, image) == [[False, True], [False, False]]


@pytest.mark.parametrize(("zarr_format", "changed"), [(2, "0.0.1"), (3, "c/0/0/1")])
def test_bytes_of_other_chunks_are_unchanged(
    zarr_format: int, changed: str, create: Callable[..., Any], tissue: Image
) -> None:
    image = np.ascontiguousarray(tissue[:, :256, :256])
    usual, other = (create(image.shape, {"zarr_format": zarr_format}) for _ in range(2))
    usual[...] = image

    with exactly([(image[part(0, 1)], -3)]):
        other[...] = image

    before, after = chunks_of(usual), chunks_of(other)
    assert len(before) == 4
    assert [name for name in before if before[name] != after[name]] == [changed]


def test_an_edge_chunk_is_named_with_its_padding(create: Callable[..., Any], tissue: Image) -> None:
    image = np.ascontiguousarray(tissue[:, :200, :256])
    array = create(image.shape, {"zarr_format": 3})
    padded = np.full((3, SIDE, SIDE), 255, np.uint8)
    padded[:, :72] = image[:, SIDE:, :SIDE]

    with exactly([(padded, -3)]):
        array[...] = image

    assert is_exact(array, image) == [[False, False], [True, False]]


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", ">u2"])
def test_chunks_of_every_type_and_axes_are_exact(dtype: str, rng: Rng) -> None:
    images = rng.integers(0, 200, (2, 40, 50)).astype(dtype)
    codec = NeuralImage("grey-fast", 5)

    with exactly([(images, 0)]):
        chunk = codec.encode(images)

    assert unpack_chunk(chunk).header.mode is not Mode.LOSSY
    np.testing.assert_array_equal(codec.decode(chunk), images)


def test_other_threads_are_not_meant(tissue: Image) -> None:
    image = np.ascontiguousarray(tissue[:, :64, :64])
    codec = NeuralImage(quality=10)

    with exactly(), ThreadPoolExecutor(1) as pool:
        here, there = codec.encode(image), pool.submit(codec.encode, image).result()

    assert there == codec.encode(image) != here
    np.testing.assert_array_equal(codec.decode(here), image)


def test_contexts_add_up_and_end(tissue: Image) -> None:
    first, second = (np.ascontiguousarray(tissue[:, y : y + 64, :64]) for y in (0, 64))
    codec = NeuralImage(quality=10)
    usual = codec.encode(first)

    with exactly([(first, -3)]):
        with exactly([(second, -3)]):
            inner = codec.encode(first)
        outer = codec.encode(second)

    np.testing.assert_array_equal(codec.decode(inner), first)
    assert unpack_chunk(outer).header.mode is Mode.LOSSY
    assert codec.encode(first) == usual


def test_a_part_that_is_written_makes_its_chunk_exact(
    create: Callable[..., Any], tissue: Image
) -> None:
    array = create((3, 256, 256), {"zarr_format": 3})
    array[...] = tissue[:, :256, :256]
    expected: Any = array[...].copy()
    expected[:, 10:20, 10:20] = 7

    with exactly():
        array[:, 10:20, 10:20] = 7

    np.testing.assert_array_equal(array[...], expected)
