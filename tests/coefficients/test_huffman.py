"""Coefficients come back from JPEG's own entropy coding; damaged bytes are refused."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from numcodecs_neural import config
from numcodecs_neural.coefficients.dec_huffman import decode_huffman
from numcodecs_neural.coefficients.enc_huffman import encode_huffman
from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.errors import BitstreamError, ConfigError, TruncatedChunkError
from numcodecs_neural.jpeg.mosaic import Mosaic
from tests.jpeg.mosaics import mosaics
from tests.jpeg.streams import encoded, equal, photo, saved

BACKENDS = ["numpy", "auto"]


def small() -> Mosaic:
    return Mosaic.from_tiles([[saved(photo(20, 30), quality=50), None]])


@hypothesis.given(mosaics())
def test_any_coefficients_come_back(mosaic: Mosaic) -> None:
    layout = Layout.of(mosaic)

    data = encode_huffman(mosaic.coefficients, layout)

    assert equal(decode_huffman(data, layout), mosaic.coefficients)


@hypothesis.settings(max_examples=5)
@hypothesis.given(mosaics())
def test_any_coefficients_come_back_without_compiled_kernels(mosaic: Mosaic) -> None:
    layout = Layout.of(mosaic)

    data = encode_huffman(mosaic.coefficients, layout)

    with config.set(backend="numpy"):
        assert equal(decode_huffman(data, layout), mosaic.coefficients)


@pytest.mark.parametrize("sampling", ["444", "422", "420"])
@pytest.mark.parametrize("quality", [30, 75, 95])
def test_they_take_fewer_bytes_than_the_streams_that_they_come_from(
    quality: int, sampling: str
) -> None:
    streams = [
        [
            encoded(photo(400, 400)[y : y + 200, x : x + 200], quality, subsampling=sampling)
            for x in (0, 200)
        ]
        for y in (0, 200)
    ]
    mosaic = Mosaic.from_tiles(streams)

    data = encode_huffman(mosaic.coefficients, Layout.of(mosaic))

    # 623 bytes are the headers of each.
    assert len(data) < sum(len(stream) - 623 for row in streams for stream in row)


@pytest.mark.parametrize("backend", BACKENDS)
def test_truncated_bytes_are_refused(backend: str) -> None:
    mosaic = small()
    layout = Layout.of(mosaic)
    data = encode_huffman(mosaic.coefficients, layout)

    with config.set(backend=backend):
        for end in range(len(data)):
            with pytest.raises(BitstreamError):
                decode_huffman(data[:end], layout)


@pytest.mark.parametrize("backend", BACKENDS)
def test_trailing_bytes_are_refused(backend: str) -> None:
    mosaic = small()
    data = encode_huffman(mosaic.coefficients, Layout.of(mosaic))

    with config.set(backend=backend), pytest.raises(BitstreamError, match="1 bytes behind"):
        decode_huffman(data + b"\0", Layout.of(mosaic))


@hypothesis.given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=3))
def test_damaged_bytes_give_equal_results_on_all_backends(
    changes: list[tuple[float, int]],
) -> None:
    mosaic = small()
    layout = Layout.of(mosaic)
    data = bytearray(encode_huffman(mosaic.coefficients, layout))
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value

    results = []
    for backend in BACKENDS:
        with config.set(backend=backend):
            try:
                results.append(decode_huffman(bytes(data), layout))
            except BitstreamError:
                results.append(())

    assert equal(*results)


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", TruncatedChunkError, "within a Huffman table"),
        (b"\0\1" + bytes(14), TruncatedChunkError, "within a Huffman table"),
        (b"\3" + bytes(15) + b"\0\1\2", BitstreamError, "more codes of 1 bits"),
        (b"\0\1" + bytes(14) + b"\x0c", BitstreamError, "1 symbols up to 12"),
        (bytes(64), TruncatedChunkError, "scan of 16 blocks begins 0 bytes before the end"),
    ],
    ids=["empty", "short table", "too many codes", "DC symbol", "no scan"],
)
def test_hostile_tables_are_refused(data: bytes, error: type[BitstreamError], says: str) -> None:
    with pytest.raises(error, match=says):
        decode_huffman(data, Layout.of(small()))


def test_layouts_of_more_blocks_than_the_bytes_can_hold_take_no_memory() -> None:
    mosaic = small()
    data = encode_huffman(mosaic.coefficients, Layout.of(mosaic))
    plane = dataclasses.replace(Layout.of(mosaic).planes[0], coded=np.ones((2000, 2000), bool))

    with pytest.raises(TruncatedChunkError, match="4000000 blocks"):
        decode_huffman(data, Layout(colour=mosaic.colour, planes=(plane,) * 3))


def test_coefficients_beyond_8_bit_jpeg_are_refused() -> None:
    mosaic = small()
    mosaic.coefficients[1][0, 0, 5] = 1024

    with pytest.raises(ConfigError, match="more bits than 8-bit JPEG"):
        encode_huffman(mosaic.coefficients, Layout.of(mosaic))
