"""The program's arguments: parser and values, both made from the fields of dataclasses."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from math import nan
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NoReturn,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from numcodecs_neural.errors import ConfigError

from ..options import ConvertOptions, Option

__all__ = ["PROGRAM", "Inputs", "Work", "given_names", "make_parser", "values_of"]

PROGRAM = "convert-to-omezarr"
_NOT_GIVEN = object()
# In the order of the help; those without a group come first.
GROUPS = ("codec", "pyramid", "glass (bright-field slides)", "metadata", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The slides, and where their stores go: what the help says of each option is its meaning."""

    inputs: Annotated[
        list[str], Option("slide, or pattern such as 'archive/**/*.svs'", metavar="INPUT")
    ] = field(default_factory=list)
    output: Annotated[
        str | None,
        Option(
            "the store: a folder, a file .ozx or .zarr.zip, or a URL such as s3://bucket/key; "
            "for several inputs the folder or URL of all stores",
            ("-o", "--output"),
        ),
    ] = None
    input_list: Annotated[
        Path | None, Option("also convert the slides of this text file", metavar="FILE")
    ] = None
    demo: Annotated[
        str | None, Option("convert a small built-in slide instead", metavar="OUTPUT")
    ] = None
    keep_folders: Annotated[
        bool,
        Option(
            "of several inputs, keep the folders of the slides that are below a folder common to "
            "all, or below a pattern's first wildcard (only where slides have one name)"
        ),
    ] = False
    zip: Annotated[bool, Option("of several inputs, write single files .ozx")] = False
    series: Annotated[
        str, Option("which image of a file, or all (%(default)s)", metavar="N", group="metadata")
    ] = "0"

    @property
    def image(self) -> int | None:
        """Which image of each file is wanted; None for all.

        Raises
        ------
        ConfigError
            If it is no number, and not "all".
        """
        if self.series == "all":
            return None
        if not self.series.isdecimal():
            raise ConfigError(f"series is {self.series!r}; it must be a whole number or all")
        return int(self.series)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is done with the slides, and what is shown of it."""

    device: Annotated[
        str | None, Option("numpy, cpu or cuda (auto); the same bytes on each", group="codec")
    ] = None
    dry_run: Annotated[
        bool, Option("only say what would be written, and how large", group="run")
    ] = False
    compare: Annotated[bool, Option("only compare codecs on samples of the slide")] = False
    report: Annotated[
        Path | None, Option("also write the report, as .json or .html", metavar="FILE")
    ] = None
    json_lines: Annotated[
        str | None,
        Option("also write one JSON line a slide; - shows these and no tables", metavar="FILE"),
    ] = None
    quiet: Annotated[bool, Option("show failures only", ("-q", "--quiet"))] = False


Values = TypeVar("Values", Inputs, ConvertOptions, Work)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line: the usage of all options would bury it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: {message} (see {PROGRAM} --help)\n")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the program's arguments."""
    parser = _Parser(
        prog=PROGRAM,
        description="Convert slides and microscopy to OME-Zarr, compressed by a learned codec.",
        epilog="Exit codes: 0 all went well, 1 an input failed, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {version('numcodecs-neural')}"
    )
    arguments = [*_arguments(Inputs), *_arguments(ConvertOptions), *_arguments(Work)]
    for title in (None, *GROUPS):
        group = parser if title is None else parser.add_argument_group(title)
        for its_group, names, keywords in arguments:
            if its_group == title:
                group.add_argument(*names, **keywords)
    return parser


def given_names(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None, args: argparse.Namespace
) -> set[str]:
    """Return the names of the arguments that the user gave, if with their default values.

    Parameters
    ----------
    argv : sequence of str, optional
        What `args` were parsed from.
    """
    # The parser leaves alone what a namespace has already.
    blank = argparse.Namespace(**dict.fromkeys(vars(args), _NOT_GIVEN))
    found = vars(parser.parse_args(argv, blank))
    return {name for name, value in found.items() if value is not _NOT_GIVEN}


def values_of(kind: type[Values], args: argparse.Namespace) -> Values:
    """Return the parsed values of a dataclass whose fields are options.

    Raises
    ------
    ConfigError
        If one is not allowed.
    """
    return kind(**{field.name: getattr(args, field.name) for field in fields(kind)})


def _arguments(
    kind: type[Values],
) -> Iterator[tuple[str | None, tuple[str, ...], dict[str, Any]]]:
    """Yield group, names and keywords of each field's argument, as argparse takes them."""
    group, defaults, hints = None, kind(), get_type_hints(kind, include_extras=True)
    for name, hint in hints.items():
        value_type, option = get_args(hint)
        group = option.group or group
        keywords = {"help": option.says, **_reading(value_type)}
        if option.metavar is not None:
            keywords["metavar"] = option.metavar
        if get_origin(value_type) is list:
            yield group, (name,), keywords
            continue
        keywords |= {"dest": name, "default": getattr(defaults, name)}
        yield group, option.flags or (f"--{name.replace('_', '-')}",), keywords


def _reading(value_type: Any) -> dict[str, Any]:
    """Return the keywords by which argparse reads values of a type."""
    kinds = {*get_args(value_type)} - {NoneType} if _is_union(value_type) else {value_type}
    (kind,) = kinds
    if kind is bool:
        return {"action": "store_true"}
    if get_origin(kind) is list:
        return {"nargs": "*"}
    if get_origin(kind) is Literal:
        return {"choices": get_args(kind)}
    return {"type": _whole_number if kind is int else kind}


def _whole_number(text: str) -> int:
    """Return a whole number; one that is written as a float, such as 60.0, is whole, too."""
    try:
        number = float(text)
    except ValueError:
        number = nan
    if not number.is_integer():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(number)


def _is_union(value_type: Any) -> bool:
    return get_origin(value_type) in (Union, UnionType)
