"""``numcodecs-neural view``: shows slides and stores in the browser."""

import argparse
from contextlib import ExitStack
from pathlib import Path

__all__ = ["register"]

_DESCRIPTION = (
    "Show slides and stores in the browser: deep zoom, a scale bar, channels and planes; of "
    "stores, the tissue mask and the bits that each chunk takes. The page is served to this "
    "machine alone, until the program is interrupted."
)


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand ``view``."""
    parser = subparsers.add_parser(
        "view", help="show slides and stores in the browser", description=_DESCRIPTION
    )
    parser.add_argument("slides", nargs="+", type=Path, metavar="SLIDE", help="stores or slides")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="SLIDE",
        help="show another one under a swipe handle: the slide that the store was made of",
    )
    parser.add_argument("--port", type=int, default=8050, help="0 takes a free one; default 8050")
    parser.add_argument(
        "--no-browser", action="store_true", help="only print the address of the page"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from .app import Exhibit, view_app
    from .run import run_app
    from .subject import Subject

    if args.against and len(args.slides) > 1:
        raise argparse.ArgumentError(None, "--against compares one slide, and several are given")
    with ExitStack() as stack:
        against = Subject(args.against) if args.against else None
        exhibits = [Exhibit(shown=Subject(slide), against=against) for slide in args.slides]
        for exhibit in exhibits:
            stack.callback(exhibit.close)
        return run_app(view_app(exhibits), port=args.port, opens_browser=not args.no_browser)
