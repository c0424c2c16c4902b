"""The recipe of a training, and its phases: floating point with noise, then quantisation-aware."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.training.checkpoints import load_weights, read_initial_weights
from numcodecs_neural.training.data import Crops, principal_components
from numcodecs_neural.training.loop import Trainer
from numcodecs_neural.training.losses import (
    MS_SSIM_CROP_PX,
    MS_SSIM_MORE_THAN_PX,
    Distortion,
)
from numcodecs_neural.training.model import Codec, Shape
from numcodecs_neural.training.quantize import calibrate, set_quantized
from numcodecs_neural.training.run import Schedule

CROP_PX = 128
STRIDE_PX = 64  # of hyper-latents

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides what comes out, besides the images.

    Parameters
    ----------
    minutes, finish_minutes : float
        Length of the first and of the second phase.
    steps, finish_steps : int, optional
        The same in steps, in place of minutes.
    shape : Shape
        Channels of the networks.
    batch, crop_px : int
        Crops per step, and their side; 0: 128, or 192 for MS-SSIM.
    rate : float
        Highest rate of learning of the first phase.
    distortion : str
        One of `losses.DISTORTIONS`.
    features : Path, optional
        File of the feature network, if the distortion needs one.
    init : Path, optional
        Weights of another run to begin with, in place of principal components.
    thrift : float
        How much a bit is worth when symbols are chosen; 1 is what high-rate theory gives.
    table_batches : int
        Batches of crops that tables are fitted to.
    seed : int
    device : str
        Where the two phases run; everything else is for the CPU.
    workers : int
        Processes that draw crops beside this one.
    """

    minutes: float
    finish_minutes: float
    steps: int | None = None
    finish_steps: int | None = None
    shape: Shape = field(default_factory=Shape)
    batch: int = 8
    crop_px: int = 0
    rate: float = 6e-4
    distortion: str = "mse"
    features: Path | None = None
    init: Path | None = None
    thrift: float = 0.55
    table_batches: int = 200
    seed: int = 0
    device: str = "cpu"
    workers: int = 0

    @property
    def side(self) -> int:
        """Side of a crop in pixels.

        Raises
        ------
        ConfigError
            If it is no multiple of the stride, or MS-SSIM has no room for its scales.
        """
        needs_room = self.distortion.startswith("ms-ssim")
        side = self.crop_px or (MS_SSIM_CROP_PX if needs_room else CROP_PX)
        if needs_room and side <= MS_SSIM_MORE_THAN_PX:
            raise ConfigError(
                f"crops of {side} pixels are too small for the five scales of MS-SSIM: "
                f"take more than {MS_SSIM_MORE_THAN_PX}"
            )
        if side < STRIDE_PX or side % STRIDE_PX:
            raise ConfigError(f"crops of {side} pixels: take a multiple of {STRIDE_PX}, above 0")
        return side


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
