"""Huffman tables: as they are read, as they are made."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from numcodecs_neural.errors import JpegError
from numcodecs_neural.jpeg.huffman import HuffmanTable

# The table of luminance DC in annex K of the standard.
STANDARD = HuffmanTable((0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0), bytes(range(12)))


def codes_of(table: HuffmanTable) -> dict[int, str]:
    return {
        symbol: f"{entry >> 8:0{entry & 31}b}"
        for symbol, entry in enumerate(table.encoding().tolist())
        if entry
    }


def test_codes_are_those_of_the_standard() -> None:
    codes = codes_of(STANDARD)

    assert [codes[n] for n in (0, 1, 5, 6, 11)] == ["00", "010", "110", "1110", "111111110"]


def test_the_code_of_all_ones_must_stay_free() -> None:
    with pytest.raises(JpegError, match="more codes of 1 bits than there can be"):
        HuffmanTable((2, *[0] * 15), b"\0\1").check()


counts = st.dictionaries(st.integers(0, 255), st.integers(1, 10**6), min_size=1).map(
    lambda chosen: np.array([chosen.get(n, 0) for n in range(256)])
)


@hypothesis.given(counts)
def test_a_table_from_counts_has_every_symbol_and_fits(counts: np.ndarray) -> None:
    table = HuffmanTable.from_counts(counts)

    table.check()
    assert sorted(table.symbols) == np.flatnonzero(counts).tolist()
    assert sum(table.counts) == len(table.symbols)


@hypothesis.given(counts)
def test_a_table_from_counts_is_as_short_as_entropy_allows(counts: np.ndarray) -> None:
    lengths = HuffmanTable.from_counts(counts).encoding() & 31
    shares = counts[counts > 0] / counts.sum()

    entropy = -(shares * np.log2(shares)).sum()
    mean = (lengths * counts).sum() / counts.sum()

    # One more symbol than was counted takes a code.
    assert entropy <= mean <= entropy + 2


def test_lengths_beyond_16_bits_are_shortened() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(sum(fibonacci[-2:]))

    table = HuffmanTable.from_counts(np.array(fibonacci + [0] * 216))

    table.check()
    assert len(table.symbols) == 40
    assert table.counts[15] > 0


@hypothesis.given(counts)
def test_every_code_is_found_by_the_decoding_table(counts: np.ndarray) -> None:
    from numcodecs_neural.jpeg.reading.bits import entry

    table = HuffmanTable.from_counts(counts)

    for symbol, code in codes_of(table).items():
        bits = int(code.ljust(32, "1"), 2)
        assert entry(table.decoding(), bits, 32) == len(code) << 8 | symbol
    assert entry(table.decoding(), 0xFFFFFFFF, 32) == 0
