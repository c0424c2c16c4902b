"""A training run: its schedule, its batches, its progress line, and what it resumes from."""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from numcodecs_neural.training.checkpoints import load_weights, read_checkpoint, write_checkpoint
from numcodecs_neural.training.data import Crops

CHECKPOINT_SECONDS = 60


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


class Progress:
    """Progress line, once a minute: step, speed, quality, terms of the loss.

    Numbers are means of those that were logged since the last line.

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


class Resumable:
    """Modules and their optimiser, with one file to resume from.

    Who derives from it sets what is declared here. The optimiser's groups may have a ``scale`` of
    the rate of learning.
    """

    modules: dict[str, torch.nn.Module]  # by their names in the checkpoint
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    checkpoint: Path
    settings: Mapping[str, Any]  # what a checkpoint must have been made with, as JSON
    seconds = 0.0
    steps = 0

    def save(self) -> None:
        """Write the checkpoint; raise FloatingPointError rather than write NaN."""
        state = {
            **{name: module.state_dict() for name, module in self.modules.items()},
            "optimizer": self.optimizer.state_dict(),
            "seconds": self.seconds,
            "steps": self.steps,
        }
        write_checkpoint(self.checkpoint, state, self.settings)

    def resume(self) -> bool:
        """Continue from the checkpoint, if there is one."""
        state = read_checkpoint(self.checkpoint, self.settings)
        if state is None:
            return False
        for name, module in self.modules.items():
            load_weights(module, state[name], self.checkpoint)
        self.optimizer.load_state_dict(state["optimizer"])
        self.seconds, self.steps = state["seconds"], state["steps"]
        return True

    @property
    def spent(self) -> float:
        """Fraction of the schedule that is over."""
        return self.schedule.spent(self.steps, self.seconds)

    def run_steps(
        self,
        step: Callable[[], Mapping[str, float]],
        report: Callable[[str], None],
        deadline: float,
    ) -> bool:
        """Call `step` until the schedule is over, or until ``time.monotonic()`` is `deadline`.

        Returns whether the schedule is over. A checkpoint is written in any case.
        """
        progress = Progress(self.seconds, self.steps)
        while self.spent < 1:
            rate = self.schedule.rate * self.schedule.factor(self.spent)
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group.get("scale", 1.0)
            self.seconds = progress.add(step())
            is_last = self.spent >= 1 or time.monotonic() >= deadline
            if is_last or progress.since_report >= CHECKPOINT_SECONDS:
                self.save()
                report(progress.line(self.steps, self.spent, rate))
            if is_last:
                break
        return self.spent >= 1


def batches(
    crops: Crops, count: int, crop_px: int, *, start: int, workers: int, device: torch.device
) -> Iterator[torch.Tensor]:
    """Yield the batches (count, channels, crop_px, crop_px) of steps `start`, `start` + 1, ..."""
    source = _Batches(crops, count, crop_px)
    steps = itertools.count(start)
    if not workers:
        for step in steps:
            yield torch.from_numpy(source[step]).to(device)
    loader = DataLoader(
        source,
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=4,
        pin_memory=device.type == "cuda",
    )
    for batch in loader:
        yield batch.to(device, non_blocking=True)


def seed_of(crops: Crops, step: int) -> int:
    """Seed of a step's qualities and noise; they have other numbers than its crops."""
    state = np.random.SeedSequence((*crops.seed, step, 1)).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


class _Batches(Dataset[NDArray[np.float32]]):
    def __init__(self, crops: Crops, count: int, crop_px: int) -> None:
        self.crops, self.count, self.crop_px = crops, count, crop_px

    def __getitem__(self, step: int) -> NDArray[np.float32]:
        self.crops.seek(step)
        return self.crops.batch(self.count, self.crop_px)


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
