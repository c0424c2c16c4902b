"""Damaged and foreign chunks are refused by name."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from numcodecs_neural.compressai import CompressAIImage
from numcodecs_neural.errors import (
    BitstreamError,
    ChecksumError,
    TruncatedChunkError,
    UnsupportedVersionError,
    WeightsError,
)
from numcodecs_neural.format.checksum import crc32c
from tests.annotations import Image

Make = Callable[..., CompressAIImage]


@pytest.fixture
def codec(make_codec: Make) -> CompressAIImage:
    return make_codec("mbt2018-mean")


@pytest.fixture
def chunk(codec: CompressAIImage, crop: Image) -> bytes:
    return codec.encode(crop[:, :40, :50])


def sealed(chunk: bytes, at: int, value: bytes) -> bytes:
    """Return the chunk with other bytes at a place, and a checksum that fits them."""
    changed = chunk[:at] + value + chunk[at + len(value) : -4]
    return changed + struct.pack("<I", crc32c(changed))


def test_every_truncated_chunk_is_refused(codec: CompressAIImage, chunk: bytes) -> None:
    for length in (*range(90), len(chunk) // 2, len(chunk) - 1):
        with pytest.raises(TruncatedChunkError):
            codec.decode(chunk[:length])


def test_every_changed_byte_is_noticed(codec: CompressAIImage, chunk: bytes) -> None:
    for at in range(len(chunk)):
        changed = bytearray(chunk)
        changed[at] ^= 0x10
        with pytest.raises(BitstreamError):
            codec.decode(bytes(changed))


def test_bytes_behind_a_chunk_are_refused(codec: CompressAIImage, chunk: bytes) -> None:
    with pytest.raises(BitstreamError, match="1 bytes behind"):
        codec.decode(chunk + b"\x00")


def test_damage_is_told_from_a_later_version(codec: CompressAIImage, chunk: bytes) -> None:
    with pytest.raises(ChecksumError):
        codec.decode(chunk[:-1] + bytes([chunk[-1] ^ 1]))
    with pytest.raises(UnsupportedVersionError, match="version 2"):
        codec.decode(sealed(chunk, 4, b"\x02"))


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        pytest.param(9, b"\x63", "architecture 99", id="architecture"),
        pytest.param(10, b"\x80", "flags 0x80", id="flags"),
        pytest.param(11, b"\x02", "channel axis -2", id="channel axis"),
        pytest.param(12, b"\xff", "255 axes", id="axes"),
        pytest.param(13, b"\x07", "margin value 7", id="margin of a chunk without one"),
        pytest.param(14, b"\xff", "needs", id="streams that are not there"),
        pytest.param(15, b"\xff\xff\xff\xff", "box", id="box larger than the plane"),
        pytest.param(35, b"\x04\x00\x00\x00", "4 channels", id="channels"),
        pytest.param(39, b"\xff\xff\xff\x7f", "the most are", id="a huge plane"),
        pytest.param(47, b"\xff\xff\xff\xff", "bytes of streams", id="length of a stream"),
    ],
)
def test_a_header_that_breaks_a_rule_is_refused(
    at: int, value: bytes, says: str, codec: CompressAIImage, chunk: bytes
) -> None:
    with pytest.raises(BitstreamError, match=says):
        codec.decode(sealed(chunk, at, value))


def test_a_foreign_chunk_is_refused(codec: CompressAIImage) -> None:
    with pytest.raises(BitstreamError, match="not a chunk"):
        codec.decode(b"\xff\xd8\xff\xe0 this is a jpeg, or begins like one" * 4)


def test_a_chunk_of_another_model_is_refused(
    make_checkpoint: Callable[..., Path], chunk: bytes, codec: CompressAIImage
) -> None:
    other = CompressAIImage("mbt2018-mean", make_checkpoint("mbt2018-mean", seed=1))

    with pytest.raises(WeightsError, match=codec.weights[:16]):
        other.decode(chunk)


def test_a_chunk_of_another_architecture_is_refused(make_codec: Make, chunk: bytes) -> None:
    with pytest.raises(WeightsError, match="written by the mbt2018-mean model"):
        make_codec("bmshj2018-factorized").decode(chunk)
