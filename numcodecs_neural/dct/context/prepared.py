"""What the kernels need for one image: the model's numbers for its steps, and room to work in."""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.context.limits import EDGES, MARGIN
from numcodecs_neural.dct.context.model import ContextModel, aligned
from numcodecs_neural.dct.context.order import COEFFICIENTS, SIDE, natural, passes
from numcodecs_neural.dct.memory import Memory

__all__ = ["Room", "numbers_for_steps", "turn_between"]

_UNIT = (127 + 3 + 4) << 6
"""Of logarithms of steps, in 64ths of an octave: steps are in eighths, and 16 levels are zero."""
_BEND = 83


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Arrays that the kernels fill, for `rows` x `columns` blocks."""

    shape: NDArray[np.int64]
    coefficients: NDArray[np.int16]
    known: NDArray[np.int16]
    sums: NDArray[np.int32]
    energy: NDArray[np.int16]
    hidden: NDArray[np.int16]
    scales: NDArray[np.int32]
    indexes: NDArray[np.int32]
    edges: NDArray[np.int64]
    missed: NDArray[np.int64]

    @classmethod
    def of(cls, rows: int, columns: int, model: ContextModel, memory: Memory) -> "Room":
        """Make room in some memory, all zeros."""
        blocks, bordered = rows * columns, (rows + 2) * (columns + 2)
        arrays = memory.zeros(
            {
                "coefficients": (blocks * model.axes * COEFFICIENTS, np.int16),
                "known": (model.axes * bordered * COEFFICIENTS + 2 * MARGIN, np.int16),
                "sums": (blocks * model.width, np.int32),
                "energy": (2 * bordered + MARGIN, np.int16),
                "hidden": (model.width + model.second, np.int16),
                "scales": (COEFFICIENTS, np.int32),
                "indexes": (SIDE, np.int32),
                "edges": (blocks * model.axes * EDGES, np.int64),
                "missed": (blocks * model.axes, np.int64),
            }
        )
        return cls(shape=np.array([rows, columns, model.axes], np.int64), **arrays)

    def common(self) -> tuple[NDArray[np.int16] | NDArray[np.int32], ...]:
        """Return the arrays that follow `known` in every kernel."""
        return self.known, self.sums, self.energy, self.hidden, self.scales, self.indexes


def numbers_for_steps(model: ContextModel, steps: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the model's int32 numbers for an image whose steps, in eighths, are (axes, 256)."""
    return _numbers(model, steps.tobytes())


@lru_cache(maxsize=32)
def _numbers(model: ContextModel, steps_bytes: bytes) -> NDArray[np.int32]:
    steps = np.frombuffer(steps_bytes, np.int64).reshape(model.axes, COEFFICIENTS)
    packed = model.packed
    large = aligned(packed.large)
    octaves = _octaves_of(steps)
    slopes = model.arrays["base_steps"].astype(np.int64)
    base = slopes[0] * octaves + slopes[1] * np.maximum(octaves, 0)
    large[packed.base_at] = model.arrays["base"] + ((base + 32) >> 6)
    inputs = _inputs_of(octaves, model.axes)
    bias = np.einsum("pi,piw->pw", inputs, model.arrays["bias_steps"].astype(np.int64))
    large[packed.bias_at] = model.arrays["bias"] + ((bias + 32) >> 6)
    large.flags.writeable = False  # the same for all images with these steps
    return large


def _octaves_of(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return logarithms of steps in 64ths of an octave, diagonal by diagonal."""
    floats = steps[:, natural()].astype(np.float32)
    return (floats.view(np.int32).astype(np.int64) >> 17) - _UNIT


def _inputs_of(octaves: NDArray[np.int64], axes: int) -> NDArray[np.int64]:
    """Return what the layers of each pass learn of its steps: (passes, 4)."""
    axis, start, length = _spans(axes)
    sums = np.concatenate([np.zeros((axes, 1), np.int64), octaves.cumsum(1)], 1)
    mean = (sums[axis, start + length] - sums[axis, start] + length // 2) // length
    first = mean[::axes].repeat(axes)
    return np.stack([mean, np.maximum(mean, 0), np.maximum(mean - _BEND, 0), mean - first], 1)


@cache
def _spans(axes: int) -> NDArray[np.int64]:
    """Return axis, start and length of all passes: (3, passes)."""
    return np.array([[step.axis, step.start, step.length] for step in passes(axes)]).T


def turn_between(matrices: NDArray[np.integer] | None) -> NDArray[np.int64]:
    """Return what turns the axes of high frequencies into those of low ones, in 2**-13, flat.

    Parameters
    ----------
    matrices : (2, 3, 3) or None
        Of low and of high frequencies, in 2**-14; None for grey.
    """
    if matrices is None:
        return np.array([1 << 13], np.int64)
    low, high = matrices.astype(np.int64)
    turn: NDArray[np.int64] = (low @ high.T + (1 << 14)) >> 15
    return turn.reshape(-1)
