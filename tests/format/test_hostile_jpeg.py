"""JPEG chunks that are damaged or made to harm are refused, before they take memory."""

import dataclasses
import struct
import tracemalloc
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.codec import mosaic_of
from numcodecs_neural.coding.dec_jpeg import ADAPTIVE, HUFFMAN, NETWORK
from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.format import (
    NO_WEIGHTS,
    Chunk,
    ChunkHeader,
    Mode,
    pack_chunk,
    unpack_chunk,
)
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.offers import offered
from numcodecs_neural.weights.catalogue import coefficient_weights
from tests.jpeg.streams import encoded, photo

BACKENDS = ["numpy", "auto"]


def example() -> Chunk:
    """Return a chunk of two tiles, of which one is absent, that begins inside the other."""
    stream = encoded(photo(24, 32), 60, subsampling="420")
    mosaic = Mosaic.from_tiles([[stream, None]], fill=(240, 230, 235), offset=(3, 5))
    pixels = np.ascontiguousarray(mosaic.pixels()[3:, 5:])
    with offered([(pixels, -1, mosaic)]):
        return unpack_chunk(NeuralImage(channel_axis=-1).encode(pixels))


HEADER, (SECTION,) = example()


def decode(section: bytes, **header: Any) -> Any:
    """Decode a chunk with another section, or another header."""
    return NeuralImage().decode(pack_chunk(dataclasses.replace(HEADER, **header), [section]))


def test_the_example_is_decoded() -> None:
    assert HEADER.mode is Mode.JPEG
    assert decode(SECTION).shape == (21, 59, 3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_truncated_section_is_refused(backend: str) -> None:
    with config.set(backend=backend):
        for end in range(len(SECTION)):
            with pytest.raises(BitstreamError):
                decode(SECTION[:end])


@pytest.mark.parametrize("backend", BACKENDS)
@hypothesis.given(st.lists(st.integers(0, 8 * len(SECTION) - 1), min_size=1, max_size=3))
def test_flipped_bits_give_pixels_or_a_bitstream_error(backend: str, bits: list[int]) -> None:
    damaged = bytearray(SECTION)
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8

    with config.set(backend=backend):
        try:
            pixels = decode(bytes(damaged))
        except BitstreamError:
            return
    assert pixels.shape == (21, 59, 3)


@hypothesis.given(st.binary(max_size=200), st.integers(0, 40))
def test_any_bytes_are_pixels_or_a_bitstream_error(data: bytes, kept: int) -> None:
    try:
        pixels = decode(SECTION[:kept] + data)
    except BitstreamError:
        return
    assert pixels.shape == (21, 59, 3)


@pytest.mark.parametrize("size", [(65535, 65535, 1, 1), (1, 1, 65535, 65535), (8, 8, 1024, 1024)])
def test_giant_sizes_take_no_memory(size: tuple[int, ...]) -> None:
    side = 1 << 13
    section = b"\0\1" + struct.pack("<4H", *size) + b"\x11\x11\x11\1\0\0" + bytes(200)
    header = ChunkHeader(
        mode=Mode.JPEG, dtype=np.dtype("u1"), shape=(3, side, side), box=(8, 8), channel_axis=-3
    )
    chunk = pack_chunk(header, [section])

    tracemalloc.start()
    try:
        with pytest.raises(BitstreamError):
            NeuralImage().decode(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1 << 24


@pytest.mark.parametrize("coder", [HUFFMAN, ADAPTIVE, NETWORK])
def test_a_tile_far_beyond_its_plane_is_refused_at_once(coder: int) -> None:
    # 65,792 blocks, and a plane of 8 x 8 pixels has room for 65,544.
    section = bytes([coder, 0]) + struct.pack("<4H", 2049, 2048, 1, 1) + b"\x11\1" + bytes(5000)
    weights = coefficient_weights().id if coder == NETWORK else NO_WEIGHTS
    header = ChunkHeader(
        mode=Mode.JPEG, dtype=np.dtype("u1"), shape=(8, 8), box=(8, 8), weights_id=weights
    )

    with pytest.raises(BitstreamError, match=r"65792 blocks in a plane of \(8, 8\); .* 65544"):
        NeuralImage().decode(pack_chunk(header, [section]))


def test_what_a_reader_would_refuse_is_not_written() -> None:
    tile = np.full((2049, 2048), 200, np.uint8)
    mosaic = Mosaic.from_tiles([[encoded(tile, 60)]])
    pixels = np.ascontiguousarray(mosaic.pixels()[:8, :8, 0])

    with offered([(pixels, 0, mosaic)]):
        chunk = unpack_chunk(NeuralImage("grey-fast").encode(pixels))

    assert chunk.header.mode is not Mode.JPEG


@pytest.mark.parametrize(
    ("coder", "data"),
    [(ADAPTIVE, bytes(3) + b"\1"), (NETWORK, struct.pack("<5I", 0, *[1 << 16] * 4))],
)
def test_few_bytes_for_many_blocks_are_refused_at_once(coder: int, data: bytes) -> None:
    section = bytes([coder, 0]) + struct.pack("<4H", 8192, 8192, 1, 1) + b"\x11\1" + data
    weights = coefficient_weights().id if coder == NETWORK else NO_WEIGHTS
    side = 1 << 13
    header = ChunkHeader(
        mode=Mode.JPEG, dtype=np.dtype("u1"), shape=(side, side), box=(8, 8), weights_id=weights
    )

    with pytest.raises(BitstreamError, match=f"{len(data)} bytes, too few for 1048576 blocks"):
        NeuralImage().decode(pack_chunk(header, [section]))


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"weights_id": b"12345678"}, "its coder has none"),
        ({"dtype": np.dtype("<u2")}, "3 channels of uint16"),
        ({"channel_axis": 0, "box": (59, 3)}, "21 images of 1 channels"),
        ({"shape": (2, 21, 59, 3)}, "2 images of 3 channels"),
        ({"shape": (21, 60, 3), "box": (21, 60)}, "box of"),
        ({"shape": (21, 27, 3), "box": (21, 27)}, "cover"),
    ],
    ids=["weights", "dtype", "channels", "images", "box", "plane"],
)
def test_a_header_that_does_not_suit_the_tiles_is_refused(
    header: dict[str, Any], says: str
) -> None:
    by_huffman = b"\0" + SECTION[1:]

    with pytest.raises(BitstreamError, match=says):
        decode(by_huffman, **header)


def test_coefficients_are_refused_as_pixels_are() -> None:
    with pytest.raises(BitstreamError, match="bytes"):
        mosaic_of(pack_chunk(HEADER, [SECTION + b"\0"]))
