"""How a whole number becomes an entry of a table and plain bits (SPEC.md, section 10.5)."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["ENTRIES", "ESCAPE", "EXTRA_BITS", "HALF", "LOWEST", "entries_by_number"]

HALF = 32
ENTRIES = 2 * HALF
"""Entries of a table; the first and the last one are escapes."""

_WIDTHS = (*(1,) * 20, *(2,) * 4, *(4,) * 4, *(8,) * 3)
_STARTS = np.concatenate([[0], np.cumsum(_WIDTHS)])
ESCAPE = int(_STARTS[-1])
"""Numbers from `ESCAPE` on, and below minus that, are escapes."""


def _mirrored(above: NDArray[np.int64], below: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([below[::-1], above])


LOWEST = _mirrored(_STARTS, -_STARTS - np.array([*_WIDTHS, 1]))
"""The lowest number of each entry."""


def _bits_of(widths: tuple[int, ...]) -> NDArray[np.int64]:
    return np.array([width.bit_length() - 1 for width in (*widths, 1)])


EXTRA_BITS = _mirrored(_bits_of(_WIDTHS), _bits_of(_WIDTHS))
"""How many plain bits say which number of an entry it is."""


def entries_by_number() -> NDArray[np.int64]:
    """Return the entry of each number from ``-ESCAPE`` to ``ESCAPE - 1``."""
    return np.repeat(np.arange(1, ENTRIES - 1), 1 << EXTRA_BITS[1:-1])
