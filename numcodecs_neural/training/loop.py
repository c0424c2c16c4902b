"""The training loop: resumable at any step, a checkpoint every minute.

The noise that stands for rounding follows Balle et al. 2018 (variational image compression with a
scale hyperprior); all rates train at once, each sample of a batch with its own lambda. Crops,
qualities and noise of a step depend on the seed and the step alone, so that a run by steps ends in
the same weights however often it was stopped.
"""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from numcodecs_neural.training.data import Crops
from numcodecs_neural.training.losses import Distortion, loss_of
from numcodecs_neural.training.model import Codec
from numcodecs_neural.training.quantize import wire
from numcodecs_neural.training.run import Resumable, Schedule, batches, seed_of

__all__ = ["Trainer"]

SETTLE_STEPS = 200  # weights move: in the integer phase their exponents are chosen anew so often
LARGEST_GRADIENT = 3.0


class Trainer(Resumable):
    """A codec, its moving average and its optimiser, with one file to resume from.

    Parameters
    ----------
    codec : Codec
    schedule : Schedule
    checkpoint : Path
    device : str
    distortion : Distortion
    settings : mapping, optional
        What a checkpoint must have been made with, as JSON.
    workers : int
        Processes that draw crops beside this one.
    """

    def __init__(
        self,
        codec: Codec,
        schedule: Schedule,
        checkpoint: Path,
        device: str = "cpu",
        *,
        distortion: Distortion | None = None,
        settings: Mapping[str, Any] | None = None,
        workers: int = 0,
    ) -> None:
        self.codec, self.schedule, self.checkpoint = codec.to(device), schedule, checkpoint
        self.device, self.workers = torch.device(device), workers
        self.distortion = (distortion or Distortion()).to(self.device)
        self.settings = settings or {}
        self.average = copy.deepcopy(codec).eval().requires_grad_(requires_grad=False)
        slow = [p for layer in _linear(codec) for p in layer.parameters()]
        slow_ids = {id(p) for p in slow}
        fast = [p for p in codec.parameters() if id(p) not in slow_ids]
        self.optimizer = torch.optim.Adam(
            [{"params": fast, "scale": 1.0}, {"params": slow, "scale": 0.1}],
            lr=schedule.rate,
            fused=True,
        )
        self.modules = {"codec": self.codec, "average": self.average}

    def run(
        self,
        crops: Crops,
        report: Callable[[str], None] = print,
        *,
        deadline: float = math.inf,
    ) -> bool:
        """Train until the schedule is over, or until ``time.monotonic()`` is `deadline`.

        Returns
        -------
        bool
            Whether the schedule is over. A checkpoint is written in any case.

        Raises
        ------
        FloatingPointError
            If loss or gradient are not finite; the last good checkpoint is kept.
        """
        self.codec.train()
        crops_of_steps = self._batches(crops)

        def step() -> dict[str, float]:
            return self._step(next(crops_of_steps), seed_of(crops, self.steps))

        with _exact_transforms(self.codec):
            return self.run_steps(step, report, deadline)

    def _batches(self, crops: Crops) -> Iterator[Tensor]:
        count, crop_px = self.schedule.batch, self.schedule.crop_px
        return batches(
            crops, count, crop_px, start=self.steps, workers=self.workers, device=self.device
        )

    def _step(self, x: Tensor, seed: int) -> dict[str, float]:
        torch.manual_seed(seed)
        x = x.contiguous(memory_format=torch.channels_last)
        t = (torch.arange(len(x)) + torch.rand(len(x))) / len(x)
        begin, end = self.schedule.progress
        loss, log = loss_of(
            self.codec,
            x,
            t.to(self.device),
            self.distortion,
            begin + (end - begin) * self.spent,
            autocast=self.device.type == "cuda" and not self.codec.quantized,
        )
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        log["gradient"] = nn.utils.clip_grad_norm_(self.codec.parameters(), LARGEST_GRADIENT)
        # one transfer for all: each waits for the device
        numbers = dict(
            zip(log, torch.stack([v.float() for v in log.values()]).tolist(), strict=True)
        )
        for name in ("loss", "gradient"):
            if not math.isfinite(numbers[name]):
                raise FloatingPointError(
                    f"the {name} of step {self.steps} is not finite; the last good state is in "
                    f"{self.checkpoint}: continue with a lower --rate"
                )
        self.optimizer.step()
        self.steps += 1
        self._follow()
        return numbers

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the moving average follow the weights, faster at the beginning."""
        decay = min(0.999, self.steps / (19 + self.steps))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.codec.parameters()), 1 - decay
        )
        if self.codec.quantized and self.steps % SETTLE_STEPS == 0:
            wire(self.codec)
            for mine, theirs in zip(self.average.buffers(), self.codec.buffers(), strict=True):
                mine.copy_(theirs)


def _linear(codec: Codec) -> tuple[nn.Module, nn.Module]:
    """Return the linear transforms: they learn slowly, having begun as principal components."""
    return codec.g_a.linear, codec.g_s.linear


@contextmanager
def _exact_transforms(codec: Codec) -> Iterator[None]:
    """Keep autocast out of the linear transforms: bfloat16 has too few digits for latents."""
    layers = _linear(codec)
    for layer in layers:
        layer.forward = _without_autocast(layer.forward)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _without_autocast(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def exact(x: Tensor, *others: Tensor | None) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return forward(x.float(), *others)

    return exact
