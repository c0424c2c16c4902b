"""convert-to-omezarr: argv to options to conversions, and what they did to the screen.

Exit codes: 0 all went well, 1 an input failed, 2 wrong usage, found before any work.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args

from numcodecs_neural.errors import ConfigError, NeuralCodecError, WeightsError

from .options import ConvertOptions, GlassTreatment, OmeZarrVersion, store_paths

if TYPE_CHECKING:
    from .convert import Progress
    from .report import SlideReport
    from .sources import SlideSource

__all__ = ["main"]

PROGRAM = "convert-to-omezarr"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; by default those of the process.

    Returns
    -------
    int
        The exit code: 0, or 1 if an input failed.

    Raises
    ------
    SystemExit
        With code 2 if the arguments are wrong.
    """
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        options = _options(args)
        jobs = _jobs(args)
        _check_codec(options)
        _check_report(args.report)
    except (ConfigError, WeightsError) as exc:
        parser.error(_sentence(exc))
    try:
        reports = [_convert(path, output, options) for path, output in jobs]
    except KeyboardInterrupt:
        _complain("interrupted: what was not complete was removed")
        return 130
    return _finish(reports, args.report)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line: the usage of all options would bury it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: {message} (see {PROGRAM} --help)\n")


def _parser() -> argparse.ArgumentParser:
    defaults = ConvertOptions()
    parser = _Parser(
        prog=PROGRAM,
        description="Convert whole-slide images to OME-Zarr, compressed by a learned codec.",
    )
    add = parser.add_argument
    add("inputs", nargs="*", type=Path, metavar="INPUT", help="slide: SVS, pyramidal or OME-TIFF")
    add("-o", "--output", type=Path, help="the store; for several inputs a folder of stores")
    add("--demo", type=Path, metavar="OUTPUT", help="convert a small built-in slide instead")
    add("--model", default=defaults.model, help="name of the weights (%(default)s)")
    add("--quality", type=int, default=defaults.quality, help="0 to 100 (%(default)s)")
    add(
        "--glass",
        choices=get_args(GlassTreatment),
        default=defaults.glass,
        help="what to do with glass: not store it, paint it, or nothing (%(default)s)",
    )
    add(
        "--chunk",
        "--tile-size",
        type=int,
        default=defaults.chunk_px,
        metavar="PX",
        help="side of a chunk (%(default)s)",
    )
    add("--shard", type=int, metavar="PX", help=f"side of a shard ({defaults.region_px})")
    add("--levels", type=int, help="levels of the pyramid (until one chunk holds the slide)")
    add(
        "--ome-zarr-version",
        "--ngff-version",
        choices=get_args(OmeZarrVersion),
        default=defaults.ome_zarr_version,
        help="0.5 is Zarr v3 with shards, 0.4 is Zarr v2 (%(default)s)",
    )
    add("--workers", type=int, default=defaults.workers, help="parallel tasks (%(default)s)")
    add("--overwrite", action="store_true", help="replace a store that exists")
    add("--report", type=Path, metavar="FILE.json", help="also write the report as JSON")
    add("--version", action="version", version=f"%(prog)s {version('numcodecs-neural')}")
    return parser


def _options(args: argparse.Namespace) -> ConvertOptions:
    return ConvertOptions(
        model=args.model,
        quality=args.quality,
        chunk_px=args.chunk,
        shard_px=args.shard,
        levels=args.levels,
        ome_zarr_version=args.ome_zarr_version,
        glass=args.glass,
        workers=args.workers,
        overwrite=args.overwrite,
    )


def _jobs(args: argparse.Namespace) -> list[tuple[Path | None, Path]]:
    """Return inputs and their stores; None stands for the built-in slide."""
    if args.demo is not None:
        if args.inputs or args.output:
            raise ConfigError("--demo takes neither inputs nor --output: it names the store itself")
        return [(None, args.demo)]
    if args.inputs and args.output is None:
        raise ConfigError("no output: name it with -o")
    return list(zip(args.inputs, store_paths(args.inputs, args.output), strict=True))


def _check_codec(options: ConvertOptions) -> None:
    from .codecs import codec_for

    codec_for(options)


def _check_report(path: Path | None) -> None:
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise ConfigError(f"report is {path}: it must be a file in a folder that exists")


def _convert(path: Path | None, output: Path, options: ConvertOptions) -> dict[str, Any]:
    """Convert one slide; return its report, or what went wrong, as JSON-safe values."""
    from .convert import convert

    try:
        with _opened(path) as source, _progress_bar(source.info.name) as progress:
            report = convert(source, output, options, progress=progress)
    except (NeuralCodecError, OSError) as exc:
        _complain(_sentence(exc))
        return {"source": str(path or "demo"), "output": str(output), "error": _sentence(exc)}
    _print_report(report)
    return report.to_json()


@contextmanager
def _opened(path: Path | None) -> "Iterator[SlideSource]":
    source: SlideSource
    if path is None:
        from .sources.demo import DemoSource

        source = DemoSource()
    else:
        from .sources import open_source

        source = open_source(path)
    try:
        yield source
    finally:
        source.close()


@contextmanager
def _progress_bar(name: str) -> "Iterator[Progress]":
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_report(report: "SlideReport") -> None:
    from rich.console import Console

    from .report import report_summary, report_table

    console = Console(highlight=False)
    console.print(report_table(report))
    console.print(report_summary(report), markup=False, soft_wrap=True)


def _finish(reports: list[dict[str, Any]], path: Path | None) -> int:
    failed = sum("error" in report for report in reports)
    if failed and len(reports) > 1:
        _complain(f"{failed} of {len(reports)} slides failed")
    if path is not None:
        try:
            path.write_text(json.dumps({"slides": reports}, indent=2) + "\n")
        except OSError as exc:
            _complain(f"the report was not written: {_sentence(exc)}")
            return 1
    return 1 if failed else 0


def _sentence(error: Exception) -> str:
    """Return an error's text in one line, without a number that means nothing to a reader."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(text.split())


def _complain(sentence: str) -> None:
    print(f"{PROGRAM}: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
