"""Speed of the symbol coder on one thread: half a million symbols, as of a 512 x 512 chunk.

`pytest tests/benchmarks/test_entropy_speed.py --benchmark-enable` times it; the mean in
milliseconds is 0.524 times the nanoseconds a symbol takes.
"""

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from numcodecs_neural.entropy import SKIP, SymbolDecoder, SymbolTables
from numcodecs_neural.entropy.enc_quantizer import quantize
from numcodecs_neural.entropy.enc_stream import encode_symbols
from numcodecs_neural.entropy.enc_tables import tables_from_counts
from tests.annotations import Image

COUNT = 512 * 1024
SCALES = np.geomspace(0.11, 64, 64)
SKIPPED = pytest.mark.parametrize("skipped", [0.0, 0.5, 1.0], ids="{:.0%} skipped".format)


@pytest.fixture(scope="module")
def tables() -> SymbolTables:
    """Return 64 Gaussian tables, as weights have them."""
    reach = np.ceil(4.5 * SCALES).astype(np.int32)
    counts = [
        np.append(np.rint(1e6 * np.exp(-0.5 * (np.arange(-r, r + 1) / s) ** 2)), 10)
        for r, s in zip(reach, SCALES, strict=True)
    ]
    return tables_from_counts([row.astype(np.int64) for row in counts], -reach)


def draw(skipped: float) -> tuple[NDArray[np.int32], Image]:
    """Return symbols and indexes: alike within a channel, runs of 32 skipped."""
    rng = np.random.default_rng(5)
    channels = np.repeat(rng.uniform(0, 45, COUNT // 1024), 1024)
    indexes = np.clip(channels + rng.normal(0, 6, COUNT), 0, 63).astype(np.uint8)
    symbols = np.rint(rng.normal(0, SCALES[indexes])).astype(np.int32)
    is_skipped = np.repeat(rng.random(COUNT // 32) < skipped, 32)
    return np.where(is_skipped, 0, symbols), np.where(is_skipped, SKIP, indexes).astype(np.uint8)


@SKIPPED
def test_encode_speed(benchmark: BenchmarkFixture, tables: SymbolTables, skipped: float) -> None:
    symbols, indexes = draw(skipped)

    stream = benchmark(encode_symbols, [(symbols, indexes, tables)])

    assert len(stream) < COUNT


@SKIPPED
def test_decode_speed(benchmark: BenchmarkFixture, tables: SymbolTables, skipped: float) -> None:
    symbols, indexes = draw(skipped)
    stream = encode_symbols([(symbols, indexes, tables)])

    decoded = benchmark(lambda: SymbolDecoder(stream).decode(indexes, tables))

    assert np.array_equal(decoded, symbols)


@pytest.fixture(scope="module")
def trellis_tables(tables: SymbolTables) -> SymbolTables:
    """Return the tables three times: plain ones, and those of either quantiser."""
    return SymbolTables(
        offset=np.tile(tables.offset, 3),
        size=np.tile(tables.size, 3),
        frequency=np.tile(tables.frequency, (3, 1)),
    )


@SKIPPED
def test_trellis_quantize_speed(
    benchmark: BenchmarkFixture, trellis_tables: SymbolTables, skipped: float
) -> None:
    symbols, indexes = draw(skipped)
    rest = 16 * symbols + np.random.default_rng(6).integers(-8, 8, COUNT, dtype=np.int32)

    part = benchmark(quantize, rest, indexes, trellis_tables, 15)

    coded = indexes != SKIP
    error = rest - 8 * part.halves
    assert np.count_nonzero(np.abs(error[coded]) > 16) <= 0.01 * COUNT
    assert not part.halves[~coded].any()


@SKIPPED
def test_trellis_decode_speed(
    benchmark: BenchmarkFixture, trellis_tables: SymbolTables, skipped: float
) -> None:
    symbols, indexes = draw(skipped)
    part = quantize(16 * symbols, indexes, trellis_tables, 15)
    stream = encode_symbols([(part.symbols, part.rows, trellis_tables)])

    halves = benchmark(
        lambda: SymbolDecoder(stream).decode(indexes, trellis_tables, is_trellis=True)
    )

    assert np.array_equal(halves, part.halves)
