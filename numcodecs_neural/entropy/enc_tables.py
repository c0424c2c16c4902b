"""Costs in bits of symbols, and frequency tables from counts."""

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy.tables import PRECISION_BITS, SLOTS, SymbolTables
from numcodecs_neural.errors import WeightsError

__all__ = ["COST_REACH", "costs_of", "tables_from_counts"]

COST_REACH = 255
"""Largest magnitude of a symbol whose bits are listed."""


@functools.lru_cache(maxsize=64)
def costs_of(tables: SymbolTables) -> NDArray[np.int32]:
    """Return the bits of the symbols -255 to 255 in 1/256, shape (T, 511)."""
    symbols = np.arange(-COST_REACH, COST_REACH + 1)
    entry = symbols - tables.offset[:, None]
    escape = tables.size[:, None] - 1
    is_inside = (entry >= 0) & (entry < escape)
    frequency = np.take_along_axis(tables.frequency, np.where(is_inside, entry, escape), 1)
    codeword = np.where(entry < 0, -2 * entry, 2 * (entry - escape) + 1).clip(min=1)
    bits = PRECISION_BITS - np.log2(frequency)
    bits += np.where(is_inside, 0, 2 * np.floor(np.log2(codeword)) + 1)
    costs = np.floor(256 * bits + 0.5).astype(np.int32)
    costs.flags.writeable = False
    return costs


def tables_from_counts(
    counts: Sequence[NDArray[np.int64]], offsets: Sequence[int] | NDArray[np.int32]
) -> SymbolTables:
    """Return tables that code symbols counted so often in about the fewest bits.

    Integer arithmetic only: the same counts give the same tables on every machine.

    Parameters
    ----------
    counts : sequence of ndarray of int64
        For each table the counts of its symbols from ``offsets[t]`` on, and last the count of
        escapes. Any of them may be zero; a table without any count becomes uniform.
    offsets : sequence of int
        Lowest symbol of each table.

    Raises
    ------
    WeightsError
        If there is a negative count, or the result is no valid `SymbolTables`.

    Examples
    --------
    >>> tables = tables_from_counts([np.array([1, 2, 1, 0])], [-1])
    >>> tables.frequency.tolist()
    [[4095, 8192, 4096, 1]]
    """
    sizes = [len(row) for row in counts]
    frequency = np.zeros((len(counts), max(sizes, default=0)), np.uint16)
    for table, row in enumerate(counts):
        frequency[table, : len(row)] = _normalised(np.asarray(row, np.int64))
    return SymbolTables(
        offset=np.array(offsets, np.int32), size=np.array(sizes, np.int32), frequency=frequency
    )


def _normalised(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return frequencies of sum 2**14, each at least 1, in proportion to `counts`."""
    if not 2 <= counts.size <= SLOTS:
        raise WeightsError(f"a table has {counts.size} entries; allowed are 2 to {SLOTS}")
    if counts.min() < 0 or counts.max() >= 1 << 40:
        raise WeightsError("a table has counts that are negative or not below 2**40")
    if not counts.any():
        counts = np.ones_like(counts)
    frequency = np.maximum(1, counts * SLOTS // int(counts.sum()))
    # A frequency one higher saves about count / (frequency + 1/2) bits: give where most is saved,
    # take where least is lost.
    while frequency.sum() < SLOTS:
        frequency[np.argmax((counts << 20) // (2 * frequency + 1))] += 1
    while frequency.sum() > SLOTS:
        loss = (counts << 20) // (2 * frequency - 1)
        frequency[np.argmin(np.where(frequency > 1, loss, np.iinfo(np.int64).max))] -= 1
    return frequency
