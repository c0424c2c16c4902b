"""Symbol tables: what is refused, and how counts become frequencies."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_neural.entropy import SymbolTables
from numcodecs_neural.entropy.enc_stream import encode_symbols
from numcodecs_neural.entropy.enc_tables import costs_of, tables_from_counts
from numcodecs_neural.errors import WeightsError
from tests.annotations import Rng

VALID: dict[str, Any] = {
    "offset": np.array([-1, 0], np.int32),
    "size": np.array([4, 2], np.int32),
    "frequency": np.array([[4096, 8192, 4095, 1], [16383, 1, 0, 0]], np.uint16),
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"offset": np.zeros(2, np.int64)}, "offset is int64", id="dtype"),
        pytest.param({"size": np.full((2, 1), 4, np.int32)}, "2 dimensions", id="dimensions"),
        pytest.param({"offset": np.zeros(3, np.int32)}, "offset 3", id="a row too many"),
        pytest.param({"size": np.array([4, 1], np.int32)}, "have 1 to 4 entries", id="only escape"),
        pytest.param({"size": np.array([3, 2], np.int32)}, "in 4 columns", id="spare column"),
        pytest.param({"size": np.array([5, 2], np.int32)}, "in 4 columns", id="missing column"),
        pytest.param({"size": np.array([4, 3], np.int32)}, "zero within", id="unused entry"),
        pytest.param({"offset": np.array([0, 65536], np.int32)}, "reach from", id="far away"),
        pytest.param(
            {"frequency": np.array([[4096, 8192, 4095, 1], [16382, 1, 1, 0]], np.uint16)},
            "not zero behind",
            id="spill",
        ),
        pytest.param(
            {"frequency": np.array([[4096, 8192, 4096, 1], [16383, 1, 0, 0]], np.uint16)},
            "table 0 sums to 16385",
            id="sum",
        ),
        pytest.param(
            {key: np.repeat(value, 128, axis=0) for key, value in VALID.items()},
            "256 symbol tables",
            id="as many as take the index of skipped symbols",
        ),
        pytest.param(
            {key: value[:0] for key, value in VALID.items()}, "0 symbol tables", id="no table"
        ),
    ],
)
def test_invalid_tables_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(WeightsError, match=says):
        SymbolTables(**(VALID | change))


def test_tables_do_not_change_with_the_arrays_they_were_made_of() -> None:
    frequency = VALID["frequency"].copy()

    tables = SymbolTables(**(VALID | {"frequency": frequency}))
    frequency[:] = 0

    assert tables.frequency.sum() == 2 * 2**14
    assert not tables.frequency.flags.writeable


def test_tables_survive_pickling() -> None:
    copy = pickle.loads(pickle.dumps(SymbolTables(**VALID)))

    assert copy.packed.tolist() == SymbolTables(**VALID).packed.tolist()


def test_lookup_points_at_the_entry_of_the_first_slot() -> None:
    tables = SymbolTables(**VALID)

    # Slots 0 to 4095 are of entry 0, 16 slots a step; the escape's slot 16383 begins no step.
    assert tables.lookup[0, [0, 255, 256, 767, 768, 1023]].tolist() == [0, 0, 1, 1, 2, 2]


@given(
    st.lists(st.lists(st.integers(0, 2**40 - 1), min_size=2, max_size=300), min_size=1, max_size=4)
)
def test_any_counts_make_valid_tables(counts: list[list[int]]) -> None:
    tables = tables_from_counts([np.array(row) for row in counts], [0] * len(counts))

    assert tables.size.tolist() == [len(row) for row in counts]


def test_frequencies_cost_little_more_than_the_entropy_of_the_counts() -> None:
    counts = np.rint(1e9 * np.exp(-0.5 * (np.arange(-60, 61) / 12) ** 2)).astype(np.int64) + 1
    p = counts / counts.sum()

    q = tables_from_counts([counts], [-60]).frequency[0] / 2**14

    # Most of it is the tails' due, whose frequencies cannot be less than 1.
    assert np.sum(p * np.log2(p / q)) < 0.0025


def test_a_table_without_counts_is_uniform() -> None:
    tables = tables_from_counts([np.zeros(4, np.int64)], [0])

    assert tables.frequency.tolist() == [[4096] * 4]


@pytest.mark.parametrize(
    "counts", [[1], [3, -1], [0] * (2**14 + 1), [2**40, 1]], ids=["one", "negative", "many", "huge"]
)
def test_unusable_counts_are_refused(counts: list[int]) -> None:
    with pytest.raises(WeightsError, match="a table has"):
        tables_from_counts([np.array(counts)], [0])


def test_costs_are_the_bits_of_frequencies_and_escapes() -> None:
    tables = SymbolTables(**VALID)

    bits = costs_of(tables)[:, 255 - 4 : 255 + 5] / 256

    # The escape entry takes 14 bits. Escapes are 1, 3, 5, ... below a table and 0, 2, 4, ... above
    # it: 0 takes 1 bit, 1 and 2 take 3, 3 to 6 take 5, and 7 takes 7.
    assert bits[0].tolist() == [19, 19, 17, 2, 1, pytest.approx(2, abs=0.01), 15, 17, 19]
    assert bits[1].tolist() == [21, 19, 19, 17, 0, 15, 17, 19, 19]


def test_costs_are_what_a_stream_takes(rng: Rng) -> None:
    tables = tables_from_counts([rng.integers(1, 99, 40), rng.integers(1, 9, 9)], [-30, -4])
    symbols = rng.integers(-60, 61, 20_000).astype(np.int32)
    indexes = rng.integers(0, 2, 20_000).astype(np.uint8)

    stream = encode_symbols([(symbols, indexes, tables)])

    expected = costs_of(tables)[indexes, symbols + 255].sum() / 256
    assert 8 * len(stream) == pytest.approx(expected, rel=0.002)
