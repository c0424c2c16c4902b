"""``numcodecs-neural info``, ``verify``, ``export`` and ``models``: arguments to library calls."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from numcodecs_neural.arguments import check_output_file, check_parent, local_path, whole_number
from numcodecs_neural.errors import ConfigError, MissingDependencyError
from numcodecs_neural.weights import card, catalogue, exact_weights, resolve
from numcodecs_neural.weights.catalogue import coefficient_weights
from numcodecs_neural.weights.installed import installed_digests, installed_path

from .kinds import TiffCodec, ZarrCodec, codec_for, is_tiff

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["register"]

_MOST_THREADS = 1024
_STORE = "OME-Zarr store: a folder, a zip or a URL"


def register(subparsers: "Subparsers") -> None:
    """Add the subcommands to the program."""
    _register_info(subparsers)
    _register_verify(subparsers)
    _register_export(subparsers)
    _register_models(subparsers)


def _register_info(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "info",
        help="say what a store is: levels, codecs, sizes, glass, history",
        description="Say what OME-Zarr stores are: levels, codec, how chunks are coded, bytes and "
        "bits per pixel, elided area, glass, lossy history, size of a pixel. No chunk is decoded. "
        "Of levels of more than 4096 chunks, the modes are those of a sample.",
    )
    add = parser.add_argument
    add("stores", nargs="+", metavar="STORE", help=_STORE)
    add("--all", action="store_true", help="look at the first bytes of every chunk")
    add("--json", action="store_true", help="print JSON: one object, or of several stores a list")
    parser.set_defaults(run=_info)


def _register_verify(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "verify",
        help="check every chunk of a store, and compare it with its source",
        description="Check every chunk of an OME-Zarr store: it is there where coverage says so, "
        "its checksum is right, its weights are known, and it decodes. Exit code 0 if all is well, "
        "1 if something is wrong.",
    )
    add = parser.add_argument
    add("store", metavar="STORE", help=_STORE)
    add(
        "--against",
        type=local_path,
        metavar="SOURCE",
        help="also compare the pixels with the slide that it was made of, or with another store: "
        "PSNR, SSIM, worst chunks, and whether chunks that were to be exact are",
    )
    add("--series", type=whole_number(0), default=0, metavar="N", help="which image of SOURCE (0)")
    add("--resume", type=Path, metavar="FILE", help="keep in FILE how far it came, and go on there")
    add("--workers", type=whole_number(1, _MOST_THREADS), metavar="N", help="threads (one a core)")
    add("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_verify)


def _register_export(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "export",
        help="write a store as OME-Zarr with codecs of others, or as a pyramidal OME-TIFF",
        description="Write a store as OME-Zarr with codecs of others, or as a pyramidal OME-TIFF. "
        "Levels stay those of the store. A store that keeps the JPEG tiles of its slide gets them "
        "back without loss by `numcodecs-neural restore STORE OUTPUT.tif`; here their pixels are "
        "coded anew.",
    )
    add = parser.add_argument
    add("store", type=local_path, metavar="STORE", help="OME-Zarr store: a folder or a zip")
    add("output", metavar="OUTPUT", help="file that ends in .tif, or a store .ome.zarr or .ozx")
    add(
        "--codec",
        help=f"of OME-Zarr {', '.join(get_args(ZarrCodec))}; of OME-TIFF "
        f"{', '.join(get_args(TiffCodec))} (the first: nothing is lost)",
    )
    add(
        "--quality",
        type=whole_number(0, 100),
        default=90,
        metavar="N",
        help="0 to 100, of codecs that lose something (%(default)s)",
    )
    add("--ome-zarr-version", choices=("0.5", "0.4"), help="of OME-Zarr (that of the store)")
    add("--series", type=whole_number(0), default=0, metavar="N", help="which image (0)")
    add("--label", action="store_true", help="keep the picture of the label: it names the patient")
    add("--macro", action="store_true", help="keep the picture of the whole glass: so may this")
    add("--workers", type=whole_number(1, _MOST_THREADS), metavar="N", help="threads (one a core)")
    add("--overwrite", action="store_true", help="replace the output if it is there")
    parser.set_defaults(run=_export)


def _register_models(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "models",
        help="list the weights that ship with the package, show a card, embed or install weights",
        description="List the weights that ship with the package: name, channels, dtypes, and the "
        "SHA-256 of what decodes them. `models NAME` shows the card of one; `models embed STORE` "
        "writes the weights that a store needs into it; `models install STORE` or `models install "
        "FILE` puts weights where the package finds them.",
    )
    parser.add_argument("what", nargs="?", metavar="NAME", help="weights; or embed, or install")
    parser.add_argument("place", nargs="?", metavar="STORE", help="of embed and install")
    parser.set_defaults(run=_models)


def _info(args: argparse.Namespace) -> int:
    with _explained("info"):
        from .info import store_facts
        from .info_text import info_lines
    facts = [store_facts(store, all_chunks=args.all) for store in args.stores]
    if args.json:
        values = [one.to_json() for one in facts]
        _print_json(values[0] if len(values) == 1 else values)
    else:
        print("\n\n".join("\n".join(info_lines(one)) for one in facts))
    return 0


def _verify(args: argparse.Namespace) -> int:
    with _explained("verify"):
        from .verify import verify
        from .verify_text import verify_lines
    if args.resume is not None:
        check_output_file(args.resume)
    report = verify(
        args.store,
        against=args.against,
        series=args.series,
        resume=args.resume,
        workers=args.workers,
        shows_progress=True,
    )
    if args.json:
        _print_json(report.to_json())
    else:
        print("\n".join(verify_lines(report)))
    return 0 if report.is_good else 1


def _export(args: argparse.Namespace) -> int:
    codec = codec_for(args.output, args.codec)
    with _explained("export"):
        from .export import ExportOptions, export, keeps_jpeg
    if is_tiff(args.output):
        check_parent(Path(args.output))
        if codec == "jpeg" and keeps_jpeg(args.store, args.series):
            print(
                f"{args.store} keeps the JPEG tiles of its slide: `numcodecs-neural restore` "
                "writes them without loss, and here their pixels are coded anew",
                file=sys.stderr,
            )
    options = ExportOptions(
        codec=codec,
        quality=args.quality,
        ome_zarr_version=args.ome_zarr_version,
        series=args.series,
        label=args.label,
        macro=args.macro,
        workers=args.workers,
        overwrite=args.overwrite,
        shows_progress=True,
    )
    export(args.store, args.output, options)
    print(f"{args.store} -> {args.output} ({codec})")
    return 0


def _models(args: argparse.Namespace) -> int:
    if args.what in ("embed", "install"):
        if args.place is None:
            raise ConfigError(f"models {args.what} needs a STORE")
        with _explained(f"models {args.what}"):
            from . import weights
        return (_embed if args.what == "embed" else _install)(weights, args.place)
    if args.place is not None:
        raise ConfigError(f"models takes embed or install before {args.place}, not {args.what}")
    if args.what is not None:
        print(card(args.what), end="")
        return 0
    for info in map(resolve, catalogue()):
        print(f"{info.name}  {info.channels} x {','.join(info.dtypes)}  {info.sha256}")
    exact, jpeg = exact_weights(), coefficient_weights()
    print(f"{exact.name}  any x {','.join(exact.dtypes)}, without loss  {exact.sha256}")
    print(f"{jpeg.name}  coefficients of JPEG tiles  {jpeg.sha256}")
    for sha256 in installed_digests():
        print(f"installed  {sha256}  {installed_path(sha256)}")
    return 0


def _embed(weights: Any, place: str) -> int:
    for one in weights.embed(place):
        print(f"{place}: {one.name}  {len(one.content)} bytes  {one.sha256}")
    return 0


def _install(weights: Any, place: str) -> int:
    for one, path in weights.install(place):
        print(f"{one.name}  {one.sha256}  {path}")
    return 0


def _print_json(values: Any) -> None:
    print(json.dumps(values, indent=2))


@contextmanager
def _explained(command: str) -> Iterator[None]:
    """Say what to install for a subcommand whose libraries are not there."""
    try:
        yield
    except ModuleNotFoundError as exc:
        raise MissingDependencyError(
            f"{command} needs {exc.name}, which is not installed: "
            "pip install 'numcodecs-neural[convert]'"
        ) from exc
