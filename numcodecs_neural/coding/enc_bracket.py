"""Bracketing search: which of ever finer encodings has a wanted PSNR."""

import math

__all__ = ["Bracket"]

_BENT = 4
"""By how much two slopes may differ; measured over few rungs, they are noise."""

_STRAIGHT = 6
"""Steps along the line, after which each is half of the bracket: it may not be straight at all."""


class Bracket:
    """Rungs between which a number of decibels lies, and the one to look at next.

    Parameters
    ----------
    rungs : int
        How many there are; decibels rise with them, more or less.
    aim : float
        Decibels that are wanted.
    first : int
        Where to begin.
    slope : float
        Decibels from rung to rung, about.
    """

    def __init__(self, rungs: int, aim: float, *, first: int, slope: float) -> None:
        self._aim, self._first, self.slope = aim, first, slope
        self._below, self._above = -1, rungs
        self._noted: list[tuple[int, float]] = []
        self._count, self._is_straight = 0, True

    @property
    def is_closed(self) -> bool:
        """Whether no rung lies between."""
        return self._above - self._below <= 1

    def note(self, rung: int, decibels: float, *, is_enough: bool) -> None:
        """Take a rung as an end: the upper one if its decibels are enough."""
        if is_enough:
            self._above = rung
        else:
            self._below = rung
        self._count += 1
        self._is_straight = decibels != math.inf and self._count <= _STRAIGHT
        if decibels == math.inf:
            return
        if self._noted:
            other, other_decibels = self._nearest()
            rise = (decibels - other_decibels) / (rung - other)
            self.slope = min(max(rise, self.slope / _BENT), self.slope * _BENT)
        self._noted.append((rung, decibels))

    def next(self) -> int:
        """Return a rung between the ends."""
        low, high = self._below + 1, self._above - 1
        if self._noted and self._is_straight:
            rung, decibels = self._nearest()
            found = round(rung + (self._aim - decibels) / self.slope)
        elif not self._count:
            found = self._first
        else:
            found = (low + high) // 2
        return min(max(found, low), high)

    def _nearest(self) -> tuple[int, float]:
        """Return the rung that is nearest to the aim, and its decibels."""
        return min(self._noted, key=lambda point: abs(point[1] - self._aim))
