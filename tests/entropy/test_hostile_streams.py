"""Streams that are damaged, foreign or made to harm: a named error, from both coders the same."""

import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numcodecs_neural import config
from numcodecs_neural.entropy import SKIP, SymbolDecoder
from numcodecs_neural.entropy.enc_quantizer import quantize
from numcodecs_neural.entropy.enc_stream import encode_symbols
from numcodecs_neural.entropy.enc_tables import tables_from_counts
from numcodecs_neural.errors import BitstreamError, ConfigError, TruncatedChunkError

CODERS = pytest.mark.parametrize("coder", ["numpy", "numba"])
TABLES = tables_from_counts([np.array([1, 2, 4, 2, 1, 3])], [-2])
INDEXES = np.zeros(40, np.uint8)
SYMBOLS = np.random.default_rng(7).integers(-4, 5, 40).astype(np.int32)
STREAM = encode_symbols([(SYMBOLS, INDEXES, TABLES)], lanes=2)

# Two classes, whose second quantiser has other tables; every fifth latent is skipped.
COUNTS = [
    [1, 2, 4, 2, 1, 3],
    [9, 1, 3],
    [2, 3, 4, 3, 2, 1],
    [9, 1, 1],
    [1, 5, 5, 5, 1, 3],
    [8, 1, 2],
]
TRELLIS = tables_from_counts([np.array(row) for row in COUNTS], [-2, 0, -2, 0, -2, 0])
CLASSES = np.where(np.arange(40) % 5 == 0, SKIP, np.arange(40) % 2).astype(np.uint8)
CHOSEN = quantize(16 * SYMBOLS + 5, CLASSES, TRELLIS, price=10)
TRELLIS_STREAM = encode_symbols([(CHOSEN.symbols, CHOSEN.rows, TRELLIS)])

# In one lane, the state 2**16 + 16383 is an escape and then asks for a word; 2**31 - 1 does not.
ESCAPE = struct.pack("<BII", 0, 0, (1 << 31) - 1)
NEEDS_WORD = struct.pack("<BII", 0, 0, 1 << 16)


def decoded(coder: str, data: bytes, count: int = 40, *, is_trellis: bool = False) -> list[int]:
    """Return symbols, or halves of steps where a trellis chose them."""
    indexes = np.resize(CLASSES if is_trellis else INDEXES, count)
    with config.set(backend=coder):
        decoder = SymbolDecoder(data)
        tables = TRELLIS if is_trellis else TABLES
        values: list[int] = decoder.decode(indexes, tables, is_trellis=is_trellis).tolist()
        decoder.finish()
    return values


def outcome(coder: str, data: bytes, *, is_trellis: bool = False) -> object:
    """Return the symbols of `data`, or the class of the error."""
    try:
        return decoded(coder, data, is_trellis=is_trellis)
    except BitstreamError as error:
        return type(error)


@pytest.mark.parametrize(
    ("data", "count", "error", "says"),
    [
        pytest.param(b"", 1, TruncatedChunkError, "has 0 bytes", id="empty"),
        pytest.param(STREAM[:4], 1, TruncatedChunkError, "needs 5", id="half a head"),
        pytest.param(
            STREAM[:10], 1, TruncatedChunkError, "states and words need", id="half a state"
        ),
        pytest.param(
            b"\xff" * 5 + bytes(100), 1, TruncatedChunkError, "need 8589935619", id="huge lengths"
        ),
        pytest.param(bytes(9), 1, BitstreamError, "begins with a state below", id="zero state"),
        pytest.param(NEEDS_WORD, 1, TruncatedChunkError, "its last word|0 words", id="no words"),
        pytest.param(ESCAPE, 1, TruncatedChunkError, "escape bytes?", id="no escape bits"),
        pytest.param(
            ESCAPE + b"\0\0\0\1", 1, TruncatedChunkError, "escape bytes?", id="half an escape"
        ),
        pytest.param(ESCAPE + bytes(100), 1, BitstreamError, "escape", id="32 zeros"),
        pytest.param(
            ESCAPE + b"\0\0\0\1" + b"\xff" * 9, 1, BitstreamError, "largest symbol", id="too far"
        ),
        pytest.param(ESCAPE + b"\x80", 1, BitstreamError, "initial state", id="wrong last state"),
        pytest.param(STREAM, 39, BitstreamError, "symbol stream", id="a symbol too few"),
        pytest.param(STREAM, 41, BitstreamError, "symbol stream", id="a symbol too many"),
        pytest.param(STREAM + b"\0", 40, BitstreamError, "behind its last escape", id="trailing"),
        pytest.param(STREAM[:-1], 40, TruncatedChunkError, "escape byte", id="last byte missing"),
    ],
)
@CODERS
def test_hostile_streams_are_refused(
    coder: str, data: bytes, count: int, error: type[BitstreamError], says: str
) -> None:
    with pytest.raises(error, match=says):
        decoded(coder, data, count)


