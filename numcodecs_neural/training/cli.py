"""``numcodecs-neural train`` and ``pretrain-features``: arguments to library calls.

torch is imported when a command runs.
"""

import argparse
import math
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from numcodecs_neural.arguments import above_zero, check_output_file, from_zero, whole_number
from numcodecs_neural.errors import ConfigError, MissingDependencyError
from numcodecs_neural.training.arguments import (
    LARGEST_VIEW_PX,
    MOST_AT_ONCE,
    MOST_IN_A_BATCH,
    SEEDS,
    SMALLEST_VIEW_PX,
    check_file,
    check_images,
    check_work,
    device_name,
    features_path,
    some_path,
    weights_name,
)

if TYPE_CHECKING:
    from numcodecs_neural.training.model import Shape

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

CONTINUED = (
    "A run that was stopped, at any moment, continues with the same command: checkpoints are "
    "written every minute, and the one before is kept as .previous."
)


# What the extra [train] brings, beside what every installation has.
LIBRARIES = ("torch", "imagecodecs", "tifffile")


def register(subparsers: "Subparsers") -> None:
    """Add both subcommands to the program."""
    _register_train(subparsers)
    _register_pretrain(subparsers)


def _register_train(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "train",
        help="train weights on images, and export them as integers",
        description="Train weights on images, and export them as integers.",
        epilog=CONTINUED,
    )
    _add_common(parser)
    add = parser.add_argument
    add("--name", type=weights_name, help="exact name of the weights, liver-1")
    add("--kind", default="he-fast", help="shape of the networks (he-fast)")
    add("--minutes", type=above_zero, default=80, help="in floating point (80)")
    add("--finish-minutes", type=above_zero, default=30, help="as integers (30)")
    add("--steps", type=whole_number(1), help="in floating point, in place of minutes")
    add("--finish-steps", type=whole_number(1), help="as integers, in place of minutes")
    batches = whole_number(1, MOST_IN_A_BATCH)
    add("--batch", type=batches, default=8, help="crops in a step (8)")
    add("--crop", type=int, default=0, help="side of a crop in pixels (128; 192 for MS-SSIM)")
    add("--rate", type=above_zero, default=6e-4, help="highest rate of learning (6e-4)")
    add(
        "--distortion",
        default="mse",
        help="mse, ms-ssim, mse+features or ms-ssim+features (mse)",
    )
    add("--features", type=some_path, metavar="FILE", help="network made by pretrain-features")
    add(
        "--init",
        type=some_path,
        metavar="FILE",
        help="begin with another run's checkpoint or float16",
    )
    processes = whole_number(0, MOST_AT_ONCE)
    add("--workers", type=processes, help="processes that draw crops (8 for a GPU, else none)")
    add("--pack", type=some_path, metavar="FILE", help="write the images as one file, and stop")
    add("--pack-size", type=above_zero, default=40, metavar="MB", help="of that file at most (40)")
    parser.set_defaults(run=_train)


def _register_pretrain(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "pretrain-features",
        help="train the network behind the perceptual loss, by contrast alone",
        description="Train a small network to recognise tiles by contrast alone (SimCLR); its "
        "features are what `train --distortion mse+features` keeps alike.",
        epilog=CONTINUED,
    )
    _add_common(parser)
    add = parser.add_argument
    add("--out", type=features_path, required=True, metavar="FILE", help="ends in .safetensors")
    add("--minutes", type=above_zero, default=10, help="of training in all (10)")
    add("--steps", type=whole_number(1), help="in place of minutes")
    batches = whole_number(2, MOST_IN_A_BATCH)  # one tile has nothing to be told apart from
    views = whole_number(SMALLEST_VIEW_PX, LARGEST_VIEW_PX)
    add("--batch", type=batches, default=96, help="tiles in a step (96)")
    add("--view", type=views, default=64, help="side of a view in pixels (64)")
    add("--rate", type=above_zero, default=2e-3, help="highest rate of learning (2e-3)")
    parser.set_defaults(run=_pretrain)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("images", type=some_path, nargs="+", metavar="FOLDER", help="images by source, or a pack")
    add("--work", type=some_path, help="folder for checkpoints and results")
    add("--seed", type=whole_number(0, SEEDS - 1), default=0, help="of the order of data (0)")
    add(
        "--max-minutes",
        type=from_zero,
        default=math.inf,
        metavar="N",
        help="stop after so long, to be continued",
    )
    add("--device", type=device_name, default="cpu", help="cpu, cuda or cuda:N (cpu)")
    add("--threads", type=whole_number(1, MOST_AT_ONCE), help="of torch (all cores)")


