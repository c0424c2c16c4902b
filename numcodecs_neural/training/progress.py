"""Progress line of a training run, once a minute: step, speed, quality, terms of the loss."""

from __future__ import annotations

import time
from collections.abc import Mapping


class Progress:
    """Means of logged numbers since the last line.

    Parameters
    ----------
    seconds : float
        Spent by earlier calls.
    steps : int
        Done by earlier calls.
    """

    def __init__(self, seconds: float, steps: int) -> None:
        self._begin = time.monotonic() - seconds
        self._reported, self._steps = time.monotonic(), steps
        self._logs: list[Mapping[str, float]] = []

    @property
    def since_report(self) -> float:
        """Seconds since the last line."""
        return time.monotonic() - self._reported

    def add(self, log: Mapping[str, float]) -> float:
        """Take the numbers of a step; return the seconds spent in all."""
        self._logs.append(log)
        return time.monotonic() - self._begin

    def line(self, steps: int, spent: float, rate: float) -> str:
        """Say how things are after `steps`, with `spent` of the schedule over; begin anew."""
        now = time.monotonic()
        minutes = (now - self._begin) / 60
        speed = (steps - self._steps) / max(now - self._reported, 1e-9)
        left = minutes * (1 - spent) / max(spent, 1e-9)
        mean = {k: sum(log[k] for log in self._logs) / len(self._logs) for k in self._logs[0]}
        self._reported, self._steps = now, steps
        self._logs.clear()
        return (
            f"{minutes:6.1f} min ({left:.1f} left)  step {steps}  {speed:.1f}/s  lr {rate:.1e}  "
            + _numbers(mean)
        )


def _numbers(mean: Mapping[str, float]) -> str:
    """Numbers by name, and shares as a sum.

    Examples
    --------
    >>> _numbers({"loss": 1.5, "psnr": 36.0, "share rate": 0.4, "share mse": 0.6})
    'psnr 36.000  loss 1.5000 = rate 40 % + mse 60 %'
    """
    shares = {k.removeprefix("share "): v for k, v in mean.items() if k.startswith("share ")}
    others = [f"{k} {v:.3f}" for k, v in mean.items() if not k.startswith("share ") and k != "loss"]
    sum_of = " + ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    loss = f"loss {mean['loss']:.4f}" + (f" = {sum_of}" if sum_of else "")
    return "  ".join([*others, loss])
