"""What the quantisation steps of a component make of its network: constants of one chunk."""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.limits import MOST_OUTPUTS, MOST_UNITS, UNITS
from numcodecs_neural.coefficients.network.order import (
    LISTED,
    NEAR,
    PASS_START,
    PASSES,
    VISIBLE_COUNT,
)
from numcodecs_neural.coefficients.network.parameters import (
    MAGNITUDES,
    MEANS,
    Component,
    output_counts,
)
from numcodecs_neural.coefficients.network.symbol_tables import ENTRIES, PLACES, symbol_tables
from numcodecs_neural.coefficients.network.tables import EXTRAPOLATED, LOG_SCALES, OUTERMOST
from numcodecs_neural.vectors import LANES

__all__ = [
    "FACTORS",
    "TABLES",
    "W_BESIDE",
    "W_BIAS",
    "W_EXPONENT",
    "W_FACTOR",
    "W_FLOOR",
    "W_HEAD_BIAS",
    "W_LAYER_BIAS",
    "W_MAGNITUDE",
    "W_MEAN",
    "W_OFFSET",
    "W_PAIRS",
    "W_RUN",
    "W_SHIFT1",
    "W_SHIFT2",
    "W_SHIFT3",
    "W_SIZES",
    "W_START",
    "W_STEPS",
    "Prepared",
    "prepare",
]

FACTORS = 6
"""Of each coefficient, in `Prepared.factor`: what makes sixteenths of its step of a difference of
left or upper borders (by `EXTRAPOLATED` and by `OUTERMOST` of `v`, and then of `u`) and of
dequantised values; and the shift that goes with all of them."""

_RUN = 13
_SUM_BITS, _FACTOR_BITS = 17, 12


_PASSES = len(PASSES)
_SIZES = {
    "sizes": 2,
    "start": (_PASSES + 1) * 4,
    "pairs": _PASSES * 3,
    **dict.fromkeys(("bias", "layer_bias", "shift1", "shift2"), _PASSES * MOST_UNITS),
    **dict.fromkeys(("head_bias", "shift3"), _PASSES * MOST_OUTPUTS),
    "magnitude": 64 * MAGNITUDES * 3,
    **dict.fromkeys(("floor", "run", "exponent"), 64 * 3),
    **dict.fromkeys(("offset", "steps"), 64),
    "mean": 64 * MEANS,
    "factor": 64 * FACTORS,
    "beside": 64 * 4,
}
_PLACES = dict(zip(_SIZES, np.cumsum([0, *_SIZES.values()]).tolist(), strict=False))
(
    W_SIZES, W_START, W_PAIRS, W_BIAS, W_LAYER_BIAS, W_SHIFT1, W_SHIFT2, W_HEAD_BIAS, W_SHIFT3,
    W_MAGNITUDE, W_FLOOR, W_RUN, W_EXPONENT, W_OFFSET, W_STEPS, W_MEAN, W_FACTOR, W_BESIDE,
) = _PLACES.values()  # fmt: skip
"""Where the parts of `Prepared.words` begin:

- `W_SIZES`: units of a layer, inputs; `W_START`, (passes + 1, 4): where the weights of each pass
  begin: own, signed, layer, heads; `W_PAIRS`, (passes, 3): pairs of factors, own and signed, and
  outputs;
- biases and shifts of layers, pass by pass; those of outputs with room for `MOST_OUTPUTS`;
- of coefficients: `W_MAGNITUDE`, (64, 20, 3); `W_FLOOR`, `W_RUN` (the weights of running
  magnitudes, which count 1/256 of a step), `W_EXPONENT`, (64, 3); `W_OFFSET`, `W_STEPS`; `W_MEAN`,
  (64, 10); `W_FACTOR`, (64, FACTORS); `W_BESIDE`, (64, 4): the steps of the coefficients left,
  right, above and below, in 1/256 of each one's own."""

TABLES = (PLACES * LOG_SCALES + 1) * ENTRIES
"""`Prepared.shorts` begin with so many numbers of the tables of symbols; the trunk follows."""


class Prepared(NamedTuple):
    """Two arrays, so that kernels can hand them on at little cost.

    Parameters
    ----------
    shorts : ndarray of int16
        Tables of symbols; weights as `layers.add_layer` takes them; and `LANES` ones.
    words : ndarray of int32
    """

    shorts: NDArray[np.int16]
    words: NDArray[np.int32]


@functools.lru_cache(maxsize=16)
def prepare(component: Component, table: tuple[int, ...]) -> Prepared:
    """Return the constants of a chunk, which nothing may change.

    Parameters
    ----------
    component : Component
    table : tuple of int
        The 64 quantisation steps, row by row.
    """
    a, steps = component.arrays, np.array(table, np.int64)
    logs = _log2_of(steps) - 1024
    by_steps = np.tensordot(logs, a["steps"].astype(np.int64), (0, 0)) >> 8
    exponent = a["exponent"].astype(np.int64)
    weights, floor, shifts = _magnitudes(component, steps)
    offset = a["base"].astype(np.int64) + a["slope"].astype(np.int64) * logs
    shorts, fixed = _of_any_steps(component)
    parts = {
        "bias": a["bias"].astype(np.int64) + by_steps,
        "magnitude": weights.transpose(2, 1, 0),
        "floor": floor.T,
        "run": weights[:, _RUN].T,
        "offset": offset - (exponent * (4352 - 256 * shifts.T)).sum(1),
        "steps": steps,
        "factor": _factors(steps),
        "beside": _beside(steps),
    }
    words = fixed.copy()
    for name, values in parts.items():
        _put(words, name, values)
    return Prepared(shorts, words)


