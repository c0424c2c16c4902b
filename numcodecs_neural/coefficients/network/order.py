"""Order in which the coefficients of a block are coded, their groups, and which are near which.

A coefficient has the number ``k = 8 v + u``; `v` is its vertical frequency.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AC_PASSES",
    "FREQUENCIES",
    "GROUP",
    "GROUPS",
    "GROUP_SIZE",
    "LISTED",
    "NEAR",
    "NEIGHBOURS_IN_FREQUENCY",
    "ORDER",
    "PASSES",
    "PASS_START",
    "STEERED",
    "VISIBLE_COUNT",
]

Integers = NDArray[np.int64]

_U, _V = np.tile(np.arange(8), 8), np.repeat(np.arange(8), 8)
FREQUENCIES = _U + _V
"""``u + v`` of each coefficient."""

_ZIGZAG = sorted(
    range(64),
    key=lambda k: (int(FREQUENCIES[k]), int(_V[k]) if FREQUENCIES[k] % 2 else int(_U[k])),
)
_BANDS = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 9), (10, 14)]

PASSES = [[k for k in _ZIGZAG if low <= FREQUENCIES[k] <= high] for low, high in _BANDS] + [[0]]
"""Coefficients of each pass over a block: from low to high frequencies, then DC."""

AC_PASSES = len(_BANDS)
STEERED = np.array([min(FREQUENCIES[k] for k in ks) <= 6 for ks in PASSES])
"""Whether the network of a pass steers the means of its coefficients."""

ORDER = np.array([k for ks in PASSES for k in ks], np.int64)
PASS_START: Integers = np.cumsum([0, *map(len, PASSES)]).astype(np.int64)
_RANK = np.argsort(ORDER)
_PASS = np.zeros(64, np.int64)
for _number, _ks in enumerate(PASSES):
    _PASS[_ks] = _number


def _nearest() -> Integers:
    """Return the six AC coefficients coded before each one that are nearest to it, -1 for none."""
    near = np.full((64, 6), -1, np.int64)
    for rank, k in enumerate(ORDER.tolist()):
        seen = sorted((_distance(j, k), j) for j in ORDER[:rank].tolist() if j)
        near[k, : min(6, len(seen))] = [j for _, j in seen[:6]]
    return near


def _distance(j: int, k: int) -> tuple[int, int]:
    """Return the squared distance of two coefficients, and that of their frequencies."""
    squared = (_U[j] - _U[k]) ** 2 + (_V[j] - _V[k]) ** 2
    return int(squared), abs(int(FREQUENCIES[j] - FREQUENCIES[k]))


def _groups() -> Integers:
    """Return the group of each coefficient: by band, and by direction within it; 0 is DC."""
    group = np.zeros(64, np.int64)
    numbers: dict[tuple[int, int], int] = {}
    for k in range(1, 64):
        u, v = int(_U[k]), int(_V[k])
        band = u + v if u + v <= 3 else 4 if u + v <= 5 else 5 if u + v <= 7 else 6
        if band == 6:
            way = 0
        elif band in (1, 3):
            way = int(u <= v)
        else:
            far = min(band - 1, 2)
            way = 0 if u - v >= far else 1 if v - u >= far else 2
        group[k] = numbers.setdefault((band, way), len(numbers) + 1)
    return group


NEAR = _nearest()
GROUP = _groups()
GROUPS = int(GROUP.max()) + 1
GROUP_SIZE: Integers = np.bincount(GROUP).astype(np.int64)

_LAST_PASS = np.array([int(_PASS[group == GROUP].max()) for group in range(GROUPS)])


LISTED = np.lexsort((np.arange(GROUPS), _LAST_PASS))
"""Groups in the order in which they become complete."""
VISIBLE_COUNT = np.array([(number > _LAST_PASS).sum() for number in range(len(PASSES))], np.int64)
"""How many groups are complete before each pass: the first ones of `LISTED`."""

NEIGHBOURS_IN_FREQUENCY = np.array(
    [
        sum(
            2
            for j, inside in (
                (k - 1, _U[k] > 0),
                (k + 1, _U[k] < 7),
                (k - 8, _V[k] > 0),
                (k + 8, _V[k] < 7),
            )
            if inside and j
        )
        for k in range(64)
    ],
    np.int64,
)
"""Twice the number of AC coefficients beside each one, horizontally and vertically."""
