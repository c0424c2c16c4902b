"""Quantisation tables take a byte where they are scaled standard ones, and few others."""

import hypothesis
import hypothesis.strategies as st
import pytest

from numcodecs_neural.coding.jpeg_steps import pack_steps, unpack_steps
from numcodecs_neural.errors import BitstreamError, TruncatedChunkError
from numcodecs_neural.jpeg.reading import read_jpeg
from tests.jpeg.streams import photo, saved

TABLES = st.lists(st.integers(1, 65535), min_size=64, max_size=64).map(tuple)


@hypothesis.given(st.lists(TABLES, min_size=1, max_size=3).map(tuple))
def test_any_tables_come_back(steps: tuple[tuple[int, ...], ...]) -> None:
    packed = b"before" + pack_steps(steps) + b"after"

    assert unpack_steps(packed, 6, len(steps)) == (steps, len(packed) - 5)


@pytest.mark.parametrize("quality", range(1, 101))
def test_the_tables_of_libjpeg_take_a_byte_each(quality: int) -> None:
    steps = read_jpeg(saved(photo(8, 8), quality=quality))[0].steps

    packed = pack_steps(steps)

    assert len(packed) == 3
    assert unpack_steps(packed, 0, 3) == (steps, 3)


@pytest.mark.parametrize(("last", "nbytes"), [(255, 65), (256, 129)])
def test_other_tables_take_a_byte_a_step_where_steps_are_bytes(last: int, nbytes: int) -> None:
    table = (*range(2, 65), last)

    assert len(pack_steps((table, table))) == nbytes + 1


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", TruncatedChunkError, "0 bytes ends before a table"),
        (b"\0", BitstreamError, "begins with 0"),
        (b"\xcb" + bytes(200), BitstreamError, "begins with 203"),
        (b"\xc9" + bytes(63), TruncatedChunkError, "64 bytes ends within a table"),
        (b"\xc9\0" + b"\1" * 63, BitstreamError, "a step of 0"),
    ],
    ids=["nothing", "repeat", "unknown", "cut", "step"],
)
def test_what_is_no_table_is_refused(data: bytes, error: type[BitstreamError], says: str) -> None:
    with pytest.raises(error, match=says):
        unpack_steps(data, 0, 1)
