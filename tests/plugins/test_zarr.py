"""Arrays in both formats of Zarr: what Zarr does silently must not change a picture."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.codecs import TransposeCodec

from numcodecs_neural import NeuralCodecError, NeuralImage, NeuralImageCodec
from numcodecs_neural.errors import BitstreamError
from tests.annotations import Image, Psnr

Layout = dict[str, Any]
Write = Callable[..., Any]


def chunk_files(array: Any) -> dict[str, bytes]:
    """Return every stored object but the metadata, by name."""
    root = Path(str(array.store_path).removeprefix("file://"))
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".z") and path.name != "zarr.json"
    }


def test_an_image_comes_back_near_the_original(
    layout: Layout, write: Write, tissue: Image, psnr: Psnr
) -> None:
    array = write(tissue, layout)

    read: Any = zarr.open_array(array.store_path, mode="r")[:]

    assert (read.shape, read.dtype) == (tissue.shape, tissue.dtype)
    assert psnr(read, tissue) > 24


def test_the_store_is_much_smaller_than_the_pixels(
    layout: Layout, write: Write, tissue: Image
) -> None:
    array = write(tissue, layout)

    assert sum(map(len, chunk_files(array).values())) < tissue.nbytes / 4


def test_all_layouts_hold_the_same_pixels(write: Write, tissue: Image) -> None:
    layouts: list[Layout] = [
        {"zarr_format": 2, "order": "C"},
        {"zarr_format": 2, "order": "F"},
        {"zarr_format": 3},
        {"zarr_format": 3, "shards": (3, 256, 256)},
    ]

    images = [write(tissue, layout)[:] for layout in layouts]

    for image in images[1:]:
        np.testing.assert_array_equal(image, images[0])


def test_every_region_reads_as_a_part_of_the_whole(
    layout: Layout, write: Write, tissue: Image
) -> None:
    array = write(tissue, layout)
    whole = array[:]

    np.testing.assert_array_equal(array[:, 100:301, 7:400], whole[:, 100:301, 7:400])
    np.testing.assert_array_equal(array[1, 130, ::3], whole[1, 130, ::3])


def test_an_image_that_ends_inside_its_chunks_keeps_its_edge(
    layout: Layout, write: Write, tissue: Image, psnr: Psnr
) -> None:
    image = tissue[:, :301, :203]

    read = write(image, layout)[:]

    assert psnr(read[:, -8:], image[:, -8:]) > 22
    assert psnr(read[:, :, -8:], image[:, :, -8:]) > 22


def test_padding_costs_almost_nothing(write: Write, tissue: Image) -> None:
    # The same 96 x 96 pixels, alone in a chunk of their size and in the corner of a larger one.
    corner = tissue[:, :96, :96]
    exact = write(corner, {"zarr_format": 3}, chunks=(3, 96, 96))
    padded = write(corner, {"zarr_format": 3})

    sizes = [sum(map(len, chunk_files(array).values())) for array in (exact, padded)]

    assert sizes[1] <= sizes[0] + 16


def test_an_empty_chunk_is_not_stored_and_reads_as_the_fill_value(
    layout: Layout, write: Write, tissue: Image
) -> None:
    image = np.full((3, 512, 512), 255, np.uint8)
    image[:, :128, :128] = tissue[:, :128, :128]

    array = write(image, layout)

    assert len(chunk_files(array)) == 1
    assert (array[:, 128:, 128:] == 255).all()


def test_an_all_255_tissue_chunk_can_be_kept(layout: Layout, write: Write) -> None:
    # Zarr drops what equals the fill value; who must tell saturated tissue from glass says so.
    image = np.full((3, 256, 256), 255, np.uint8)

    dropped = write(image, layout)
    kept = write(image, layout, config={"write_empty_chunks": True})

    assert len(chunk_files(dropped)) == 0
    assert len(chunk_files(kept)) > 0
    assert (kept[:] == 255).all()


def test_constant_chunks_are_exact_and_tiny(layout: Layout, write: Write) -> None:
    image = np.empty((3, 128, 128), np.uint8)
    image[:] = np.array([243, 242, 245], np.uint8)[:, None, None]
    chunk_alone = {key: value for key, value in layout.items() if key != "shards"}

    array = write(image, chunk_alone)

    np.testing.assert_array_equal(array[:], image)
    assert sum(map(len, chunk_files(array).values())) < 100


def test_a_partial_write_changes_its_chunk_only(
    layout: Layout, write: Write, tissue: Image, psnr: Psnr
) -> None:
    array = write(tissue, layout)
    before = array[:]
    edit = tissue[:, 300:340, 300:370]

    array[:, 10:50, 20:90] = edit

    after = array[:]
    np.testing.assert_array_equal(after[:, 128:], before[:, 128:])
    np.testing.assert_array_equal(after[:, :, 128:], before[:, :, 128:])
    assert psnr(after[:, 10:50, 20:90], edit) > 24


def test_a_partial_write_codes_the_rest_of_its_chunk_again_with_little_loss(
    write: Write, tissue: Image, psnr: Psnr
) -> None:
    image = tissue[:, :128, :128]
    array = write(image, {"zarr_format": 3})
    before = psnr(array[:, 64:], image[:, 64:])

    for _ in range(5):
        array[:, :8, :8] = image[:, :8, :8]

    assert psnr(array[:, 64:], image[:, 64:]) > before - 0.5


def test_chunks_of_a_shard_that_a_write_does_not_touch_keep_their_bytes(
    write: Write, tissue: Image
) -> None:
    image = tissue[:, :256, :256]
    array = write(image, {"zarr_format": 3, "shards": (3, 256, 256)})
    (before,) = chunk_files(array).values()

    array[:, :128, :128] = 7

    (after,) = chunk_files(array).values()
    assert shard_chunks(before)[1:] == shard_chunks(after)[1:]
    assert shard_chunks(before)[0] != shard_chunks(after)[0]


def shard_chunks(shard: bytes) -> list[bytes]:
    """Return the chunks of a shard by the index at its end: (offset, length) pairs and a CRC."""
    index = np.frombuffer(shard[-(4 * 16 + 4) : -4], "<u8").reshape(4, 2)
    return [shard[int(begin) : int(begin + length)] for begin, length in index]


def test_a_write_to_an_empty_array_pads_with_the_fill_value(
    layout: Layout, create: Write, tissue: Image
) -> None:
    array = create((3, 256, 256), layout)

    array[:, :64, :64] = tissue[:, :64, :64]

    assert abs(float(array[:, 80:128, 80:128].mean()) - 255) < 3
    assert (array[:, 128:, 128:] == 255).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_order_asked_of_zarr_moves_no_pixel(
    order: Any, layout: Layout, write: Write, tissue: Image
) -> None:
    array = write(tissue, layout)
    whole = array[:]

    with zarr.config.set({"array.order": order}):
        read: Any = zarr.open_array(array.store_path, mode="r")[:]

    np.testing.assert_array_equal(read, whole)


@pytest.mark.parametrize("shards", [None, (256, 256, 3)], ids=["chunks", "shards"])
def test_a_filter_may_move_the_channels(
    shards: tuple[int, ...] | None, write: Write, tissue: Image
) -> None:
    image = np.moveaxis(tissue, 0, -1)
    options = {"filters": [TransposeCodec(order=(2, 0, 1))], "shards": shards}

    array = write(image, {"zarr_format": 3}, chunks=(128, 128, 3), **options)

    read: Any = zarr.open_array(array.store_path, mode="r")[:]
    np.testing.assert_array_equal(np.moveaxis(read, -1, 0), write(tissue, {"zarr_format": 3})[:])


@pytest.mark.parametrize(
    ("channel_axis", "options"),
    [
        pytest.param(-1, {"chunks": (128, 128, 3)}, id="channels last"),
        pytest.param(
            -4, {"chunks": (3, 1, 128, 128), "shards": (3, 1, 256, 256)}, id="depth between"
        ),
    ],
)
def test_channels_can_lie_on_another_axis(
    channel_axis: int, options: Layout, write: Write, tissue: Image
) -> None:
    image = np.moveaxis(tissue, 0, -1) if channel_axis == -1 else tissue[:, None]
    codec = NeuralImageCodec(channel_axis=channel_axis)

    array = write(image, {"zarr_format": 3}, serializer=codec, **options)

    expected = write(tissue, {"zarr_format": 3})[:]
    np.testing.assert_array_equal(np.moveaxis(array[:], channel_axis, 0).squeeze(), expected)


def test_a_stack_of_images_is_coded(write: Write, tissue: Image, psnr: Psnr) -> None:
    stack = np.stack([tissue[:, :128, :128], tissue[:, 128:256, :128]])

    read = write(stack, {"zarr_format": 3}, chunks=(2, 3, 128, 128))[:]

    assert psnr(read, stack) > 24


def test_a_damaged_chunk_is_an_error(layout: Layout, write: Write, tissue: Image) -> None:
    array = write(tissue[:, :128, :128], {k: v for k, v in layout.items() if k != "shards"})
    (name,) = chunk_files(array)
    path = Path(str(array.store_path).removeprefix("file://")) / name
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1

    path.write_bytes(damaged)

    with pytest.raises(NeuralCodecError):
        array[:]


def test_a_chunk_of_another_array_is_an_error(write: Write, tissue: Image) -> None:
    small = write(tissue[:, :64, :64], {"zarr_format": 3}, chunks=(3, 64, 64))
    large = write(tissue[:, :128, :128], {"zarr_format": 3})
    path = Path(str(large.store_path).removeprefix("file://")) / "c/0/0/0"

    path.write_bytes(chunk_files(small)["c/0/0/0"])

    with pytest.raises(BitstreamError, match="belongs to another array"):
        large[:]


def test_every_chunk_of_an_array_has_its_target(
    layout: Layout, write: Write, tissue: Image, psnr: Psnr
) -> None:
    codec = NeuralImage if layout["zarr_format"] == 2 else NeuralImageCodec
    place = "compressors" if layout["zarr_format"] == 2 else "serializer"
    target = {place: codec(target_psnr=37)}

    array = write(tissue[:, :256, :256], layout, **target)

    found: Any = zarr.open_array(array.store, mode="r")[:]
    for y, x in np.ndindex(2, 2):
        chunk = np.s_[:, 128 * y : 128 * (y + 1), 128 * x : 128 * (x + 1)]
        assert 37 <= psnr(found[chunk], tissue[chunk]) <= 37.2
