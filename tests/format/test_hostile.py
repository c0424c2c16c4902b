"""Chunks that are damaged, foreign or made to harm are refused, and say why."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_neural.errors import (
    BitstreamError,
    ChecksumError,
    TruncatedChunkError,
    UnsupportedVersionError,
)
from numcodecs_neural.format import ChunkHeader, Mode, mode_of, pack_chunk, unpack_chunk
from numcodecs_neural.format.checksum import crc32c

HEADER = ChunkHeader(
    mode=Mode.STORED, dtype=np.dtype("u1"), shape=(3, 4, 5), box=(4, 5), channel_axis=-3
)
CHUNK = pack_chunk(HEADER, [b"payload"])
BODY = HEADER.pack() + b"\7\0\0\0payload"


DEEP = ChunkHeader(
    mode=Mode.LOSSY, dtype=np.dtype("<u2"), shape=(4, 5), box=(4, 5), low=700, level_shift=2
)
DEEP_BODY = DEEP.pack() + b"\7\0\0\0payload"


def sealed(body: bytes, version: int = 2) -> bytes:
    """Return a chunk around `body` with the length and checksum that belong to it."""
    chunk = b"NNIC" + struct.pack("<BI", version, 13 + len(body)) + body
    return chunk + struct.pack("<I", crc32c(chunk))


def test_a_chunk_is_its_body_between_prefix_and_checksum() -> None:
    assert sealed(BODY) == CHUNK


@pytest.mark.parametrize("payload", [b"", b"payload", bytes(100_000)], ids=len)
def test_header_and_section_come_back(payload: bytes) -> None:
    assert unpack_chunk(pack_chunk(HEADER, [payload])) == (HEADER, (payload,))


def test_container_takes_at_most_64_bytes() -> None:
    assert len(pack_chunk(HEADER, [b""])) == 57


@pytest.mark.parametrize(
    ("chunk", "error", "says"),
    [
        pytest.param(b"", TruncatedChunkError, "0 bytes", id="empty"),
        pytest.param(b"NN", TruncatedChunkError, "2 bytes", id="half a magic"),
        pytest.param(CHUNK[:12], TruncatedChunkError, "12 bytes", id="half a prefix"),
        pytest.param(CHUNK[:-1], TruncatedChunkError, "63 of its 64", id="last byte missing"),
        pytest.param(CHUNK + b"\0", BitstreamError, "1 bytes behind it", id="trailing byte"),
        pytest.param(CHUNK + CHUNK, BitstreamError, "64 bytes behind it", id="two chunks"),
        pytest.param(b"\xff\xd8\xff\xe0" + CHUNK[4:], BitstreamError, "not a chunk", id="a jpeg"),
        pytest.param(b"\xff\xd8", BitstreamError, "not a chunk", id="a short jpeg"),
        pytest.param(sealed(BODY, 3), UnsupportedVersionError, "version 3", id="from the future"),
        pytest.param(sealed(BODY, 1), UnsupportedVersionError, "version 1", id="never released"),
        pytest.param(CHUNK[:-1] + b"?", ChecksumError, "damaged", id="wrong checksum"),
        pytest.param(sealed(b""), TruncatedChunkError, "header needs 28", id="no header"),
        pytest.param(sealed(BODY[:30]), TruncatedChunkError, "header needs 40", id="half a shape"),
        pytest.param(
            sealed(BODY[:40]), TruncatedChunkError, "length of a section", id="no section"
        ),
        pytest.param(sealed(BODY[:-1]), TruncatedChunkError, "needs 11 bytes", id="short section"),
        pytest.param(
            sealed(BODY[:40] + b"\xff" * 4), TruncatedChunkError, "4294967299", id="huge section"
        ),
        pytest.param(sealed(BODY + b"\0"), BitstreamError, "behind its last", id="long section"),
        pytest.param(sealed(DEEP_BODY[:38]), TruncatedChunkError, "needs 41", id="half its levels"),
        pytest.param(
            sealed(DEEP_BODY[:40] + b"\x09" + DEEP_BODY[41:]), BitstreamError, "shift 9", id="shift"
        ),
        pytest.param(
            sealed(DEEP_BODY[:36] + b"\xff" * 4 + DEEP_BODY[40:]),
            BitstreamError,
            "lowest sample -1",
            id="low below uint16",
        ),
        pytest.param(
            sealed(DEEP_BODY[:36] + DEEP_BODY[41:]), BitstreamError, "level shift", id="no levels"
        ),
        pytest.param(sealed(BODY + b"\0" * 4), BitstreamError, "behind", id="a section too many"),
    ],
)
def test_hostile_chunks_are_refused(chunk: bytes, error: type[BitstreamError], says: str) -> None:
    with pytest.raises(error, match=says):
        unpack_chunk(chunk)


@pytest.mark.parametrize("position", range(len(CHUNK)))
def test_a_flipped_byte_is_refused(position: int) -> None:
    damaged = bytearray(CHUNK)
    damaged[position] ^= 0x10

    with pytest.raises(BitstreamError):
        unpack_chunk(bytes(damaged))


@given(st.binary(max_size=100))
def test_any_bytes_behind_the_magic_are_refused(data: bytes) -> None:
    with pytest.raises(BitstreamError):
        unpack_chunk(b"NNIC" + data)


@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=80).map(lambda end: BODY[:36] + end),
        st.binary(max_size=80).map(lambda end: DEEP_BODY[:36] + end),
    )
)
def test_any_sealed_bytes_are_a_chunk_or_a_bitstream_error(body: bytes) -> None:
    try:
        header, sections = unpack_chunk(sealed(body))
    except BitstreamError:
        return

    assert pack_chunk(header, sections) == sealed(body)


@pytest.mark.parametrize("count", [0, 2])
def test_another_number_of_sections_cannot_be_packed(count: int) -> None:
    with pytest.raises(BitstreamError, match=f"{count} sections"):
        pack_chunk(HEADER, [b""] * count)


@pytest.mark.parametrize(
    "start", [b"", b"NNIC", b"NNIC\x02\0\0\0\0", b"\xff\xd8\xff\xe0 a JPEG header"], ids=repr
)
def test_what_starts_no_chunk_has_no_mode(start: bytes) -> None:
    with pytest.raises(BitstreamError, match="not a chunk of this package"):
        mode_of(start)


def test_a_mode_of_a_later_release_is_named() -> None:
    with pytest.raises(UnsupportedVersionError, match="mode 99"):
        mode_of(b"NNIC\x02\0\0\0\0\x63")
