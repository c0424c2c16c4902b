"""Jobs: the slides to convert, and the location of each store."""

import glob
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.files.folder import is_url
from numcodecs_neural.files.series import image_name

from .folders import common_folder, folders_below, is_pattern, same_names

__all__ = [
    "Job",
    "check_apart",
    "expand_inputs",
    "kept_folders_notice",
    "named_inputs",
    "plan_jobs",
]

ZARR, ARCHIVE = ".ome.zarr", ".ozx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One slide and its store.

    Parameters
    ----------
    path : Path, optional
        The slide; None for the one that is built in.
    output : str
        The store: a path or a URL.
    series : int
        Which image of the file.
    """

    path: Path | None
    output: str
    series: int = 0

    def of_series(self, series: int) -> "Job":
        """Return the job of another image of the same file, in a store beside."""
        if series == self.series:
            return self
        for suffix in (ZARR, ARCHIVE, ".zarr.zip", ".zarr"):
            if self.output.endswith(suffix):
                stem = self.output.removesuffix(suffix)
                return Job(path=self.path, output=f"{stem}-{series}{suffix}", series=series)
        return Job(path=self.path, output=f"{self.output}-{series}", series=series)


def named_inputs(inputs: Sequence[str], input_list: Path | None = None) -> list[str]:
    """Return the paths and patterns that arguments and a list of slides name, in their order.

    Parameters
    ----------
    inputs : sequence of str
        Paths, and patterns such as ``archive/**/*.svs`` that no shell has replaced.
    input_list : Path, optional
        A text file of one path or pattern a line; ``-`` reads the standard input. Empty lines and
        lines that begin with ``#`` are left out.

    Raises
    ------
    ConfigError
        If the list cannot be read.
    """
    return [*inputs, *(_read_list(input_list) if input_list is not None else ())]


def expand_inputs(names: Sequence[str]) -> list[Path]:
    """Return the slides that paths and patterns name, each once, in their order.

    Raises
    ------
    ConfigError
        If a pattern matches nothing.
    """
    paths = [path for name in names for path in _matching(name)]
    return list(dict.fromkeys(paths))


def plan_jobs(
    names: Sequence[str],
    output: str,
    *,
    zipped: bool = False,
    series: int = 0,
    keep_folders: bool = False,
) -> list[Job]:
    """Return a job for each slide: to `output` for one, ``output/<stem>.ome.zarr`` for more.

    Where stores of two slides would have one name, all keep the folders of their slides below the
    folder that is common to all names: ``output/<folders>/<stem>.ome.zarr``.

    Parameters
    ----------
    names : sequence of str
        Paths and patterns.
    zipped : bool
        Write single files ``.ozx`` instead of folders.
    series : int
        Which image of each file.
    keep_folders : bool
        Keep the folders in any case, of a single slide as well.

    Raises
    ------
    ConfigError
        If there are no slides, or if two of them would be written to one store.

    Examples
    --------
    >>> [job.output for job in plan_jobs(["a.svs", "b.ome.tif"], "out")]
    ['out/a.ome.zarr', 'out/b.ome.zarr']
    >>> [job.output for job in plan_jobs(["case1/slide.svs", "case2/slide.svs"], "out")]
    ['out/case1/slide.ome.zarr', 'out/case2/slide.ome.zarr']
    """
    inputs = expand_inputs(names)
    if not inputs:
        raise ConfigError("no input: name at least one slide")
    if len(inputs) == 1 and not keep_folders:
        if zipped and not output.endswith((ARCHIVE, ".zip")):
            raise ConfigError(f"the output {output} is to be one file: name it with {ARCHIVE}")
        return [Job(path=inputs[0], output=output, series=series)]
    suffix = ARCHIVE if zipped else ZARR
    folders: dict[Path, tuple[str, ...]] = {}
    if keep_folders or same_names(inputs):
        common = common_folder(names, inputs)
        folders = {path: folders_below(path, common) for path in inputs}
    jobs = [
        Job(
            path=path,
            output=_inside(output, *folders.get(path, ()), f"{image_name(path)}{suffix}"),
            series=series,
        )
        for path in inputs
    ]
    _refuse_same(jobs)
    return jobs


def kept_folders_notice(jobs: list[Job]) -> str | None:
    """Return a notice that stores keep the folders of slides of one name; None if all differ."""
    by_path = {job.path: job.output for job in jobs if job.path is not None}
    same = same_names(list(by_path))
    if same is None:
        return None
    first, second = (PurePath(by_path[path]) for path in same)
    # Names that differ in capitals only may stand in one folder.
    if first.parent == second.parent:
        return None
    return (
        f"{same[0]} and {same[1]} have the same name, so stores keep the folders of their slides: "
        f"{by_path[same[0]]}, {by_path[same[1]]}; with --keep-folders they always do"
    )


def check_apart(jobs: list[Job]) -> None:
    """Refuse jobs that would replace what they read, or change it while they read it.

    Raises
    ------
    ConfigError
        If the output of one is its input, or a store inside it, or a store around it.
    """
    for job in jobs:
        if job.path is None or is_url(job.output):
            continue
        # Of links that lead nowhere, too.
        source, output = (Path(os.path.realpath(path)) for path in (job.path, job.output))
        if output == source:
            raise ConfigError(f"the output {job.output} is the input itself: choose another")
        for outer, inner in ((source, output), (output, source)):
            if outer in inner.parents and _is_zarr(outer):
                raise ConfigError(
                    f"of the input {job.path} and the output {job.output}, one is inside the "
                    "other, which is a Zarr store: choose an output elsewhere"
                )


def _inside(folder: str, *names: str) -> str:
    if is_url(folder):
        return "/".join((folder.rstrip("/"), *names))
    return str(Path(folder, *names))


def _refuse_same(jobs: list[Job]) -> None:
    """Refuse two stores in one place, and a store inside another."""
    first: dict[PurePath, Job] = {}
    for job in jobs:
        other = first.setdefault(PurePath(job.output), job)
        if other is not job:
            raise ConfigError(
                f"{other.path} and {job.path} would both be written to {job.output}: "
                "convert one of them by itself, to an output of its own"
            )
    for place, job in first.items():
        around = next((first[outer] for outer in place.parents if outer in first), None)
        if around is not None:
            raise ConfigError(
                f"the store of {job.path}, {job.output}, would be inside that of {around.path}, "
                f"{around.output}: convert one of them by itself, to an output of its own"
            )


def _is_zarr(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("zarr.json", ".zgroup", ".zattrs"))


def _matching(name: str) -> Iterable[Path]:
    if not is_pattern(name):
        return [Path(name)]
    found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 (Path takes no absolute ones)
    if not found:
        raise ConfigError(f"no slide matches {name}")
    return map(Path, found)


def _read_list(path: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the list of slides {path} cannot be read: {exc}") from exc
    if "\0" in text:
        raise ConfigError(f"the list of slides {path} is no text: write one path a line, in UTF-8")
    # Some editors mark UTF-8 by a character that cannot be seen.
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    return [line for line in lines if line and not line.startswith("#")]
