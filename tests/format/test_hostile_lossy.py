"""Lossy sections that are damaged or made to harm, behind a right checksum."""

import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage
from numcodecs_neural.errors import BitstreamError, TruncatedChunkError
from numcodecs_neural.format import pack_chunk, unpack_chunk

Image = NDArray[Any]
SMALLEST = b"\0" + struct.pack("<BII", 0, 0, 1 << 16)


@pytest.fixture(params=["he-fast-1", "grey-fast-1"])
def chunk(request: pytest.FixtureRequest, tissue: Image) -> bytes:
    image = tissue[:, 150:198, 220:284] if request.param == "he-fast-1" else tissue[1, 150:198, :64]
    return NeuralImage(request.param, 60).encode(image)


def with_section(chunk: bytes, section: bytes) -> bytes:
    header, _ = unpack_chunk(chunk)
    return pack_chunk(header, [section])


def section_of(chunk: bytes) -> bytes:
    _, (section,) = unpack_chunk(chunk)
    return section


def decoded(chunk: bytes) -> Image:
    header, _ = unpack_chunk(chunk)
    family = "he-fast-1" if header.channel_axis else "grey-fast-1"
    return np.asarray(NeuralImage(family).decode(chunk))


def test_a_chunk_of_its_own_section_is_the_same(chunk: bytes) -> None:
    assert section_of(chunk)[0] == 0
    assert with_section(chunk, section_of(chunk)) == chunk


@pytest.mark.parametrize("first", [2, 3, 128, 254, 255])
def test_another_first_byte_than_0_or_1_is_refused(chunk: bytes, first: int) -> None:
    hostile = with_section(chunk, bytes([first]) + section_of(chunk)[1:])

    with pytest.raises(BitstreamError, match=r"lossy section begins with .*0 or 1"):
        decoded(hostile)


def test_a_first_byte_that_wrongly_says_that_all_is_coded_is_refused(chunk: bytes) -> None:
    hostile = with_section(chunk, b"\1" + section_of(chunk)[1:])

    with pytest.raises(BitstreamError, match="symbol stream"):
        decoded(hostile)


@pytest.mark.parametrize("family", ["he-fast-1", "grey-fast-1"])
def test_a_first_byte_that_wrongly_says_that_much_is_skipped_is_refused(
    family: str, tissue: Image
) -> None:
    codec = NeuralImage(family, 60)
    image = tissue[:, 230:342, 300:412] if family == "he-fast-1" else tissue[1, 230:342, 300:412]
    again = codec.encode(codec.decode(codec.encode(image)))
    section = section_of(again)
    assert section[0] == 1

    with pytest.raises(BitstreamError, match="symbol stream"):
        decoded(with_section(again, b"\0" + section[1:]))


@pytest.mark.parametrize(
    ("section", "error", "says"),
    [
        pytest.param(b"", BitstreamError, "begins with b''", id="empty"),
        pytest.param(b"\0", TruncatedChunkError, "has 0 bytes", id="no stream"),
        pytest.param(b"\1\0\0", TruncatedChunkError, "has 2 bytes", id="half a head"),
        pytest.param(SMALLEST, BitstreamError, "symbol stream", id="a stream without words"),
        pytest.param(SMALLEST[1:], BitstreamError, "symbol stream", id="no first byte"),
    ],
)
def test_sections_without_a_stream_are_refused(
    chunk: bytes, section: bytes, error: type[BitstreamError], says: str
) -> None:
    with pytest.raises(error, match=says):
        decoded(with_section(chunk, section))


def test_a_stream_without_the_first_byte_is_refused(chunk: bytes) -> None:
    hostile = with_section(chunk, section_of(chunk)[1:])

    with pytest.raises(BitstreamError, match="begins with"):
        decoded(hostile)
