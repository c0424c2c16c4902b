"""Samples that are hard to predict, each in its way."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONTENTS", "content"]

Array = NDArray[Any]

CONTENTS = (
    *("noise", "constant", "ramp", "steep", "saturated", "checkerboard", "outlier", "sparse"),
    "smooth",
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
    }
    made = makers[kind]()
    return np.asarray(np.asarray(made).astype(np.int64), dtype)
