"""Chunk header: frozen bytes, and values that are no header."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_neural.errors import BitstreamError, TruncatedChunkError, UnsupportedVersionError
from numcodecs_neural.format import MAX_CHUNK_NBYTES, ChunkHeader, Mode

VALID: dict[str, Any] = {
    "mode": Mode.LOSSY,
    "dtype": np.dtype(">i2"),
    "shape": (2, 3, 512, 1024),
    "box": (512, 700),
    "margin_value": -2,
    "order": "F",
    "channel_axis": -3,
    "weights_id": bytes.fromhex("0011223344556677"),
    "quality": 60,
    "low": -300,
    "level_shift": 3,
}
HEADER = ChunkHeader(**VALID)
BYTES = bytes.fromhex(
    "01 03 03 3c 03 04 0000 feffffff 00020000 bc020000 0011223344556677"
    "02000000 03000000 00020000 00040000 d4feffff 03"
)


def test_header_bytes_are_frozen() -> None:
    assert HEADER.pack() == BYTES
    assert ChunkHeader.unpack(BYTES) == HEADER


LEAST_AXES = {0: 1, -1: 3, -3: 3, -4: 4}


@st.composite
def headers(draw: st.DrawFn) -> ChunkHeader:
    """Draw any header that is allowed."""
    mode = draw(st.sampled_from([Mode.CONSTANT, Mode.LOSSY, Mode.STORED, Mode.JPEG]))
    shape = draw(st.lists(st.integers(1, 9), min_size=1, max_size=8).map(tuple))
    channel_axis = draw(
        st.sampled_from([a for a in (0, -1, -3, -4) if LEAST_AXES[a] <= len(shape)])
    )
    plane = (1, *shape)[-2:] if channel_axis != -1 else shape[-3:-1]
    box = (draw(st.integers(1, plane[0])), draw(st.integers(1, plane[1])))
    dtype: np.dtype[Any] = np.dtype(draw(st.sampled_from(["u1", "<u2", ">u2", "<i2", ">i2"])))
    limits = np.iinfo(dtype)
    values = st.integers(int(limits.min), int(limits.max))
    has_weights = mode in (Mode.LOSSY, Mode.JPEG)
    has_levels = mode is Mode.LOSSY and dtype.itemsize > 1
    return ChunkHeader(
        mode=mode,
        dtype=dtype,
        shape=shape,
        box=box,
        margin_value=draw(values) if box != plane else 0,
        order=draw(st.sampled_from(["C", "F"])),
        channel_axis=channel_axis,
        weights_id=draw(st.binary(min_size=8, max_size=8)) if has_weights else bytes(8),
        quality=draw(st.integers(0, 100)) if mode is Mode.LOSSY else 0,
        low=draw(values) if has_levels else 0,
        level_shift=draw(st.integers(0, 8)) if has_levels else 0,
    )


@given(header=headers(), behind=st.binary(max_size=5))
def test_any_header_comes_back(header: ChunkHeader, behind: bytes) -> None:
    packed = header.pack()

    assert ChunkHeader.unpack(packed + behind) == header
    assert header.packed_nbytes == len(packed)


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(lambda tail: BYTES[:6] + tail)))
def test_any_bytes_are_a_header_or_a_bitstream_error(data: bytes) -> None:
    try:
        header = ChunkHeader.unpack(data)
    except BitstreamError:
        return

    assert header.pack() == data[: header.packed_nbytes]


@pytest.mark.parametrize(
    ("position", "byte", "error", "says"),
    [
        pytest.param(0, 5, UnsupportedVersionError, "mode 5", id="later mode"),
        pytest.param(0, 4, BitstreamError, "the mode jpeg has none", id="jpeg quality"),
        pytest.param(0, 0, BitstreamError, "constant has none", id="constant with weights"),
        pytest.param(1, 0, UnsupportedVersionError, "dtype code 0", id="dtype 0"),
        pytest.param(1, 4, UnsupportedVersionError, "dtype code 4", id="later dtype"),
        pytest.param(2, 4, BitstreamError, "flags 0x04", id="later flag"),
        pytest.param(3, 101, BitstreamError, "quality 101", id="quality"),
        pytest.param(4, 2, BitstreamError, "channel axis -2", id="channel axis"),
        pytest.param(5, 0, BitstreamError, r"shape \(\)", id="no axis"),
        pytest.param(5, 3, BitstreamError, "box", id="an axis too few"),
        pytest.param(5, 5, TruncatedChunkError, "needs 53 bytes", id="an axis too many"),
        pytest.param(5, 9, BitstreamError, "9 axes", id="nine axes"),
        pytest.param(6, 1, BitstreamError, "largest error of 1", id="largest error"),
        pytest.param(10, 0, BitstreamError, "margin value -16711682", id="margin beyond dtype"),
        pytest.param(13, 3, BitstreamError, r"box of \(768, 700\)", id="box too high"),
        pytest.param(17, 5, BitstreamError, r"box of \(512, 1468\)", id="box too wide"),
        pytest.param(28, 0, BitstreamError, "none empty", id="empty axis"),
        pytest.param(31, 255, BitstreamError, "the most are 1073741824", id="huge shape"),
        pytest.param(46, 0, BitstreamError, "lowest sample -16711980", id="low beyond dtype"),
        pytest.param(48, 9, BitstreamError, "level shift 9; .* and 0 to 8", id="level shift"),
    ],
)
def test_values_that_are_not_allowed_are_refused(
    position: int, byte: int, error: type[BitstreamError], says: str
) -> None:
    data = bytearray(BYTES)
    data[position] = byte

    with pytest.raises(error, match=says):
        ChunkHeader.unpack(bytes(data))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"dtype": np.dtype("f4")}, "dtype float32", id="dtype"),
        pytest.param({"box": (512, 1024)}, "margin value -2", id="margin value without margin"),
        pytest.param({"box": (0, 700)}, "box", id="empty box"),
        pytest.param({"shape": (512, 1024)}, "at least 3 axes", id="channels without an axis"),
        pytest.param(
            {"shape": (3, 512, 1024), "channel_axis": -4}, "at least 4 axes", id="depth without one"
        ),
        pytest.param({"weights_id": b"1234567"}, "8 bytes", id="short weights id"),
        pytest.param({"mode": Mode.STORED}, "stored has none", id="stored with weights"),
        pytest.param(
            {"mode": Mode.STORED, "weights_id": bytes(8), "quality": 0},
            "lowest sample -300 and level shift 3; allowed are 0 to 0 and 0 to 0",
            id="stored with levels",
        ),
        pytest.param(
            {"dtype": np.dtype("u1"), "margin_value": 0}, "lowest sample", id="uint8 with levels"
        ),
    ],
)
def test_headers_that_are_not_allowed_cannot_be_made(change: dict[str, Any], says: str) -> None:
    with pytest.raises(BitstreamError, match=says):
        ChunkHeader(**(VALID | change))


@pytest.mark.parametrize("length", [44, 45, 48])
def test_levels_that_are_cut_off_are_missed(length: int) -> None:
    with pytest.raises(TruncatedChunkError, match="needs 49 bytes"):
        ChunkHeader.unpack(BYTES[:length])


def test_only_lossy_chunks_of_16_bits_have_levels() -> None:
    sizes = {
        (mode, dtype): ChunkHeader(
            mode=mode, dtype=np.dtype(dtype), shape=(9, 9), box=(9, 9)
        ).packed_nbytes
        for mode in (Mode.CONSTANT, Mode.LOSSY, Mode.STORED, Mode.JPEG)
        for dtype in ("u1", "u2", "i2")
    }

    assert {case for case, size in sizes.items() if size == 41} == {
        (Mode.LOSSY, "u2"),
        (Mode.LOSSY, "i2"),
    }
    assert set(sizes.values()) == {36, 41}


def test_a_big_endian_uint8_is_refused() -> None:
    data = (
        bytes.fromhex("03 01 01 00 00 01 0000 00000000 01000000 05000000") + bytes(8) + b"\5\0\0\0"
    )

    with pytest.raises(BitstreamError, match="flags 0x01"):
        ChunkHeader.unpack(data)


def test_the_largest_chunk_is_allowed() -> None:
    header = ChunkHeader(
        mode=Mode.STORED, dtype=np.dtype("u1"), shape=(MAX_CHUNK_NBYTES,), box=(1, MAX_CHUNK_NBYTES)
    )

    assert ChunkHeader.unpack(header.pack()) == header


@pytest.mark.parametrize(
    ("shape", "channel_axis", "plane", "box_shape"),
    [
        ((9,), 0, (1, 9), (4,)),
        ((8, 9), 0, (8, 9), (1, 4)),
        ((2, 8, 9), 0, (8, 9), (2, 1, 4)),
        ((5, 3, 8, 9), -3, (8, 9), (5, 3, 1, 4)),
        ((5, 8, 9, 3), -1, (8, 9), (5, 1, 4, 3)),
        ((3, 5, 8, 9), -4, (8, 9), (3, 5, 1, 4)),
    ],
)
def test_plane_and_box_shape_follow_the_channel_axis(
    shape: tuple[int, ...], channel_axis: int, plane: tuple[int, int], box_shape: tuple[int, ...]
) -> None:
    header = ChunkHeader(
        mode=Mode.STORED, dtype=np.dtype("u1"), shape=shape, box=(1, 4), channel_axis=channel_axis
    )

    assert header.plane == plane
    assert header.box_shape == box_shape
