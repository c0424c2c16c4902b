"""From images to weights files, in three steps, each resumable.

1. In floating point, rounding stood for by noise.
2. As integers, straight-through, at a low rate of learning.
3. Tables fitted to what the integer encoder writes; and the export.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.training.checkpoints import read_checkpoint, write_float16
from numcodecs_neural.training.data import Crops
from numcodecs_neural.training.features import load_features
from numcodecs_neural.training.fitting import export
from numcodecs_neural.training.losses import Distortion
from numcodecs_neural.training.phases import (
    Recipe,
    Report,
    Run,
    finish_as_integers,
    train_in_floating_point,
)
from numcodecs_neural.training.sources import load_images

__all__ = ["Recipe", "train"]

PHASES = ("float", "integer")


def train(
    folders: Path | Sequence[Path],
    work: Path,
    name: str,
    recipe: Recipe,
    report: Report = print,
    *,
    deadline: float = math.inf,
) -> bool:
    """Train on the images in `folders`; write ``NAME.decoder`` and ``NAME.encoder`` to `work`.

    Checkpoints lie in `work`; a call with the same arguments continues where the last one stopped.
    Beside the weights, ``NAME.float16.safetensors`` (to start other runs from) and ``NAME.json``
    (what was trained, on what) are written.

    Parameters
    ----------
    folders : Path or sequence of Path
        Folders of images, or packs.
    work : Path
    name : str
    recipe : Recipe
    report : callable
        Takes a line of progress.
    deadline : float, optional
        Value of ``time.monotonic()`` at which to stop, to be continued.

    Returns
    -------
    bool
        Whether training is complete, and the files are written.

    Raises
    ------
    SourceError
        If there are no images.
    ConfigError, WeightsError
        If the recipe does not fit itself, the checkpoints or the files it names.
    FloatingPointError
        If training diverges; the last good checkpoint is kept.
    """
    run = _prepared(folders, work, recipe, report, deadline)
    first = train_in_floating_point(run)
    if first is None:
        return False
    write_float16(work / f"{name}.float16.safetensors", first.state_dict())
    last = finish_as_integers(first, run)
    if last is None:
        return False
    digest = export(
        last,
        run.crops.with_seed(recipe.seed, 4),
        work / name,
        thrift=recipe.thrift,
        table_batches=recipe.table_batches,
        crop_px=recipe.side,
        report=report,
    )
    _write_result(work / f"{name}.json", digest, run)
    return True


def _prepared(
    folders: Path | Sequence[Path],
    work: Path,
    recipe: Recipe,
    report: Report,
    deadline: float,
) -> Run:
    """Read everything that is given, before anything is written."""
    network, digest = load_features(recipe.features) if recipe.features else (None, None)
    if network is not None and recipe.shape.channels != 3:
        raise ConfigError("the feature network sees RGB: train grey models without '+features'")
    distortion = Distortion(recipe.distortion, network)
    settings = {
        "shape": asdict(recipe.shape),
        "seed": recipe.seed,
        "batch": recipe.batch,
        "crop": recipe.side,
        "distortion": recipe.distortion,
        "features": digest,
    }
    images = load_images(folders, recipe.shape.channels, recipe.side)
    report(str(images))
    work.mkdir(parents=True, exist_ok=True)
    return Run(
        crops=Crops(images.sets, recipe.seed),
        work=work,
        recipe=recipe,
        distortion=distortion,
        images=str(images),
        settings=settings,
        report=report,
        deadline=deadline,
    )


def _write_result(path: Path, digest: str, run: Run) -> None:
    """Say in JSON what was trained, and how long."""
    phases = {}
    for phase in PHASES:
        state = read_checkpoint(run.work / f"{phase}.pt") or {}
        phases[phase] = {"steps": state["steps"], "minutes": round(state["seconds"] / 60, 1)}
    init = run.recipe.init
    result = {
        "decoder_sha256": digest,
        "settings": run.settings,
        "rate": run.recipe.rate,
        "init_sha256": hashlib.sha256(init.read_bytes()).hexdigest() if init else None,
        "images": run.images,
        "phases": phases,
    }
    path.write_text(json.dumps(result, indent=2) + "\n")
