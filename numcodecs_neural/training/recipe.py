"""From a folder of images to weights files: the phases of training, each resumable.

1. In floating point, rounding stood for by noise.
2. As integers, straight-through, at a low rate of learning.
3. Tables, and rounding towards zero where that saves more bits than it costs, fitted to each other
   and to the symbols that the integer encoder writes; and the export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from numcodecs_neural.coding.lossy import symbols_and_indexes
from numcodecs_neural.entropy import SymbolTables
from numcodecs_neural.networks.kernels import CompiledKernels
from numcodecs_neural.networks.models import DecoderModel, EncoderModel
from numcodecs_neural.networks.numpy_backend import NumpyBackend
from numcodecs_neural.training.data import Crops, load_folder, principal_components
from numcodecs_neural.training.export import export_decoder, export_encoder
from numcodecs_neural.training.loop import Schedule, Trainer
from numcodecs_neural.training.model import Codec, Shape
from numcodecs_neural.training.quantize import calibrate, set_quantized
from numcodecs_neural.training.tables import (
    fitted_tables,
    logistic_tables,
    nearest_rounding,
    thrifty_rounding,
)
from numcodecs_neural.weights.files import read_weights

FINISH_RATE = 6e-5

Report = Callable[[str], None]
Sets = dict[str, list[NDArray[np.uint8]]]
Rounding = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides what comes out, besides the images.

    Parameters
    ----------
    minutes, finish_minutes : float
        Length of the first and of the second phase.
    shape : Shape
        Channels of the networks.
    batch, crop_px : int
        Crops per step, and their side.
    thrift : float
        How far rounding leans towards zero; 1 is what high-rate theory gives, 0 none.
    table_batches : int
        Batches of crops that tables are fitted to.
    seed : int
    device : str
        Where the two phases run; everything else is for the CPU.
    """

    minutes: float
    finish_minutes: float
    shape: Shape = field(default_factory=Shape)
    batch: int = 8
    crop_px: int = 128
    thrift: float = 1.0
    table_batches: int = 200
    seed: int = 0
    device: str = "cpu"


def train(folder: Path, work: Path, name: str, recipe: Recipe, report: Report = print) -> None:
    """Train on the images below `folder`; write ``NAME.decoder`` and ``NAME.encoder`` to `work`.

    Checkpoints lie in `work`; a call with the same arguments continues where the last one stopped.

    Raises
    ------
    FileNotFoundError
        If there are no images.
    FloatingPointError
        If training diverges; the last good checkpoint is kept.
    """
    torch.manual_seed(recipe.seed)
    sets, _ = load_folder(folder)
    work.mkdir(parents=True, exist_ok=True)
    first = train_in_floating_point(sets, work / "float.pt", recipe, report)
    last = finish_as_integers(first, sets, work / "integer.pt", recipe, report)
    export(last, sets, work, name, recipe, report)


def train_in_floating_point(sets: Sets, checkpoint: Path, recipe: Recipe, report: Report) -> Codec:
    """Return the averaged codec of the first phase."""
    codec = Codec(recipe.shape)
    schedule = Schedule(minutes=recipe.minutes, batch=recipe.batch, crop_px=recipe.crop_px)
    trainer = Trainer(codec, schedule, checkpoint, recipe.device)
    if not trainer.resume():
        components, mean = principal_components(Crops(sets, recipe.seed), recipe.shape.latents)
        codec.start_from_principal_components(torch.from_numpy(components), torch.from_numpy(mean))
        trainer.average.load_state_dict(codec.state_dict())
    trainer.run(Crops(sets, (recipe.seed, 1, trainer.steps)), report)
    return trainer.average.cpu()


def finish_as_integers(
    codec: Codec, sets: Sets, checkpoint: Path, recipe: Recipe, report: Report
) -> Codec:
    """Return the averaged codec of the second phase, calibrated."""
    codec.requires_grad_(requires_grad=True)  # an average asks for none
    crops = Crops(sets, (recipe.seed, 2))
    calibrate(codec, _batches(crops, 30, recipe))
    schedule = Schedule(
        minutes=recipe.finish_minutes,
        batch=recipe.batch,
        crop_px=recipe.crop_px,
        rate=FINISH_RATE,
        flat_fraction=0.1,
    )
    trainer = Trainer(codec, schedule, checkpoint, recipe.device)
    trainer.resume()
    for each in (codec, trainer.average):
        set_quantized(each, quantized=True)
    trainer.run(Crops(sets, (recipe.seed, 3, trainer.steps)), report)
    return trainer.average.cpu()


def export(codec: Codec, sets: Sets, work: Path, name: str, recipe: Recipe, report: Report) -> None:
    """Fit the tables and write both files."""
    crops = Crops(sets, (recipe.seed, 4))
    tables, rounding, skip_below = _settle_rounding(codec, crops, work, recipe)
    decoder, encoder = (work / f"{name}.{kind}.safetensors" for kind in ("decoder", "encoder"))
    digest = export_decoder(codec, tables, skip_below, decoder)
    export_encoder(codec, rounding, digest, encoder)
    _open(decoder, encoder)
    report(f"{decoder}: SHA-256 {digest}; {skip_below} of {len(tables)} tables never used")


def _settle_rounding(
    codec: Codec, crops: Crops, work: Path, recipe: Recipe
) -> tuple[SymbolTables, Rounding, int]:
    """Tables and rounding that fit each other, and how many classes need no coding."""
    tables, rounding, skip_below = logistic_tables(), nearest_rounding(), 0
    for _ in range(3):
        pair = work / "draft.decoder", work / "draft.encoder"
        digest = export_decoder(codec, tables, 0, pair[0])
        export_encoder(codec, rounding, digest, pair[1])
        tables, skip_below = fitted_tables(_symbols(*_open(*pair), crops, recipe))
        rounding = thrifty_rounding(tables, recipe.thrift)
        for path in pair:
            path.unlink()
    return tables, rounding, skip_below


def _symbols(
    decoder: DecoderModel, encoder: EncoderModel, crops: Crops, recipe: Recipe
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.uint8]]]:
    """What the integer encoder writes, over all qualities and two sizes of image."""
    backend = NumpyBackend(CompiledKernels())
    for number in range(recipe.table_batches):
        size = recipe.crop_px * (1 + number % 2)
        images = crops.batch(8 >> (number % 2) * 2, size).astype(np.uint8)
        quality = int(crops.rng.integers(101))
        yield from symbols_and_indexes(
            images, quality, decoder=decoder, encoder=encoder, backend=backend
        )


def _batches(crops: Crops, count: int, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(count):
        yield torch.from_numpy(crops.batch(recipe.batch, recipe.crop_px)), torch.rand(recipe.batch)


def _open(decoder: Path, encoder: Path) -> tuple[DecoderModel, EncoderModel]:
    """Read both files back, which proves their bounds."""
    file = read_weights(decoder)
    return (
        DecoderModel.from_file(file),
        EncoderModel.from_file(read_weights(encoder), file.sha256),
    )
