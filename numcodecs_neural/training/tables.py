"""Entropy tables: made once, from the symbols that the integer encoder really produces."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy import SKIP, SymbolTables, tables_from_counts
from numcodecs_neural.training.model import FRACTION, SCALE_MAX, SCALE_MIN, SCALES

COUNT_WEIGHT = 2e-4  # of the model's density against symbols seen, per symbol seen
SKIP_PROBABILITY = 2e-4  # a class that is not 0 less often than this is not worth coding
REACH = 10  # table half-width in logistic scales; beyond it, escapes
MAX_REACH = 400

Pairs = tuple[NDArray[np.int32], NDArray[np.uint8]]


def logistic_tables() -> SymbolTables:
    """Tables of the density that training assumes."""
    return tables_from_counts(*_counts(np.zeros((SCALES, 2 * MAX_REACH + 1), np.int64), prior=1e6))


def fitted_tables(parts: Iterable[Pairs]) -> tuple[SymbolTables, int]:
    """Tables fitted to symbols, and the number of lowest classes that need no coding.

    Parameters
    ----------
    parts : iterable of (symbols, indexes)
        As the integer encoder gives them, with no class skipped.
    """
    seen = np.zeros((SCALES, 2 * MAX_REACH + 1), np.int64)
    for symbols, indexes in parts:
        coded = indexes != SKIP
        s = np.clip(symbols[coded], -MAX_REACH, MAX_REACH).astype(np.int64) + MAX_REACH
        flat = indexes[coded].astype(np.int64) * seen.shape[1] + s
        seen += np.bincount(flat, minlength=seen.size).reshape(seen.shape)
    seen = seen + seen[:, ::-1]  # signs are alike
    total = seen.sum(1)
    nonzero = total - seen[:, MAX_REACH]
    is_rare = (nonzero < SKIP_PROBABILITY * total) | (total == 0)
    skip_below = int(np.argmin(is_rare)) if not is_rare.all() else 0
    return tables_from_counts(*_counts(seen, prior=0.0)), skip_below


def nearest_rounding() -> NDArray[np.uint8]:
    """Rounding to the nearest step, for every table."""
    return np.full(SCALES, FRACTION // 2, np.uint8)


def thrifty_rounding(tables: SymbolTables, strength: float) -> NDArray[np.uint8]:
    """Rounding offsets in sixteenths: less than a half where a step less saves bits.

    At high rate the best step obeys ``step**2 = 26 / lmbda`` (in latents of an orthonormal
    transform), and the cost of an error of ``e`` steps is ``26 e**2 / 3`` bits. Rounding ``r``
    down from ``s`` to ``s - 1`` pays if the bits saved exceed ``26 (2 (r - s) + 1) / 3``, that is
    below ``s - 1/2 + 3 bits / 52``.

    Parameters
    ----------
    tables : SymbolTables
    strength : float
        Factor on the shift of the threshold; 1 is what the theory gives.
    """
    rounding = nearest_rounding()
    for index in range(SCALES):
        zero = -int(tables.offset[index])
        f = tables.frequency[index].astype(np.float64)
        bits = np.log2(f[zero]) - np.log2((f[zero - 1] + f[zero + 1]) / 2)
        shift = strength * max(bits, 0.0) * 3 / 52
        rounding[index] = round(FRACTION * max(0.5 - shift, 0.0))
    return rounding


def _counts(seen: NDArray[np.int64], *, prior: float) -> tuple[list[NDArray[np.int64]], list[int]]:
    """Counts per table (last entry: escape) and lowest symbols, smoothed with the logistic."""
    scales = SCALE_MIN * (SCALE_MAX / SCALE_MIN) ** (np.arange(SCALES) / (SCALES - 1))
    counts, offsets = [], []
    for row, scale in zip(seen, scales, strict=True):
        reach = min(MAX_REACH, 2 + int(np.ceil(REACH * scale)))
        edges = (np.arange(-reach, reach + 2) - 0.5) / scale
        cumulative = 0.5 * (1 + np.tanh(edges / 2))
        density = np.diff(cumulative)
        inside = row[MAX_REACH - reach : MAX_REACH + reach + 1]
        weight = max(prior, 2000.0, COUNT_WEIGHT * row.sum())
        mixed = inside + weight * density
        outside = row.sum() - inside.sum() + weight * max(1 - density.sum(), 1e-6)
        counts.append(np.floor(np.append(mixed, outside) * 64).astype(np.int64))
        offsets.append(-reach)
    return counts, offsets