@pytest.mark.parametrize(
    ("data", "count", "error", "says"),
    [
        pytest.param(NEEDS_WORD, 40, TruncatedChunkError, "its last word|0 words", id="no words"),
        pytest.param(ESCAPE, 40, TruncatedChunkError, "escape bytes?", id="no escape bits"),
        pytest.param(ESCAPE + bytes(100), 40, BitstreamError, "escape", id="32 zeros"),
        pytest.param(
            ESCAPE + b"\0\0\0\2" + b"\xff" * 9, 40, BitstreamError, "largest symbol", id="too far"
        ),
        pytest.param(TRELLIS_STREAM, 39, BitstreamError, "symbol stream", id="a symbol too few"),
        pytest.param(TRELLIS_STREAM, 42, BitstreamError, "symbol stream", id="two too many"),
        pytest.param(
            TRELLIS_STREAM + b"\0", 40, BitstreamError, "behind its last escape", id="trailing"
        ),
        pytest.param(
            TRELLIS_STREAM[:-1], 40, TruncatedChunkError, "escape byte", id="last byte missing"
        ),
    ],
)
@CODERS
def test_hostile_streams_of_a_trellis_are_refused(
    coder: str, data: bytes, count: int, error: type[BitstreamError], says: str
) -> None:
    with pytest.raises(error, match=says):
        decoded(coder, data, count, is_trellis=True)


def test_what_is_changed_is_a_stream_of_a_trellis() -> None:
    assert decoded("numba", TRELLIS_STREAM, is_trellis=True) == CHOSEN.halves.tolist()
    assert len(TRELLIS_STREAM) > 5 + 4 * 4 + 2 * int.from_bytes(TRELLIS_STREAM[1:5], "little")


@given(data=st.binary(max_size=200), is_trellis=st.booleans())
def test_any_bytes_have_the_same_outcome_in_both_coders(data: bytes, is_trellis: bool) -> None:
    expected = outcome("numpy", data, is_trellis=is_trellis)

    assert outcome("numba", data, is_trellis=is_trellis) == expected


@given(
    states=st.lists(st.integers(2**16, 2**32 - 1), min_size=1, max_size=3),
    words=st.binary(max_size=40).filter(lambda data: len(data) % 2 == 0),
    escapes=st.binary(max_size=60),
    is_trellis=st.booleans(),
)
@example(states=[2**31 - 1], words=b"", escapes=b"\0\0\0\1" + b"\0" * 8, is_trellis=False)
@example(states=[2**31 - 1], words=b"", escapes=b"\0\0\0\2" + b"\0" * 8, is_trellis=True)
def test_any_states_have_the_same_outcome_in_both_coders(
    states: list[int], words: bytes, escapes: bytes, is_trellis: bool
) -> None:
    head = struct.pack(f"<BI{len(states)}I", len(states) - 1, len(words) // 2, *states)
    data = head + words + escapes

    expected = outcome("numpy", data, is_trellis=is_trellis)

    assert outcome("numba", data, is_trellis=is_trellis) == expected


@pytest.mark.parametrize("is_trellis", [False, True], ids=["plain", "trellis"])
@given(data=st.data(), change=st.integers(1, 255))
def test_a_changed_byte_has_the_same_outcome_in_both_coders(
    is_trellis: bool, data: st.DataObject, change: int
) -> None:
    stream = bytearray(TRELLIS_STREAM if is_trellis else STREAM)
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= change

    expected = outcome("numpy", bytes(stream), is_trellis=is_trellis)

    assert outcome("numba", bytes(stream), is_trellis=is_trellis) == expected


@pytest.mark.parametrize("position", range(5, 5 + 8), ids="state byte {}".format)
def test_a_changed_state_is_refused(position: int) -> None:
    data = bytearray(STREAM)
    data[position] ^= 1

    assert not isinstance(outcome("numba", bytes(data)), list)


def test_other_indexes_than_the_encoders_are_refused() -> None:
    other = np.array([3, 4, 4, 4, 4, 1])
    tables = tables_from_counts([np.array([1, 2, 4, 2, 1, 3]), other], [-2, -2])
    decoder = SymbolDecoder(STREAM)

    with pytest.raises(BitstreamError):  # noqa: PT012 - either of the two may notice
        decoder.decode(np.where(np.arange(40) == 20, 1, 0).astype(np.uint8), tables)
        decoder.finish()


@CODERS
def test_an_index_without_a_table_is_refused(coder: str) -> None:
    decoder = SymbolDecoder(STREAM)

    with config.set(backend=coder), pytest.raises(ConfigError):
        decoder.decode(np.array([1], np.uint8), TABLES)


def test_a_decoder_that_failed_stays_failed() -> None:
    decoder = SymbolDecoder(NEEDS_WORD)
    with pytest.raises(TruncatedChunkError):
        decoder.decode(INDEXES, TABLES)

    with pytest.raises(BitstreamError, match="earlier part failed"):
        decoder.finish()