def _train(args: argparse.Namespace) -> int:
    _check_installed()
    check_images(args.images)
    if args.pack is not None:
        return _pack(args)
    if args.work is None or args.name is None:
        raise ConfigError("train needs --work and --name")
    check_work(args.work)
    check_file(args.features, "--features")
    check_file(args.init, "--init")
    from numcodecs_neural.training.recipe import Recipe, train

    recipe = Recipe(
        minutes=args.minutes,
        finish_minutes=args.finish_minutes,
        steps=args.steps,
        finish_steps=args.finish_steps,
        shape=_shape(args.kind),
        batch=args.batch,
        crop_px=args.crop,
        rate=args.rate,
        distortion=args.distortion,
        features=args.features,
        init=args.init,
        seed=args.seed,
        device=_device(args),
        workers=args.workers if args.workers is not None else 8 * args.device.startswith("cuda"),
    )
    deadline = _deadline(args)
    is_done = train(args.images, args.work, args.name, recipe, _say, deadline=deadline)
    return _ended(is_done=is_done)


def _pack(args: argparse.Namespace) -> int:
    from numcodecs_neural.training.pack import write_pack

    if len(args.images) != 1 or not args.images[0].is_dir():
        raise ConfigError("--pack takes one folder of images")
    check_output_file(args.pack)
    channels = _shape(args.kind).channels
    count = write_pack(args.images[0], args.pack, args.pack_size, channels=channels, seed=args.seed)
    _say(f"{args.pack}: {count} tiles in {args.pack.stat().st_size / 1e6:.1f} MB")
    return 0


def _pretrain(args: argparse.Namespace) -> int:
    _check_installed()
    if args.work is None:
        raise ConfigError("pretrain-features needs --work")
    check_images(args.images)
    check_work(args.work)
    check_output_file(args.out, made=args.work)
    from numcodecs_neural.training.pretrain import Plan, pretrain

    plan = Plan(
        minutes=args.minutes,
        steps=args.steps,
        batch=args.batch,
        view_px=args.view,
        rate=args.rate,
        seed=args.seed,
        device=_device(args),
    )
    is_done = pretrain(args.images, args.work, args.out, plan, _say, deadline=_deadline(args))
    return _ended(is_done=is_done)


def _check_installed() -> None:
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"training needs {' and '.join(missing)}, not installed here: "
            "pip install 'numcodecs-neural[train]'"
        )


def _shape(kind: str) -> "Shape":
    from numcodecs_neural.training import model

    presets: dict[str, Shape] = getattr(model, "PRESETS", {"he-fast": model.Shape()})
    if kind not in presets:
        raise ConfigError(f"--kind {kind!r} is unknown: take {', '.join(presets)}")
    return presets[kind]


def _device(args: argparse.Namespace) -> str:
    """Set torch's threads, and return the device if there is such a one."""
    import torch

    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        torch.empty(1, device=args.device)
    except (RuntimeError, AssertionError) as exc:  # torch asserts that it was built with CUDA
        raise ConfigError(f"--device {args.device!r} cannot be used here") from exc
    return str(args.device)


def _deadline(args: argparse.Namespace) -> float:
    minutes: float = args.max_minutes
    return time.monotonic() + 60 * minutes


def _ended(*, is_done: bool) -> int:
    if not is_done:
        _say("stopped after --max-minutes; the same command continues")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
