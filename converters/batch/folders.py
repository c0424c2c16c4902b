"""Folders of slides, which their stores keep so that slides of one name stay apart."""

import glob
import os
import re
import unicodedata
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from numcodecs_neural.files.series import image_name

__all__ = ["common_folder", "folders_below", "is_pattern", "same_names"]

# Windows takes none of these in a name, and no name that ends in a dot or a space.
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in "123456789"),
}


def is_pattern(name: str) -> bool:
    """Return whether a name stands for all files that match it: brackets may be part of a path."""
    return glob.has_magic(name) and not os.path.exists(name)  # noqa: PTH110 (it raises nothing)


def same_names(paths: Sequence[Path]) -> tuple[Path, Path] | None:
    """Return two slides whose stores would have one name; None if all differ.

    Names that differ only in capitals, or in how accents are encoded, are one on some systems.
    """
    first: dict[str, Path] = {}
    for path in paths:
        name = unicodedata.normalize("NFC", image_name(path)).casefold()
        other = first.setdefault(name, path)
        if other is not path:
            return other, path
    return None


def common_folder(names: Sequence[str], paths: Sequence[Path]) -> Path | None:
    """Return the deepest folder that is common to all slides, whatever a pattern matches.

    Of a pattern, only the folders before its first wildcard count. So the same arguments mean the
    same folder when slides are added.

    Parameters
    ----------
    names : sequence of str
        Paths and patterns, as the user gave them.
    paths : sequence of Path
        The slides that they name.

    Returns
    -------
    Path or None
        An absolute path; None where the slides are on several drives of Windows.
    """
    fixed = [*map(_fixed_folder, names), *map(_folder_of, paths)]
    try:
        return Path(os.path.commonpath(fixed))
    except ValueError:
        return None


def folders_below(path: Path, common: Path | None) -> tuple[str, ...]:
    """Return the names of a slide's folders below a common one, as every system accepts them.

    Examples
    --------
    >>> folders_below(Path("/archive/2024/case: 1/slide.svs"), Path("/archive"))
    ('2024', 'case_ 1')
    """
    folder = _folder_of(path)
    parts = folder.parts if common is None else folder.relative_to(common).parts
    return tuple(map(_safe, parts))


def _fixed_folder(name: str) -> Path:
    if not is_pattern(name):
        return _folder_of(Path(name))
    parts = takewhile(lambda part: not glob.has_magic(part), Path(name).parts)
    return _absolute(Path(*parts))


def _folder_of(path: Path) -> Path:
    return _absolute(path).parent


def _absolute(path: Path) -> Path:
    """Return an absolute path without "..", which `Path.absolute` keeps; links are not followed."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def _safe(name: str) -> str:
    safe = _UNSAFE.sub("_", name).rstrip(". ")
    is_device = safe.partition(".")[0].rstrip().lower() in _DEVICES
    return f"_{safe}" if is_device or not safe else safe
