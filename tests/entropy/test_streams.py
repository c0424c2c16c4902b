"""Symbol streams: what goes in comes out, by both coders, with the same bytes and few of them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural import config
from numcodecs_neural.entropy import SKIP, SymbolDecoder, SymbolTables
from numcodecs_neural.entropy.enc_stream import Part, encode_symbols
from numcodecs_neural.entropy.enc_tables import tables_from_counts
from numcodecs_neural.errors import ConfigError
from tests.annotations import Image, Rng

CODERS = pytest.mark.parametrize("coder", ["numpy", "numba"])
MAX_SYMBOL = 2**30 - 1
TABLES = tables_from_counts([np.array([1, 2, 4, 2, 1, 0]), np.array([9, 1, 1])], [-2, 100])


def encode(coder: str, parts: list[Part], lanes: int = 4) -> bytes:
    with config.set(backend=coder):
        return encode_symbols(parts, lanes=lanes)


def decode(coder: str, data: bytes, parts: list[Part]) -> list[list[int]]:
    with config.set(backend=coder):
        decoder = SymbolDecoder(data)
        symbols = [decoder.decode(indexes, tables).tolist() for _, indexes, tables in parts]
        decoder.finish()
    return symbols


def part_of(symbols: Any, indexes: Any, tables: SymbolTables = TABLES) -> Part:
    return np.asarray(symbols, np.int32), np.asarray(indexes, np.uint8), tables


def gaussian_part(rng: Rng, count: int) -> Part:
    """Return symbols as a network makes them: 64 tables from nearly certain to wide."""
    scales = np.geomspace(0.11, 64, 64)
    reach = np.ceil(4.5 * scales).astype(np.int64)
    counts = [
        np.append(np.rint(1e6 * np.exp(-0.5 * (np.arange(-r, r + 1) / s) ** 2)), 10)
        for r, s in zip(reach, scales, strict=True)
    ]
    tables = tables_from_counts([row.astype(np.int64) for row in counts], -reach.astype(np.int32))
    indexes = rng.integers(0, 64, count)
    return part_of(np.rint(rng.normal(0, scales[indexes])), indexes, tables)


def ideal_bits(symbols: NDArray[np.int32], indexes: Image, tables: SymbolTables) -> float:
    """Return what the tables say that symbols, none of them escaped, have to cost."""
    entries = symbols - tables.offset[indexes]
    assert np.all((entries >= 0) & (entries < tables.size[indexes] - 1))
    return float(-np.log2(tables.frequency[indexes, entries] / 2**14).sum())


tables_strategy = st.lists(
    st.tuples(st.integers(-300, 300), st.lists(st.integers(0, 1000), min_size=2, max_size=40)),
    min_size=1,
    max_size=5,
).map(lambda rows: tables_from_counts([np.array(row) for _, row in rows], [o for o, _ in rows]))


@st.composite
def parts_strategy(draw: st.DrawFn) -> list[Part]:
    """Draw parts with symbols within, near and far outside of their tables, some skipped."""
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        tables = draw(tables_strategy)
        symbol = st.one_of(st.integers(-350, 350), st.integers(-MAX_SYMBOL, MAX_SYMBOL))
        coded = st.tuples(symbol, st.integers(0, len(tables) - 1))
        pairs = draw(st.lists(st.one_of(coded, st.just((0, SKIP))), max_size=60))
        parts.append(part_of([s for s, _ in pairs], [i for _, i in pairs], tables))
    return parts


@given(parts=parts_strategy(), lanes=st.integers(1, 256))
def test_symbols_come_back_and_both_coders_write_the_same_bytes(
    parts: list[Part], lanes: int
) -> None:
    expected = [symbols.tolist() for symbols, _, _ in parts]

    data = encode("numpy", parts, lanes)

    assert encode("numba", parts, lanes) == data
    assert decode("numpy", data, parts) == expected
    assert decode("numba", data, parts) == expected


def test_both_coders_write_the_same_bytes_for_a_realistic_stream(rng: Rng) -> None:
    parts = [gaussian_part(rng, 5000), gaussian_part(rng, 3001)]

    assert encode("numpy", parts) == encode("numba", parts)


@CODERS
@pytest.mark.parametrize("symbol", [-MAX_SYMBOL, -3, 3, 102, MAX_SYMBOL])
@pytest.mark.parametrize("index", [0, 1])
def test_escaped_symbols_come_back(coder: str, symbol: int, index: int) -> None:
    part = part_of([symbol, -1, symbol], [index, 0, index])

    data = encode(coder, [part])

    assert decode(coder, data, [part]) == [[symbol, -1, symbol]]


@pytest.mark.parametrize("lanes", [1, 4, 32])
def test_bits_are_within_a_hundredth_of_entropy(rng: Rng, lanes: int) -> None:
    part = gaussian_part(rng, 40_000)
    entropy = ideal_bits(*part)

    bits = 8 * len(encode("numba", [part], lanes))

    # A state holds 16 bits when the encoder begins, and may have room for 16 more at the end.
    assert entropy <= bits <= entropy * 1.01 + 5 * 8 + 32 * lanes


def test_bits_are_within_a_hundredth_of_entropy_where_symbols_are_nearly_certain(rng: Rng) -> None:
    tables = tables_from_counts([np.array([300, 16000, 83, 1])], [-1])
    probabilities = tables.frequency[0, :3] / tables.frequency[0, :3].sum()
    part = part_of(rng.choice([-1, 0, 1], 100_000, p=probabilities), np.zeros(100_000), tables)
    entropy = ideal_bits(*part)

    bits = 8 * len(encode("numba", [part]))

    assert entropy <= bits <= entropy * 1.01 + 5 * 8 + 32 * 4


@CODERS
def test_skipped_symbols_take_no_bits(coder: str) -> None:
    part = part_of(np.zeros(10_000), np.full(10_000, SKIP))

    data = encode(coder, [part], lanes=1)

    assert len(data) == 9
    assert decode(coder, data, [part]) == [[0] * 10_000]


def test_arrays_may_be_strided_and_read_only() -> None:
    symbols, indexes, tables = part_of([0, 9, 1, 9, -1, 9], [0, 1, 0, 1, 0, 1])
    for array in (symbols, indexes):
        array.flags.writeable = False
    part = (symbols[::2], indexes[::2], tables)

    data = encode("numba", [part])

    assert decode("numba", data, [part]) == [[0, 1, -1]]


def test_concurrent_decoders_do_not_disturb_each_other(rng: Rng) -> None:
    parts = [gaussian_part(rng, 20_000) for _ in range(8)]
    streams = [encode_symbols([part]) for part in parts]

    def decoded(data: bytes, part: Part) -> NDArray[np.int32]:
        return SymbolDecoder(data).decode(part[1], part[2])

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(decoded, streams, parts))

    assert all(np.array_equal(a, part[0]) for a, part in zip(results, parts, strict=True))


@CODERS
@pytest.mark.parametrize(
    ("part", "says"),
    [
        pytest.param(part_of([0], [2]), "index", id="no such table"),
        pytest.param(part_of([1], [SKIP]), "skipped symbol is", id="skipped but not 0"),
        pytest.param(part_of([MAX_SYMBOL + 1], [0]), "a symbol is", id="too large"),
        pytest.param(part_of([-(2**31)], [0]), "a symbol is", id="lowest int32"),
        pytest.param(part_of([0, 0], [0]), "2 symbols and 1 indexes", id="lengths"),
        pytest.param(part_of([[0]], [0]), "2 dimensions", id="dimensions"),
        pytest.param(
            (np.zeros(1, np.int64), np.zeros(1, np.uint8), TABLES), "symbols is int64", id="dtype"
        ),
    ],
)
def test_unusable_parts_are_refused(coder: str, part: Part, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        encode(coder, [part])


@pytest.mark.parametrize("lanes", [0, 257])
def test_an_impossible_number_of_lanes_is_refused(lanes: int) -> None:
    with pytest.raises(ConfigError, match=f"lanes is {lanes}"):
        encode_symbols([], lanes=lanes)
