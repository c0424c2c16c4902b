"""What the quantisation steps of a component make of its network: constants of one chunk."""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.limits import COLUMNS, ROWS
from numcodecs_neural.coefficients.network.order import NEAR
from numcodecs_neural.coefficients.network.parameters import Component
from numcodecs_neural.coefficients.network.tables import LOGARITHM

__all__ = ["Prepared", "prepare"]

_RUN = 13
_OF_NEIGHBOURS = slice(6, 12)
_OF_SYMBOLS = 18


class Prepared(NamedTuple):
    """Arrays that the kernel of the blocks reads."""

    trunk: NDArray[np.float32]
    own: NDArray[np.float32]
    signed: NDArray[np.float32]
    bias: NDArray[np.float32]
    layer: NDArray[np.float32]
    layer_bias: NDArray[np.float32]
    heads: NDArray[np.float32]
    head_bias: NDArray[np.float32]
    scale1: NDArray[np.float32]
    scale2: NDArray[np.float32]
    scale3: NDArray[np.float32]
    magnitude: NDArray[np.float64]
    floor: NDArray[np.float64]
    offset: NDArray[np.int64]
    exponent: NDArray[np.int64]
    mean: NDArray[np.int64]
    mix: NDArray[np.int64]
    ratio: NDArray[np.int64]
    steps: NDArray[np.int64]
    inverse16: NDArray[np.int64]
    inverse24: NDArray[np.int64]


def prepare(component: Component, steps: NDArray[np.int64]) -> Prepared:
    """Return the constants of a chunk.

    Parameters
    ----------
    component : Component
    steps : ndarray of int64, shape (64,)
        Quantisation steps, row by row.
    """
    a = component.arrays
    logs = _log2_of(steps)
    by_steps = np.tensordot(logs - 1024, a["steps"].astype(np.int64), (0, 0)) >> 8
    exponent = a["exponent"].astype(np.int64)
    offset = a["base"].astype(np.int64) + a["slope"].astype(np.int64) * (logs - 1024)
    magnitude, floor = _magnitudes(component, steps)
    return Prepared(
        **_of_any_steps(component),
        bias=_floats(a["bias"].astype(np.int64) + by_steps),
        magnitude=magnitude,
        floor=floor,
        offset=offset - exponent.sum(1) * (17 * 256 + logs),
        exponent=exponent,
        steps=steps,
        inverse16=((1 << 16) + steps // 2) // steps,
        inverse24=((1 << 24) + steps // 2) // steps,
    )


@functools.lru_cache(maxsize=16)
def _of_any_steps(component: Component) -> dict[str, NDArray[Any]]:
    """Return the constants that no steps change."""
    a = component.arrays
    layers = ("trunk", "own", "signed", "layer", "layer_bias", "heads", "head_bias")
    scales = {f"scale{i}": 2.0 ** -a[f"shift{i}"].astype(np.float64) for i in (1, 2, 3)}
    return {
        **{key: _floats(a[key]) for key in layers},
        **{key: _floats(scale) for key, scale in scales.items()},
        **{key: a[key].astype(np.int64) for key in ("mean", "mix", "ratio")},
    }


def _magnitudes(
    component: Component, steps: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights of magnitudes, for those that count steps, and what is always added."""
    weights = component.arrays["magnitude"].astype(np.int64)
    floor = component.arrays["floor"].astype(np.int64) * steps
    near = np.where(NEAR >= 0, steps[NEAR], 0).T
    floor[:, 1:] += (weights[:, : len(near), 1:] * near[:, 1:]).sum(1) * 4
    scaled = weights.copy()
    scaled[:, _OF_NEIGHBOURS] *= steps
    scaled[:, _RUN] = (scaled[:, _RUN] * steps + 4) >> 3
    scaled[:, _OF_SYMBOLS, 1:] *= 16 * steps[1:]
    return scaled.astype(np.float64), floor.astype(np.float64)


def _log2_of(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 256 log2 by the leading 9 bits, as `arithmetic.log2_of` does."""
    bits = values.astype(np.float64).view(np.int64)
    logs: NDArray[np.int64] = ((bits >> 52) - 1023) * 256 + LOGARITHM[(bits >> 44) & 255]
    return logs


def _floats(values: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return float32, with zeros up to whole rows and columns as `layers.multiply` takes them."""
    multiples = (1,) * (values.ndim - 2) + (ROWS, COLUMNS)
    rests = [(0, -size % multiple) for size, multiple in zip(values.shape, multiples, strict=True)]
    return np.pad(values.astype(np.float32), rests)
