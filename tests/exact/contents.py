"""Samples that are hard to predict, each in its way."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONTENTS", "content", "with_gaps"]

Array = NDArray[Any]

CONTENTS = (
    *("noise", "constant", "ramp", "steep", "saturated", "checkerboard", "outlier", "sparse"),
    *("smooth", "gaps"),
)


def content(kind: str, shape: tuple[int, ...], dtype: str, seed: int) -> Array:
    """Return samples that are hard in one way."""
    generator = np.random.default_rng(seed)
    limits = np.iinfo(dtype)
    low, high = int(limits.min), int(limits.max)
    y = np.indices(shape).sum(0)
    makers: dict[str, Callable[[], Array]] = {
        "noise": lambda: generator.integers(low, high, shape, endpoint=True),
        "constant": lambda: np.full(shape, high),
        "ramp": lambda: low + y * 3 % (high - low),
        "steep": lambda: low + y * 7919 % (high - low),
        "saturated": lambda: np.clip(generator.normal(high, 9, shape), low, high),
        "checkerboard": lambda: np.where(y % 2, low, high),
        "outlier": lambda: np.where(np.arange(y.size).reshape(shape) == y.size // 2, low, high - 7),
        "sparse": lambda: generator.integers(0, 9, shape) * 14 + low,
        "smooth": lambda: (low + high) / 2 + 50 * np.sin(y / 9) + generator.normal(0, 1, shape),
        "gaps": lambda: with_gaps(shape, generator) + (low + high) // 2,
    }
    made = makers[kind]()
    return np.asarray(np.asarray(made).astype(np.int64), dtype)


def with_gaps(shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    """Return smooth samples of which every second one occurs: odd ones here, even ones there."""
    y = np.indices(shape).sum(0)
    smooth = 20 + 12 * np.sin(y / 9) + generator.normal(0, 2, shape)
    found: Array = 2 * np.clip(np.rint(smooth), 0, 49).astype(np.int64) + y // 12 % 2
    return found
