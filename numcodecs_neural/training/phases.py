"""Training phases: floating point with additive noise, then quantisation-aware."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from numcodecs_neural.training.checkpoints import load_weights, read_initial_weights
from numcodecs_neural.training.data import Crops, principal_components
from numcodecs_neural.training.loop import Trainer
from numcodecs_neural.training.losses import Distortion
from numcodecs_neural.training.model import Codec
from numcodecs_neural.training.plan import Recipe
from numcodecs_neural.training.quantize import calibrate, set_quantized
from numcodecs_neural.training.run import Schedule

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the phases share."""

    crops: Crops
    work: Path
    recipe: Recipe
    distortion: Distortion
    images: str
    settings: dict[str, Any]
    report: Report
    deadline: float

    def trainer(self, codec: Codec, schedule: Schedule, phase: str) -> Trainer:
        """Return the trainer of a phase, with its checkpoint."""
        return Trainer(
            codec,
            schedule,
            self.work / f"{phase}.pt",
            self.recipe.device,
            distortion=self.distortion,
            settings={"phase": phase, **self.settings},
            workers=self.recipe.workers,
        )


def train_in_floating_point(run: Run) -> Codec | None:
    """Return the averaged codec of the first phase, or None if it was stopped."""
    recipe = run.recipe
    torch.manual_seed(recipe.seed)
    codec = Codec(recipe.shape)
    schedule = Schedule(
        minutes=recipe.minutes,
        steps=recipe.steps,
        batch=recipe.batch,
        crop_px=recipe.side,
        rate=recipe.rate,
    )
    trainer = run.trainer(codec, schedule, "float")
    if not trainer.resume():
        _begin(codec, run)
        trainer.average.load_state_dict(codec.state_dict())
    is_over = trainer.run(run.crops.with_seed(recipe.seed, 1), run.report, deadline=run.deadline)
    return trainer.average.cpu() if is_over else None


def _begin(codec: Codec, run: Run) -> None:
    """First weights: another run's, or principal components."""
    recipe = run.recipe
    if recipe.init is not None:
        load_weights(codec, read_initial_weights(recipe.init), recipe.init)
        return
    components, mean = principal_components(
        run.crops.with_seed(recipe.seed, 0), codec.shape.latents
    )
    codec.start_from_principal_components(
        *(torch.from_numpy(a).to(recipe.device) for a in (components, mean))
    )


def finish_as_integers(codec: Codec, run: Run) -> Codec | None:
    """Return the averaged codec of the second phase, calibrated, or None if it was stopped."""
    recipe = run.recipe
    codec.requires_grad_(requires_grad=True)  # an average asks for none
    torch.manual_seed(recipe.seed)
    calibrate(codec, _calibration(run.crops.with_seed(recipe.seed, 2), 30, recipe))
    schedule = Schedule(
        minutes=recipe.finish_minutes,
        steps=recipe.finish_steps,
        batch=recipe.batch,
        crop_px=recipe.side,
        rate=recipe.rate / 10,
        flat_fraction=0.1,
        progress=(1.0, 1.0),
    )
    trainer = run.trainer(codec, schedule, "integer")
    trainer.resume()
    for each in (codec, trainer.average):
        set_quantized(each, quantized=True)
    is_over = trainer.run(run.crops.with_seed(recipe.seed, 3), run.report, deadline=run.deadline)
    return trainer.average.cpu() if is_over else None


def _calibration(crops: Crops, count: int, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(count):
        yield torch.from_numpy(crops.batch(recipe.batch, recipe.side)), torch.rand(recipe.batch)
