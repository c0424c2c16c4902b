"""``python -m numcodecs_neural.training FOLDER --work WORK --name he-fast-1 --minutes 80``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from numcodecs_neural.training.recipe import Recipe, train


def main(arguments: list[str] | None = None) -> int:
    """Train and export; return 0, or 1 with one sentence on what is wrong."""
    options = _parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = Recipe(
        minutes=options.minutes,
        finish_minutes=options.finish_minutes,
        batch=options.batch,
        crop_px=options.crop,
        seed=options.seed,
        device=options.device,
    )
    try:
        train(options.folder, options.work, options.name, recipe, _say)
    except (OSError, FloatingPointError) as exc:
        print(f"training: {exc}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m numcodecs_neural.training",
        description="Train weights on a folder of images, and export them as integers.",
        epilog="Stopped runs continue with the same command: checkpoints are written every minute.",
    )
    parser.add_argument("folder", type=Path, help="images, in one sub-folder for each source")
    parser.add_argument("--work", type=Path, required=True, help="checkpoints and results")
    parser.add_argument("--name", required=True, help="exact name of the weights, he-fast-1")
    parser.add_argument("--minutes", type=float, default=80, help="in floating point (80)")
    parser.add_argument("--finish-minutes", type=float, default=30, help="as integers (30)")
    parser.add_argument("--batch", type=int, default=8, help="crops in a step (8)")
    parser.add_argument("--crop", type=int, default=128, help="side of a crop in pixels (128)")
    parser.add_argument("--seed", type=int, default=0, help="of the order of data (0)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (cpu)")
    parser.add_argument("--threads", type=int, default=0, help="of torch (all)")
    return parser


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