def _put(words: NDArray[np.int32], name: str, values: NDArray[np.generic]) -> None:
    """Put a part where it stands."""
    words[_PLACES[name] : _PLACES[name] + values.size] = values.reshape(-1)


@functools.lru_cache(maxsize=16)
def _of_any_steps(component: Component) -> tuple[NDArray[np.int16], NDArray[np.int32]]:
    """Return all int16, and the int32 that no steps change."""
    a = component.arrays
    counts = np.array(output_counts(component.others))
    parts = (
        [a["own"][p][LISTED[: VISIBLE_COUNT[p]]] for p in range(_PASSES)],
        [a["signed"][ks] for ks in PASSES],
        list(a["layer"]),
        [a["heads"][p][:, : counts[p]] for p in range(_PASSES)],
    )
    packed = [[_packed(part) for part in of] for of in parts]
    shorts = [symbol_tables(component), _packed(a["trunk"])]
    start = np.zeros((_PASSES + 1, 4), np.int64)
    for kind, of in enumerate(packed):
        start[:, kind] = sum(map(len, shorts)) + np.cumsum([0, *map(len, of)])
        shorts += of
    words = np.zeros(sum(_SIZES.values()), np.int32)
    _put(words, "sizes", np.array(a["trunk"].shape[::-1]))
    _put(words, "start", start)
    signed = (np.diff(PASS_START) + 1) // 2
    _put(words, "pairs", np.stack([(VISIBLE_COUNT + 1) // 2, signed, counts], 1))
    for name in ("layer_bias", "shift1", "shift2", "exponent"):
        _put(words, name, a[name])
    for name in ("head_bias", "shift3"):
        rest = MOST_OUTPUTS - a[name].shape[1]
        _put(words, name, np.pad(a[name].astype(np.int32), [(0, 0), (0, rest)]))
    _put(words, "mean", (a["mean"].astype(np.int64) + 2) >> 2)
    return np.concatenate([*shorts, np.ones(LANES, np.int16)]), words


def _packed(weights: NDArray[Any]) -> NDArray[np.int16]:
    """Return weights (factors, units) as `layers.add_layer` takes them, padded with zeros."""
    factors, units = weights.shape
    padded = np.pad(weights.astype(np.int16), [(0, factors % 2), (0, -units % UNITS)])
    quads = padded.reshape(-1, 2, padded.shape[1] // UNITS, UNITS)
    return np.ascontiguousarray(quads.transpose(2, 0, 3, 1)).reshape(-1)


def _magnitudes(
    component: Component, steps: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the weights of magnitudes, what is always added, and how far both were shifted.

    All count steps of the coefficient that is coded. Their sums stay below 2^31: the weights are
    below 2^17 in sum, and the magnitudes are at most 12800.
    """
    weights = component.arrays["magnitude"].astype(np.int64)
    floor = component.arrays["floor"].astype(np.int64)
    near = np.where(NEAR >= 0, steps[NEAR], 0).T
    nearest = (weights[:, : len(near)] * near + steps // 2) // steps
    weights[:, : len(near), 1:] = nearest[..., 1:]
    floor[:, 1:] += 4 * nearest[..., 1:].sum(1)
    shifts = np.zeros_like(floor)
    while (too_large := weights.sum(1) >> shifts >= 1 << _SUM_BITS).any():
        shifts += too_large
    weights >>= shifts[:, None]
    return weights, np.clip(floor >> shifts, 1, 1 << 28), shifts


def _factors(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `FACTORS` numbers of each coefficient."""
    shift = _FACTOR_BITS + np.frexp(steps.astype(np.float64))[1].astype(np.int64)
    u, v = np.arange(64) % 8, np.arange(64) // 8
    parts = [EXTRAPOLATED[v], OUTERMOST[v], EXTRAPOLATED[u], OUTERMOST[u], np.full(64, 4096)]
    factors = [((part << shift - 12) + steps // 2) // steps for part in parts]
    return np.stack([*factors, shift], 1)


def _beside(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how large the steps beside each one are, 0 for DC and outside of the block."""
    padded = np.zeros((10, 10), np.int64)
    padded[1:9, 1:9] = steps.reshape(8, 8)
    padded[1, 1] = 0
    around = [padded[1:9, :8], padded[1:9, 2:], padded[:8, 1:9], padded[2:, 1:9]]
    ratios = [(256 * part.reshape(-1) + steps // 2) // steps for part in around]
    return np.minimum(np.stack(ratios, 1), 32767)


def _log2_of(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 256 log2, as `arithmetic.log2_of` does."""
    eighths = values.astype(np.float32).view(np.int32).astype(np.int64) >> 15
    mantissa = eighths & 255
    logs: NDArray[np.int64] = eighths - (127 << 8) + (mantissa * (256 - mantissa) * 11 >> 13)
    return logs
