"""The subcommand ``numcodecs-neural serve`` and its arguments."""

import argparse
import os
import sys
from typing import TYPE_CHECKING

from numcodecs_neural.arguments import whole_number
from numcodecs_neural.errors import MissingDependencyError

if TYPE_CHECKING:
    from .run import Address, Served

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["register"]

_MOST_THREADS = 1024
_MIB = 2**20


def register(subparsers: "Subparsers") -> None:
    """Add the subcommand to the program."""
    parser = subparsers.add_parser(
        "serve",
        help="show stores over HTTP as plain OME-Zarr, for programs that lack the codec",
        description="Show stores over HTTP as plain OME-Zarr, decoded, for viewers and libraries "
        "that lack the codec. Read only, and for this machine only unless --host says otherwise. "
        "Ends on an interrupt (Ctrl-C).",
    )
    add = parser.add_argument
    add("stores", nargs="+", metavar="STORE", help="OME-Zarr: a folder, a file .ozx, or a URL")
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=whole_number(0, 65535), default=8000, help="0 for any free one (8000)")
    add(
        "--compression",
        choices=("none", "zstd"),
        default="none",
        help="of chunks: zstd for slow networks; old Java readers know none only (none)",
    )
    add("--sharded", action="store_true", help="show shards where the store has them")
    add(
        "--cors-origin",
        action="append",
        metavar="ORIGIN",
        help="pages that may read the stores in a browser, such as https://example.org; '*' for "
        "all; may be given again (vizarr's and neuroglancer's; those of this machine always may)",
    )
    threads = whole_number(1, _MOST_THREADS)
    add("--workers", type=threads, metavar="N", help="chunks decoded at a time (one a core)")
    add(
        "--cache",
        type=whole_number(0, 2**20),
        default=256,
        metavar="MIB",
        help="memory for what was sent last, in MiB (256)",
    )
    add(
        "--connections",
        type=whole_number(1, 2**16),
        default=256,
        metavar="N",
        help="at a time; those beyond are refused (256)",
    )
    parser.set_defaults(run=_serve)


def _serve(args: argparse.Namespace) -> int:
    try:
        from .app import Limits
        from .form import Form
        from .page import VIEWER_ORIGINS
        from .run import ServeOptions, serve
    except ModuleNotFoundError as exc:
        raise MissingDependencyError(
            f"serve needs {exc.name}, which is not installed: pip install 'numcodecs-neural[serve]'"
        ) from exc
    workers = args.workers or os.cpu_count() or 1
    options = ServeOptions(
        host=args.host,
        port=args.port,
        form=Form(compression=args.compression, sharded=args.sharded),
        origins=tuple(VIEWER_ORIGINS if args.cors_origin is None else args.cors_origin),
        limits=Limits(
            workers=workers, most_waiting=args.connections, memory_nbytes=args.cache * _MIB
        ),
        connections=args.connections,
    )
    serve(args.stores, options, _announce)
    return 0


def _announce(address: "Address", served: "Served") -> None:
    if not address.is_local:
        _warn(
            f"{address.url} can be reached from other machines: whoever connects to it reads "
            "these stores, without a password and without encryption"
        )
    for name, why in served.unreadable.items():
        _warn(f"{name} is not shown: {why}")
    for store in served.stores:
        print(f"{address.url}/{store.name}")
    print(f"{address.url}/ lists them; Ctrl-C ends", flush=True)


def _warn(text: str) -> None:
    print(f"numcodecs-neural serve: WARNING: {text}", file=sys.stderr)
