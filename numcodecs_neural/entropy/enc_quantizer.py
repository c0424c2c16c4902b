"""Choice of symbols: what an encoder does before `encode_symbols`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural import compilation
from numcodecs_neural.entropy import enc_trellis
from numcodecs_neural.entropy.enc_stream import LANES
from numcodecs_neural.entropy.enc_tables import costs_of
from numcodecs_neural.entropy.tables import SKIP, SymbolTables

__all__ = ["Quantized", "quantize"]


class Quantized(NamedTuple):
    """A part in symbols; all arrays have the shape of what was quantised.

    `rows` (uint8) are the tables that code `symbols` (int32), `halves` (int32) what a decoder gets:
    halves of a step.
    """

    symbols: NDArray[np.int32]
    rows: NDArray[np.uint8]
    halves: NDArray[np.int32]


def quantize(
    rest: NDArray[np.int32], indexes: NDArray[np.uint8], tables: SymbolTables, price: int
) -> Quantized:
    """Quantise one part of a stream with a trellis, so that error and bits cost least.

    Parameters
    ----------
    rest : ndarray of int32
        Sixteenths of a step, of magnitudes below 2**20.
    indexes : ndarray of uint8, of the same shape
        Class of each, or `SKIP` for what becomes 0.
    tables : SymbolTables
        Of three rows for each class: plain, and under either quantiser.
    price : int
        What a bit costs, in squares of sixteenths of a step; 0 for the least error.
    """
    classes = len(tables) // 3
    symbols, states = _choose_part()(
        np.ascontiguousarray(rest.reshape(-1), np.int32),
        np.ascontiguousarray(indexes.reshape(-1)),
        np.ascontiguousarray(costs_of(tables)[classes:]),
        price,
        LANES,
    )
    symbols, states = symbols.reshape(rest.shape), states.reshape(rest.shape)
    second = states >> 1
    rows = np.where(indexes == SKIP, SKIP, indexes + classes * (1 + second)).astype(np.uint8)
    return Quantized(symbols, rows, 2 * symbols - second * np.sign(symbols))


def _choose_part() -> Callable[..., tuple[NDArray[np.int32], NDArray[np.uint8]]]:
    if compilation.use_numba():
        from numcodecs_neural.entropy import enc_kernels

        return enc_kernels.choose_part
    return enc_trellis.choose_part
