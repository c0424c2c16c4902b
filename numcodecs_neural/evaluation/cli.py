"""``python -m numcodecs_neural.evaluation``: argv to `evaluate`, and its tables to the screen.

Exit codes: 0 all went well, 1 an image or an output failed, 2 wrong usage, found before any work.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from numcodecs_neural import config
from numcodecs_neural.errors import ConfigError, NeuralCodecError, SourceError, WeightsError
from numcodecs_neural.evaluation.coders import neural_coder
from numcodecs_neural.evaluation.images import ImageSet, find_sets
from numcodecs_neural.evaluation.peers import PEERS, peer_coders
from numcodecs_neural.evaluation.report import to_json, to_markdown
from numcodecs_neural.evaluation.run import evaluate
from numcodecs_neural.weights import resolve

__all__ = ["main"]

PROGRAM = "python -m numcodecs_neural.evaluation"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; by default those of the process.

    Returns
    -------
    int
        The exit code: 0, or 1 if an image could not be measured or an output not be written.

    Raises
    ------
    SystemExit
        With code 2 if the arguments are wrong.
    """
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        sets = _checked(args)
    except (ConfigError, WeightsError, SourceError) as exc:
        parser.error(_sentence(exc))
    try:
        _run(args, sets)
    except KeyboardInterrupt:
        _complain("interrupted: nothing was written")
        return 130
    except (NeuralCodecError, OSError) as exc:
        _complain(_sentence(exc))
        return 1
    return 0


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line: the usage of all options would bury it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Measure rate and distortion of our models against other codecs.",
        epilog="Each folder with images is a set. Crops start at (3, 5), off the grid of the "
        "source's JPEG; what is left over beside whole chunks of 512 x 512 is not measured.",
    )
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="FOLDER", help="images, or folders of images")
    add("--models", type=_names, default=("he-fast",), metavar="A,B", help="ours (he-fast)")
    add("--peers", type=_names, default=PEERS, metavar="A,B", help=f"others ({','.join(PEERS)})")
    add("--images", type=_count, metavar="N", help="take the first N images of each set (all)")
    add("--ssim", action="store_true", help="also measure SSIM, which takes long")
    add("--workers", type=_count, metavar="N", help="chunks at once (the processors there are)")
    add("--json", type=Path, metavar="FILE", help="write all that was measured")
    add("--markdown", type=Path, metavar="FILE", help="also write the tables to a file")
    return parser


def _checked(args: argparse.Namespace) -> list[ImageSet]:
    """Find out before any work what cannot work; return the sets."""
    if not args.models:
        raise ConfigError("--models names none")
    for model in args.models:
        _check_rgb(model)
    peer_coders(args.peers)
    for path in (args.json, args.markdown):
        if path is not None and not path.parent.is_dir():
            raise ConfigError(f"{path} cannot be written: {path.parent} is not a folder")
    sets = find_sets(args.paths)
    return [found.first(args.images) for found in sets] if args.images else sets


def _check_rgb(model: str) -> None:
    neural_coder(model)
    info = resolve(model)
    if info.channels != 3 or "uint8" not in info.dtypes:
        raise ConfigError(
            f"{model} codes {info.channels} channels of {', '.join(info.dtypes)}; "
            "measured are 3 of uint8"
        )


def _run(args: argparse.Namespace, sets: list[ImageSet]) -> None:
    evaluation = evaluate(
        sets,
        args.models,
        peers=args.peers,
        with_ssim=args.ssim,
        workers=args.workers or config.get().threads,
        progress=lambda text: print(text, file=sys.stderr),
    )
    tables = to_markdown(evaluation)
    print(tables, end="")
    if args.markdown:
        args.markdown.write_text(tables, encoding="utf-8")
    if args.json:
        args.json.write_text(to_json(evaluation), encoding="utf-8")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def _sentence(exc: Exception) -> str:
    """Return an error's text; the repr of a LookupError's argument would put it in quotes."""
    if isinstance(exc, OSError) and exc.strerror:
        return f"{exc.filename}: {exc.strerror}"
    return str(exc.args[0]) if exc.args else type(exc).__name__


def _complain(text: str) -> None:
    print(f"{PROGRAM}: {text}", file=sys.stderr)
