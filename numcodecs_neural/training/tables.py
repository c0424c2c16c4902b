"""Entropy tables from counts of the symbols that the integer encoder produces."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy import SKIP, SymbolTables
from numcodecs_neural.entropy.enc_tables import tables_from_counts
from numcodecs_neural.training.model import FRACTION, SCALE_MAX, SCALE_MIN, SCALES

ROWS = 3 * SCALES  # of hyper-latents, and of latents under either quantiser
COUNT_WEIGHT = 2e-4  # of the model's density against symbols seen, per symbol seen
SKIP_PROBABILITY = 5e-3  # a class that is not 0 less often than this is not worth coding
REACH = 10  # table half-width in logistic scales; beyond it, escapes
MAX_REACH = 400

Pairs = tuple[NDArray[np.int32], NDArray[np.uint8]]


def logistic_tables() -> SymbolTables:
    """Tables of the density that training assumes."""
    return tables_from_counts(*_counts(np.zeros((ROWS, 2 * MAX_REACH + 1), np.int64), prior=1e6))


def fitted_tables(parts: Iterable[Pairs]) -> tuple[SymbolTables, int]:
    """Tables fitted to symbols, and the number of lowest classes that need no coding.

    Parameters
    ----------
    parts : iterable of (symbols, rows)
        As the integer encoder gives them, with no class skipped.
    """
    seen = np.zeros((ROWS, 2 * MAX_REACH + 1), np.int64)
    for symbols, rows in parts:
        coded = rows != SKIP
        s = np.clip(symbols[coded], -MAX_REACH, MAX_REACH).astype(np.int64) + MAX_REACH
        flat = rows[coded].astype(np.int64) * seen.shape[1] + s
        seen += np.bincount(flat, minlength=seen.size).reshape(seen.shape)
    seen = seen + seen[:, ::-1]  # signs are alike
    of_class = seen[SCALES : 2 * SCALES] + seen[2 * SCALES :]
    total = of_class.sum(1)
    nonzero = total - of_class[:, MAX_REACH]
    is_rare = (nonzero < SKIP_PROBABILITY * total) | (total == 0)
    skip_below = int(np.argmin(is_rare)) if not is_rare.all() else 0
    return tables_from_counts(*_counts(seen, prior=0.0)), skip_below


def price_of(thrift: float) -> int:
    """What a bit costs an encoder, in squares of sixteenths of a step.

    At high rate an error of ``step**2 / 12`` halves its square with each bit: a bit is worth
    ``step**2 ln(2) / 6``. A trellis errs less than that, so less `thrift` than 1 suits it.
    """
    return int(thrift * FRACTION**2 * math.log(2) / 6 + 0.5)


def _counts(seen: NDArray[np.int64], *, prior: float) -> tuple[list[NDArray[np.int64]], list[int]]:
    """Counts per row (last entry: escape) and lowest symbols, smoothed with the logistic."""
    scales = SCALE_MIN * (SCALE_MAX / SCALE_MIN) ** (np.arange(SCALES) / (SCALES - 1))
    counts, offsets = [], []
    for number, row in enumerate(seen):
        scale = scales[number % SCALES]
        reach = min(MAX_REACH, 2 + int(np.ceil(REACH * scale)))
        edges = _edges(reach, has_odd_halves=number >= 2 * SCALES) / scale
        cumulative = 0.5 * (1 + np.tanh(edges / 2))
        density = np.diff(cumulative)
        inside = row[MAX_REACH - reach : MAX_REACH + reach + 1]
        weight = max(prior, 2000.0, COUNT_WEIGHT * row.sum())
        mixed = inside + weight * density
        outside = row.sum() - inside.sum() + weight * max(1 - density.sum(), 1e-6)
        counts.append(np.floor(np.append(mixed, outside) * 64).astype(np.int64))
        offsets.append(-reach)
    return counts, offsets


def _edges(reach: int, *, has_odd_halves: bool) -> NDArray[np.float64]:
    """Where the symbols -reach..reach are told apart: whole steps, or odd halves and 0."""
    symbols = np.arange(-reach - 1, reach + 2)
    values = symbols - np.sign(symbols) / 2 if has_odd_halves else symbols
    edges: NDArray[np.float64] = (values[1:] + values[:-1]) / 2
    return edges
