"""Jobs: the slides to convert, and the location of each store."""

import glob
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from numcodecs_neural.errors import ConfigError

from ..sources.folder import is_url
from ..sources.series import image_name

__all__ = ["Job", "check_apart", "expand_inputs", "plan_jobs"]

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


def expand_inputs(inputs: Sequence[str], input_list: Path | None = None) -> list[Path]:
    """Return the slides that arguments and a list of slides name, each once, in their order.

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
        If a pattern matches nothing, or the list cannot be read.
    """
    named = list(inputs)
    if input_list is not None:
        named += _read_list(input_list)
    paths = [path for name in named for path in _matching(name)]
    return list(dict.fromkeys(paths))


def plan_jobs(
    inputs: list[Path], output: str, *, zipped: bool = False, series: int = 0
) -> list[Job]:
    """Return a job for each input: to `output` for one, ``output/<stem>.ome.zarr`` for more.

    Parameters
    ----------
    zipped : bool
        Write single files ``.ozx`` instead of folders.
    series : int
        Which image of each file.

    Raises
    ------
    ConfigError
        If there are no inputs, or if two of them would be written to one store.

    Examples
    --------
    >>> [job.output for job in plan_jobs([Path("a.svs"), Path("b.ome.tif")], "out")]
    ['out/a.ome.zarr', 'out/b.ome.zarr']
    """
    if not inputs:
        raise ConfigError("no input: name at least one slide")
    if len(inputs) == 1:
        if zipped and not output.endswith((ARCHIVE, ".zip")):
            raise ConfigError(f"the output {output} is to be one file: name it with {ARCHIVE}")
        return [Job(path=inputs[0], output=output, series=series)]
    suffix = ARCHIVE if zipped else ZARR
    jobs = [
        Job(path=path, output=_inside(output, f"{image_name(path)}{suffix}"), series=series)
        for path in inputs
    ]
    _refuse_same(jobs)
    return jobs


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


def _inside(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if is_url(folder) else str(Path(folder) / name)


def _refuse_same(jobs: list[Job]) -> None:
    first: dict[str, Job] = {}
    for job in jobs:
        other = first.setdefault(job.output, job)
        if other is not job:
            raise ConfigError(
                f"{other.path} and {job.path} would both be written to {job.output}: "
                "convert them apart"
            )


def _is_zarr(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("zarr.json", ".zgroup", ".zattrs"))


def _matching(name: str) -> Iterable[Path]:
    if not glob.has_magic(name) or os.path.exists(name):  # noqa: PTH110 (it raises nothing)
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
