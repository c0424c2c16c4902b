"""``numcodecs-neural evaluate``: argv to `evaluate`, and its tables to the screen."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from numcodecs_neural.arguments import check_parent, whole_number
from numcodecs_neural.errors import ConfigError, SourceError, WeightsError

if TYPE_CHECKING:
    from numcodecs_neural.evaluation.coders import Entrant
    from numcodecs_neural.evaluation.images import ImageSet
    from numcodecs_neural.evaluation.results import Evaluation

__all__ = ["register"]

SHORT = "measure rate and distortion of models against other codecs"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand ``evaluate``."""
    from numcodecs_neural.evaluation.measures import MEASURES
    from numcodecs_neural.evaluation.peers import PEERS

    metrics = ",".join(measure.name for measure in MEASURES)
    parser = subparsers.add_parser(
        "evaluate",
        help=SHORT,
        description=f"{SHORT[0].upper()}{SHORT[1:]}.",
        epilog="Each folder with images is a set. Rate is the stored bytes of chunks of "
        "512 x 512; what is left over beside them is not measured. Crops start at (3, 5), off the "
        "grid of the source's JPEG, and are measured as they are and reduced by 2. Exit code 1: "
        "an image, an output or the comparison failed, or images were left out.",
    )
    add, count = parser.add_argument, whole_number(1)
    add("paths", nargs="+", type=Path, metavar="PATH", help="images, folders, or Zarr arrays")
    add("--models", type=_names, default=("he-fast",), metavar="A,B", help="ours (he-fast)")
    add("--peers", type=_names, default=PEERS, metavar="A,B", help=f"others ({','.join(PEERS)})")
    add(
        "--codec",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.json",
        help='another codec of numcodecs: {"name": "...", "configs": [{"id": "...", ...}, ...]}, '
        "a configuration for each point of its curve; may be given several times",
    )
    add("--metrics", type=_names, default=("psnr",), metavar="A,B", help=f"of {metrics} (psnr)")
    add("--aligned", action="store_true", help="also measure native crops that start at (0, 0)")
    add("--images", type=count, metavar="N", help="take the first N images of each set (all)")
    add("--max-pixels", type=count, metavar="N", help="take N pixels of a Zarr array (17 million)")
    add("--no-speed", action="store_true", help="do not time the codecs")
    add("--workers", type=count, metavar="N", help="chunks at once (the processors there are)")
    add("--card", action="store_true", help="print the tables of a model's card and no others")
    add("--json", type=Path, metavar="FILE", help="write all that was measured")
    add("--markdown", type=Path, metavar="FILE", help="also write the tables to a file")
    add("--plots", type=Path, metavar="FOLDER", help="write the curves as PNG files")
    add(
        "--check",
        type=Path,
        metavar="FILE",
        help="compare rate (to 0.5 %%) and PSNR (to 0.02 dB) of our models with an earlier --json",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and write what was asked for; return the exit code.

    Raises
    ------
    argparse.ArgumentError
        If the arguments are wrong, before any work.
    """
    from numcodecs_neural.evaluation.stored import deviations, read_stored

    try:
        sets, codecs = _checked(args)
        stored = read_stored(args.check) if args.check else None
    except (ConfigError, WeightsError, SourceError) as exc:
        raise argparse.ArgumentError(None, str(exc.args[0])) from exc
    evaluation = _evaluate(args, sets, codecs)
    _write(args, evaluation)
    for note in evaluation.notes:
        _say(note)
    differences = deviations(evaluation, stored) if stored else []
    for line in differences:
        _say(f"not as in {args.check}: {line}")
    return 0 if evaluation.is_complete and not differences else 1


def _checked(args: argparse.Namespace) -> "tuple[list[ImageSet], list[Entrant]]":
    """Find out before any work what cannot work; return the sets and the codecs of files."""
    from numcodecs_neural.evaluation.coders import neural_entrant
    from numcodecs_neural.evaluation.images import MAX_PIXELS, find_sets
    from numcodecs_neural.evaluation.measures import measures_by_name
    from numcodecs_neural.evaluation.peers import peer_entrants
    from numcodecs_neural.evaluation.registered import registered_entrant

    if not args.models:
        raise ConfigError("--models names none")
    for model in args.models:
        neural_entrant(model)
    peer_entrants(args.peers)
    measures_by_name(args.metrics)
    codecs = [registered_entrant(path) for path in args.codec]
    for path in (args.json, args.markdown, args.plots):
        if path is not None:
            check_parent(path)
    if args.plots is not None:
        _check_plots(args.plots)
    sets = find_sets(args.paths, max_pixels=args.max_pixels or MAX_PIXELS)
    return [found.first(args.images) for found in sets] if args.images else sets, codecs


def _check_plots(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} cannot be written: it is not a folder")
    try:
        import matplotlib  # noqa: F401
    except ImportError as exc:
        raise ConfigError(
            "plots need matplotlib: pip install 'numcodecs-neural[evaluate]'"
        ) from exc


def _evaluate(
    args: argparse.Namespace, sets: "list[ImageSet]", codecs: "list[Entrant]"
) -> "Evaluation":
    from numcodecs_neural import config
    from numcodecs_neural.evaluation.crops import ALIGNED, VIEWS
    from numcodecs_neural.evaluation.run import evaluate

    return evaluate(
        sets,
        args.models,
        peers=args.peers,
        codecs=codecs,
        views=(*VIEWS, ALIGNED) if args.aligned else VIEWS,
        metrics=args.metrics,
        with_speed=not (args.no_speed or args.card),
        workers=args.workers or config.get().threads,
        progress=_say,
    )


def _write(args: argparse.Namespace, evaluation: "Evaluation") -> None:
    from numcodecs_neural.evaluation.plots import write_plots
    from numcodecs_neural.evaluation.report import card_tables, to_markdown
    from numcodecs_neural.evaluation.stored import to_json

    tables = card_tables(evaluation) if args.card else to_markdown(evaluation)
    # First: what was measured for hours is not to be lost with a file that cannot be written.
    print(tables, end="", flush=True)
    writers: list[tuple[Path | None, Callable[[Path], object]]] = [
        (args.markdown, lambda path: path.write_text(tables, encoding="utf-8")),
        (args.json, lambda path: path.write_text(to_json(evaluation), encoding="utf-8")),
        (args.plots, lambda folder: write_plots(evaluation, folder)),
    ]
    for path, write in writers:
        if path is not None:
            write(path)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _say(text: str) -> None:
    print(text, file=sys.stderr)
