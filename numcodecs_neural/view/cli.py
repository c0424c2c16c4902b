"""``numcodecs-neural view``: shows slides and stores in the browser."""

import argparse
import webbrowser
from contextlib import ExitStack
from threading import Thread

from numcodecs_neural.arguments import whole_number
from numcodecs_neural.errors import MissingDependencyError

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
    parser.add_argument("slides", nargs="+", metavar="SLIDE", help="stores, URLs or slides")
    parser.add_argument(
        "--against",
        metavar="SLIDE",
        help="show another one under a swipe handle: the slide that the store was made of",
    )
    parser.add_argument(
        "--port", type=whole_number(0, 65535), default=8050, help="0 for any free one (8050)"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="only print the address of the page"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    try:
        from .app import Exhibit
        from .run import show
        from .subject import Subject
    except ModuleNotFoundError as exc:
        raise MissingDependencyError(
            f"view needs {exc.name}, which is not installed: pip install 'numcodecs-neural[view]'"
        ) from exc
    if args.against and len(args.slides) > 1:
        raise argparse.ArgumentError(None, "--against compares one slide, and several are given")
    with ExitStack() as stack:
        against = Subject(args.against) if args.against else None
        exhibits = [Exhibit(shown=Subject(slide), against=against) for slide in args.slides]
        for exhibit in exhibits:
            stack.callback(exhibit.close)
        show(exhibits, port=args.port, announce=_print if args.no_browser else _print_and_open)
    return 0


def _print(url: str) -> None:
    print(f"{url} (Ctrl-C ends it)", flush=True)


def _print_and_open(url: str) -> None:
    _print(url)
    # Some browsers return when they are closed, and the page must be served meanwhile.
    Thread(target=webbrowser.open, args=[url], daemon=True).start()
