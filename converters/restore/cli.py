"""``numcodecs-neural restore``: arguments to a library call."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from numcodecs_neural.arguments import check_output_file, whole_number
from numcodecs_neural.errors import MissingDependencyError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["register"]

_MOST_THREADS = 1024


def register(subparsers: "Subparsers") -> None:
    """Add the subcommand to the program."""
    parser = subparsers.add_parser(
        "restore",
        help="write a slide again from a store that keeps its JPEG tiles",
        description="Write a slide again from a store that keeps its JPEG tiles: a TIFF with the "
        "coefficients of the source, or the JPEG file that it was. Exit code 1 if level 0 is not "
        "kept exactly.",
    )
    add = parser.add_argument
    add("store", type=Path, metavar="STORE", help="OME-Zarr store, a folder or a zip")
    add("output", type=Path, metavar="OUTPUT", help="file that ends in .tif, .svs or .jpg")
    add("--overwrite", action="store_true", help="replace the file if there is one")
    threads = whole_number(1, _MOST_THREADS)
    add("--workers", type=threads, metavar="N", help="threads (one a core)")
    parser.set_defaults(run=_restore)


def _restore(args: argparse.Namespace) -> int:
    try:
        from .run import check_suffix, restore
    except ModuleNotFoundError as exc:
        raise MissingDependencyError(
            f"restore needs {exc.name}, which is not installed: "
            "pip install 'numcodecs-neural[convert]'"
        ) from exc
    check_suffix(args.output)
    check_output_file(args.output)
    report = restore(args.store, args.output, overwrite=args.overwrite, workers=args.workers)
    print("\n".join(report.lines()))
    return 0
