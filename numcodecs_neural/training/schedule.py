"""Duration of training, and its learning rate by step."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how.

    Parameters
    ----------
    minutes : float
        Of training in all.
    steps : int, optional
        The length in steps, in place of minutes.
    batch, crop_px : int
        Crops in a step, and their side.
    rate : float
        Highest rate of learning.
    warm_fraction, flat_fraction, last_factor : float
        When it has risen, when it begins to fall, and to what part of it.
    progress : (float, float)
        How much of all training is done when this phase begins, and when it ends.
    """

    minutes: float = 0.0
    steps: int | None = None
    batch: int = 8
    crop_px: int = 128
    rate: float = 6e-4
    warm_fraction: float = 0.02
    flat_fraction: float = 0.45
    last_factor: float = 0.02
    progress: tuple[float, float] = (0.0, 1.0)

    def spent(self, steps: int, seconds: float) -> float:
        """Fraction of the phase that is over after so much; 1 at its end."""
        if self.steps is not None:
            return 1.0 if steps >= self.steps else steps / self.steps
        return 1.0 if seconds >= 60 * self.minutes else seconds / (60 * self.minutes)

    def factor(self, spent: float) -> float:
        """Learning rate factor after the fraction `spent` of the phase."""
        if spent < self.warm_fraction:
            return (spent + 1e-3) / (self.warm_fraction + 1e-3)
        if spent < self.flat_fraction:
            return 1.0
        x = (spent - self.flat_fraction) / (1 - self.flat_fraction)
        cosine = 0.5 * (1 + math.cos(math.pi * min(x, 1.0)))
        return self.last_factor + (1 - self.last_factor) * cosine
