"""Integer frequency tables of the entropy coder (see SPEC.md, section 5.1)."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import WeightsError

__all__ = [
    "MAX_SYMBOL",
    "MAX_TABLES",
    "PRECISION_BITS",
    "SKIP",
    "SLOTS",
    "SymbolTables",
]

PRECISION_BITS = 14
SLOTS = 1 << PRECISION_BITS
"""Sum of the frequencies of every table."""

SKIP = 255
"""The index of a symbol that is 0 and takes no bits."""

MAX_TABLES = SKIP
MAX_SYMBOL = (1 << 30) - 1
"""Largest magnitude of a symbol, escapes included."""

_ARRAYS = (("offset", np.int32, 1), ("size", np.int32, 1), ("frequency", np.uint16, 2))
_Scalar = TypeVar("_Scalar", bound=np.generic)
_MAX_TABLE_SYMBOL = (1 << 16) - 1

# A decoder finds the entry of a slot by a coarse lookup and a short search. With 64 Gaussian tables
# this takes 4.5 ns a symbol; a full lookup (2 MB, more than the L2 cache of a core) takes 5.9 ns.
LOOKUP_SHIFT = 4


@dataclass(frozen=True, eq=False, kw_only=True)
class SymbolTables:
    """Frequencies of T tables, each of consecutive symbols and one escape.

    Entry ``e`` of table ``t`` stands for the symbol ``offset[t] + e``; the last entry of a table,
    ``size[t] - 1``, announces a symbol outside of it.

    Parameters
    ----------
    offset : ndarray of int32, shape (T,)
        Lowest symbol of each table.
    size : ndarray of int32, shape (T,)
        Entries of each table, the escape included; at least 2.
    frequency : ndarray of uint16, shape (T, max(size))
        Frequencies: positive in the entries of a table, zero behind them. Each row sums to 2**14.

    Raises
    ------
    WeightsError
        If the arrays break one of these rules.

    Examples
    --------
    >>> tables = SymbolTables(
    ...     offset=np.array([-1], np.int32),
    ...     size=np.array([4], np.int32),
    ...     frequency=np.array([[4000, 8000, 4000, 384]], np.uint16),
    ... )
    >>> tables.start.tolist()
    [[0, 4000, 12000, 16000]]
    """

    offset: NDArray[np.int32]
    size: NDArray[np.int32]
    frequency: NDArray[np.uint16]

    def __post_init__(self) -> None:
        for name, dtype, ndim in _ARRAYS:
            array = _own_array(name, getattr(self, name), np.dtype(dtype), ndim=ndim)
            object.__setattr__(self, name, array)
        _check_shapes(self)
        _check_frequencies(self)

    def __len__(self) -> int:
        return len(self.offset)

    @cached_property
    def start(self) -> NDArray[np.uint16]:
        """First slot of each entry: the sum of the frequencies before it, shape of `frequency`."""
        # Behind the last entry of a table the sum is 2**14 and still fits.
        sums = np.cumsum(self.frequency, axis=1, dtype=np.uint16)
        return _frozen(sums - self.frequency)

    @cached_property
    def packed(self) -> NDArray[np.uint32]:
        """Start (low half) and frequency (high half) of each entry, for one load in a kernel."""
        return _frozen(self.start | (self.frequency.astype(np.uint32) << np.uint32(16)))

    @cached_property
    def lookup(self) -> NDArray[np.uint16]:
        """Entry that holds the first of every ``2**LOOKUP_SHIFT`` slots, one row a table."""
        rows = [np.repeat(np.arange(len(row)), row)[:: 1 << LOOKUP_SHIFT] for row in self.frequency]
        return _frozen(np.array(rows, np.uint16))


def _own_array(
    name: str, array: NDArray[_Scalar], dtype: np.dtype[_Scalar], *, ndim: int
) -> NDArray[_Scalar]:
    """Return a read-only C-ordered copy, so that nobody can change tables that were checked."""
    if array.dtype != dtype or array.ndim != ndim:
        raise WeightsError(
            f"symbol tables: {name} is {array.dtype} with {array.ndim} dimensions;"
            f" expected {dtype} with {ndim}"
        )
    return _frozen(np.array(array, dtype, order="C"))


def _check_shapes(tables: SymbolTables) -> None:
    count, width = tables.frequency.shape
    if not 1 <= count <= MAX_TABLES:
        raise WeightsError(f"there are {count} symbol tables; allowed are 1 to {MAX_TABLES}")
    if tables.offset.shape != (count,) or tables.size.shape != (count,):
        raise WeightsError(
            f"symbol tables: frequency has {count} rows, offset {tables.offset.size}"
            f" and size {tables.size.size} elements; expected as many"
        )
    if tables.size.min() < 2 or tables.size.max() != width or width > SLOTS:
        raise WeightsError(
            f"symbol tables have {tables.size.min()} to {tables.size.max()} entries in {width}"
            f" columns; allowed are 2 to {SLOTS}, the largest as many as there are columns"
        )
    last = tables.offset.astype(np.int64) + tables.size - 2
    if tables.offset.min() < -_MAX_TABLE_SYMBOL or last.max() > _MAX_TABLE_SYMBOL:
        raise WeightsError(
            f"symbol tables reach from {tables.offset.min()} to {last.max()};"
            f" allowed are symbols of magnitude up to {_MAX_TABLE_SYMBOL}"
        )


def _check_frequencies(tables: SymbolTables) -> None:
    is_used = np.arange(tables.frequency.shape[1]) < tables.size[:, np.newaxis]
    if np.any((tables.frequency > 0) != is_used):
        raise WeightsError(
            "symbol tables: a frequency is zero within its table or not zero behind it"
        )
    sums = tables.frequency.sum(axis=1, dtype=np.int64)
    if np.any(sums != SLOTS):
        table = int(np.argmax(sums != SLOTS))
        raise WeightsError(f"symbol table {table} sums to {sums[table]}; expected {SLOTS}")


def _frozen(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    array.flags.writeable = False
    return array
