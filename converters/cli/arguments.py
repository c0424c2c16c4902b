"""The program's arguments, and the options that they stand for."""

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn, get_args

from numcodecs_neural.errors import ConfigError

from ..options import (
    BrightField,
    CodecName,
    ConvertOptions,
    GlassTreatment,
    OmeZarrVersion,
)

__all__ = ["PROGRAM", "make_parser", "options_from", "series_from"]

PROGRAM = "convert-to-omezarr"
_DEFAULTS = ConvertOptions()


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line: the usage of all options would bury it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: {message} (see {PROGRAM} --help)\n")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the program's arguments."""
    parser = _Parser(
        prog=PROGRAM,
        description="Convert slides and microscopy to OME-Zarr, compressed by a learned codec.",
        epilog="Exit codes: 0 all went well, 1 an input failed, 2 wrong usage.",
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {version('numcodecs-neural')}"
    )
    _add_inputs(parser)
    _add_codec(parser.add_argument_group("codec"))
    _add_pyramid(parser.add_argument_group("pyramid"))
    _add_glass(parser.add_argument_group("glass (bright-field slides)"))
    _add_metadata(parser.add_argument_group("metadata"))
    _add_run(parser.add_argument_group("run"))
    return parser


def options_from(args: argparse.Namespace) -> ConvertOptions:
    """Return the options that parsed arguments stand for.

    Raises
    ------
    ConfigError
        If one has a value that is not allowed.
    """
    return ConvertOptions(
        codec=args.codec,
        model=args.model,
        quality=args.quality,
        target_psnr=args.target_psnr,
        chunk_px=args.chunk,
        shard_px=args.shard,
        levels=args.levels,
        downsample=args.downsample,
        use_existing_levels=args.use_existing_levels,
        ome_zarr_version=args.ome_zarr_version,
        glass=args.glass,
        tissue=args.tissue,
        margin_um=args.margin,
        bright_field=args.bright_field,
        name=args.name,
        label=args.label,
        macro=args.macro,
        confidential=args.confidential,
        workers=args.workers,
        scheduler=args.scheduler,
        overwrite=args.overwrite,
        resume=args.resume,
    )


def series_from(args: argparse.Namespace) -> int | None:
    """Return which image of each file is wanted; None for all.

    Raises
    ------
    ConfigError
        If it is no number, and not "all".
    """
    if args.series == "all":
        return None
    if not args.series.isdecimal():
        raise ConfigError(f"series is {args.series!r}; it must be a whole number or all")
    return int(args.series)


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("inputs", nargs="*", metavar="INPUT", help="slide, or pattern such as 'archive/**/*.svs'")
    add(
        "-o",
        "--output",
        help="the store: a folder, a file .ozx or .zarr.zip, or a URL such as s3://bucket/key; "
        "for several inputs the folder or URL of all stores",
    )
    add("--input-list", type=Path, metavar="FILE", help="also convert the slides of this text file")
    add("--demo", metavar="OUTPUT", help="convert a small built-in slide instead")
    add("--zip", action="store_true", help="of several inputs, write single files .ozx")


def _add_codec(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--codec",
        choices=get_args(CodecName),
        default=_DEFAULTS.codec,
        help="zstd and none lose nothing (%(default)s)",
    )
    add("--model", default=_DEFAULTS.model, help="name of the weights (%(default)s: by the slide)")
    add("--quality", type=int, default=_DEFAULTS.quality, help="0 to 100 (%(default)s)")
    add("--target-psnr", type=float, metavar="DB", help="instead of a quality: PSNR on tissue")
    add("--device", help="numpy, cpu or cuda (auto); the same bytes on each")


def _add_pyramid(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--chunk",
        "--tile-size",
        type=int,
        default=_DEFAULTS.chunk_px,
        metavar="PX",
        help="side of a chunk (%(default)s)",
    )
    add("--shard", type=int, metavar="PX", help=f"side of a shard ({_DEFAULTS.region_px})")
    add(
        "--levels",
        "--resolutions",
        type=int,
        help="levels of the pyramid (until one chunk holds the slide)",
    )
    add(
        "--downsample",
        type=int,
        default=_DEFAULTS.downsample,
        metavar="FACTOR",
        help="2 or 4: reduction from level to level (%(default)s)",
    )
    add(
        "--use-existing-levels",
        "--use-existing-resolutions",
        action="store_true",
        help="keep the source's own levels instead",
    )
    add(
        "--ome-zarr-version",
        "--ngff-version",
        choices=get_args(OmeZarrVersion),
        default=_DEFAULTS.ome_zarr_version,
        help="0.5 is Zarr v3 with shards, 0.4 is Zarr v2 (%(default)s)",
    )


def _add_glass(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--glass",
        choices=get_args(GlassTreatment),
        default=_DEFAULTS.glass,
        help="what to do with glass: not store it, paint it, or nothing (%(default)s)",
    )
    add(
        "--tissue",
        default=_DEFAULTS.tissue,
        metavar="HOW",
        help="threshold, network, or a picture that is black on glass (%(default)s)",
    )
    add(
        "--margin",
        type=float,
        default=_DEFAULTS.margin_um,
        metavar="UM",
        help="what is this close to tissue is kept with it, in micrometres (%(default)g)",
    )
    add(
        "--bright-field",
        choices=get_args(BrightField),
        default=_DEFAULTS.bright_field,
        help="whether the slide was lit from behind (%(default)s: look at it)",
    )


def _add_metadata(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--series", default="0", metavar="N", help="which image of a file, or all (%(default)s)")
    add("--name", help="name of the image (that of the file)")
    add("--label", action="store_true", help="keep the picture of the label: it names the patient")
    add("--macro", action="store_true", help="keep the picture of the whole glass: so may this")
    add(
        "--confidential",
        action="store_true",
        help="keep people, dates and free text of the source's OME-XML",
    )


def _add_run(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "-w",
        "--workers",
        type=int,
        default=_DEFAULTS.workers,
        help="regions in work at a time; changes no byte (%(default)s)",
    )
    add("--scheduler", metavar="ADDRESS", help="a dask.distributed cluster does the work")
    add("--overwrite", action="store_true", help="replace a store that exists")
    add("--resume", action="store_true", help="skip finished stores, continue those begun")
    add("--dry-run", action="store_true", help="only say what would be written, and how large")
    add("--compare", action="store_true", help="only compare codecs on samples of the slide")
    add("--report", type=Path, metavar="FILE", help="also write the report, as .json or .html")
    add(
        "--json-lines",
        metavar="FILE",
        help="also write one JSON line a slide; - shows these and no tables",
    )
    add("-q", "--quiet", action="store_true", help="show failures only")
