"""The training loop: resumable, a checkpoint every minute, schedule by time spent.

The noise that stands for rounding follows Balle et al. 2018 (variational image compression with a
scale hyperprior); all rates train at once, each sample of a batch with its own lambda.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from numcodecs_neural.training.data import Crops
from numcodecs_neural.training.model import Codec, lmbda_of
from numcodecs_neural.training.quantize import wire

CHECKPOINT_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how: minutes of training in all, and the shape of a step."""

    minutes: float
    batch: int = 8
    crop_px: int = 128
    rate: float = 6e-4
    warm_fraction: float = 0.02
    flat_fraction: float = 0.45
    last_factor: float = 0.02

    def factor(self, spent: float) -> float:
        """Learning rate factor after the fraction `spent` of the time."""
        if spent < self.warm_fraction:
            return (spent + 1e-3) / (self.warm_fraction + 1e-3)
        if spent < self.flat_fraction:
            return 1.0
        x = (spent - self.flat_fraction) / (1 - self.flat_fraction)
        cosine = 0.5 * (1 + math.cos(math.pi * min(x, 1.0)))
        return self.last_factor + (1 - self.last_factor) * cosine


def loss_of(codec: Codec, x: Tensor, t: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Rate-distortion loss, every rate and every kind of image weighing about alike."""
    x_hat, y_bits, z_bits = codec(x, t)
    pixels = x.shape[-1] * x.shape[-2]
    mse = (x - x_hat).square().mean((1, 2, 3))
    bpp = (y_bits + z_bits) / pixels
    lmbda = lmbda_of(t)
    cost = (lmbda * mse + bpp) / lmbda.sqrt()
    loss = (cost / (cost.detach() + 1.0).sqrt()).mean()
    log = {
        "cost": float(cost.mean().detach()),
        "bpp": float(bpp.mean().detach()),
        "z_bpp": float(z_bits.mean().detach() / pixels),
        "psnr": float((10 * torch.log10(255**2 / mse.detach())).mean()),
    }
    return loss, log


class Trainer:
    """A codec, its moving average and its optimiser, with one file to resume from."""

    def __init__(
        self, codec: Codec, schedule: Schedule, checkpoint: Path, device: str = "cpu"
    ) -> None:
        self.codec, self.schedule, self.checkpoint = codec.to(device), schedule, checkpoint
        self.device = torch.device(device)
        self.average = copy.deepcopy(codec).eval().requires_grad_(requires_grad=False)
        slow = [*codec.g_a.linear.parameters(), *codec.g_s.linear.parameters()]
        slow_ids = {id(p) for p in slow}
        fast = [p for p in codec.parameters() if id(p) not in slow_ids]
        self.optimizer = torch.optim.Adam(
            [{"params": fast, "scale": 1.0}, {"params": slow, "scale": 0.1}],
            lr=schedule.rate,
            fused=True,
        )
        self.seconds, self.steps = 0.0, 0

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        if self.codec.quantized:  # weights have moved
            wire(self.codec)
            for mine, theirs in zip(self.average.buffers(), self.codec.buffers(), strict=True):
                mine.copy_(theirs)
        state = {
            "codec": self.codec.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "seconds": self.seconds,
            "steps": self.steps,
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def resume(self) -> bool:
        """Continue from the checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return False
        state = torch.load(self.checkpoint, weights_only=True, map_location="cpu")
        self.codec.load_state_dict(state["codec"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.seconds, self.steps = state["seconds"], state["steps"]
        return True

    def run(self, crops: Crops, report: Callable[[str], None] = print) -> None:
        """Train until the schedule's minutes are spent."""
        schedule, codec = self.schedule, self.codec
        total = schedule.minutes * 60
        logs: list[dict[str, float]] = []
        saved = last = time.monotonic()
        codec.train()
        while self.seconds < total:
            factor = schedule.factor(self.seconds / total)
            for group in self.optimizer.param_groups:
                group["lr"] = schedule.rate * factor * group["scale"]
            x = torch.from_numpy(crops.batch(schedule.batch, schedule.crop_px))
            x = x.to(self.device, memory_format=torch.channels_last)
            t = (torch.arange(schedule.batch) + torch.rand(schedule.batch)) / schedule.batch
            t = t.to(self.device)
            loss, log = loss_of(codec, x, t)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(codec.parameters(), 3.0)
            if not torch.isfinite(norm):
                raise FloatingPointError(
                    f"the gradient of step {self.steps} is not finite; the last good state is in "
                    f"{self.checkpoint}"
                )
            self.optimizer.step()
            self._follow()
            logs.append(log)
            self.steps += 1
            now = time.monotonic()
            self.seconds += now - last
            last = now
            if now - saved > CHECKPOINT_SECONDS or self.seconds >= total:
                mean = {k: sum(e[k] for e in logs) / len(logs) for k in log}
                text = "  ".join(f"{k} {v:.4f}" for k, v in mean.items())
                report(
                    f"{self.seconds / 60:6.1f} min  step {self.steps}  "
                    f"{len(logs) / (now - saved):.1f}/s  lr {schedule.rate * factor:.1e}  {text}"
                )
                self.save()
                logs.clear()
                saved = last = time.monotonic()

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the moving average follow the weights, faster at the beginning."""
        decay = min(0.999, (1 + self.steps) / (20 + self.steps))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.codec.parameters()), 1 - decay
        )
