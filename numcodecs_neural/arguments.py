"""What the commands take from the command line: parsed at the door, before any work.

The parsers are for argparse's ``type``, which puts the option's name before what they say.
"""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

from numcodecs_neural.errors import ConfigError

__all__ = [
    "above_zero",
    "check_output_file",
    "check_parent",
    "from_zero",
    "local_path",
    "whole_number",
]


def whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    """Return a parser of whole numbers from `low` (0 or more) on, or from `low` to `high`.

    Examples
    --------
    >>> whole_number(1)("8")
    8
    >>> whole_number(0, 9)("10")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: '10' is no whole number from 0 to 9
    """
    allowed = f"from {low} on" if high is None else f"from {low} to {high}"

    def parse(text: str) -> int:
        try:
            number = int(text) if text.isdecimal() else -1
        except ValueError:  # more digits than Python reads
            number = -1
        if number < low or (high is not None and number > high):
            raise ArgumentTypeError(f"{text!r} is no whole number {allowed}")
        return number

    return parse


def above_zero(text: str) -> float:
    """Return a number above 0; infinity is none."""
    number = _number(text)
    if not 0 < number < math.inf:
        raise ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def from_zero(text: str) -> float:
    """Return a number from 0 on; infinity (``inf``) is one."""
    number = _number(text)
    if not number >= 0:
        raise ArgumentTypeError(f"{text!r} is no number from 0 on")
    return number


def local_path(text: str) -> Path:
    """Return the path of a file or a folder; of a URL, a path would lose a slash.

    Examples
    --------
    >>> local_path("s3://bucket/slide.ome.zarr")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: s3://bucket/slide.ome.zarr is a URL; copy it here and name the copy
    """
    if "://" in text:
        raise ArgumentTypeError(f"{text} is a URL; copy it here and name the copy")
    return Path(text)


def check_output_file(path: Path, made: Path | None = None) -> None:
    """Refuse a file that cannot be written once there is something to write.

    Parameters
    ----------
    path : Path
    made : Path, optional
        A folder that the command makes before it writes.

    Raises
    ------
    ConfigError
        If `path` is a folder, or the folder that it is to lie in is none.
    """
    if path.is_dir():
        raise ConfigError(f"{path} cannot be written: it is a folder")
    if made is None or path.absolute().parent not in (made.absolute(), *made.absolute().parents):
        check_parent(path)


def check_parent(path: Path) -> None:
    """Raise ConfigError if the folder that `path` is to lie in is none."""
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path} cannot be written: {path.parent} is not a folder")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
