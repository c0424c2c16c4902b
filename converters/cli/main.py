"""The program convert-to-omezarr: arguments to conversions, and their results to the screen.

Exit codes: 0 all went well, 1 an input failed, 2 wrong usage, found before any work, 130
interrupted.
"""

import io
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from numcodecs_neural.errors import ConfigError, WeightsError
from numcodecs_neural.files.folder import is_url

from ..batch.jobs import Job, check_apart, kept_folders_notice, named_inputs, plan_jobs
from ..options import ConvertOptions
from .arguments import PROGRAM, Inputs, Work, given_names, make_parser, values_of

if TYPE_CHECKING:
    from ..batch.run import Outcome
    from ..pipeline.convert import Progress

__all__ = ["main"]

REPORT_SUFFIXES = (".json", ".html")


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
    _show_any_name()
    parser = make_parser()
    args = parser.parse_args(argv)
    try:
        _check_given(given_names(parser, argv, args))
        options = values_of(ConvertOptions, args)
        inputs, work = values_of(Inputs, args), values_of(Work, args)
        jobs = _jobs(inputs, needs_output=not (work.dry_run or work.compare))
        _check_codec(options)
        _check_tissue(options.tissue)
        _check_scratch(options.scratch)
        _check_file("report", work.report, REPORT_SUFFIXES)
        _check_file("json-lines", None if work.json_lines in (None, "-") else Path(work.json_lines))
        _check_device(work.device, elsewhere=options.scheduler is not None)
    except (ConfigError, WeightsError) as exc:
        parser.error(" ".join(str(exc).split()))
    notice = None if inputs.keep_folders or inputs.output is None else kept_folders_notice(jobs)
    if notice is not None and not work.quiet:
        _complain(notice)
    try:
        return _run(inputs, work, jobs, options)
    except KeyboardInterrupt:
        _complain("interrupted: go on with --resume, or what was begun is replaced next time")
        return 130
    except OSError as exc:
        # Errors of slides and stores were shown already: this one is of the screen.
        _complain(f"what was done cannot be shown: {exc}")
        return 1


def _run(inputs: Inputs, work: Work, jobs: list[Job], options: ConvertOptions) -> int:
    from ..batch.run import series_of

    if inputs.image is None:
        jobs = [job for first in jobs for job in series_of(first)]
    if work.dry_run:
        from .survey import show_estimates

        has_output = inputs.output is not None or inputs.demo is not None
        return show_estimates(jobs, options, _complain, has_output=has_output)
    if work.compare:
        from .survey import show_comparisons

        return show_comparisons(jobs, options, _complain)
    return _convert(work, jobs, options)


def _convert(work: Work, jobs: list[Job], options: ConvertOptions) -> int:
    from ..batch.run import convert_job
    from ..trials.space import check_space
    from .terminal import progress_bar, show_batch, show_legend, show_outcome

    outcomes = []
    is_quiet = work.quiet or work.json_lines == "-"
    is_logged = True
    for job in jobs:
        bar = _no_bar if work.quiet else progress_bar
        outcome = convert_job(job, options, bar, check_space)
        outcomes.append(outcome)
        if outcome.error is not None:
            _complain(outcome.error)
        elif not is_quiet:
            show_outcome(outcome)
        is_logged &= _write_line(work.json_lines, outcome)
    if not is_quiet and any(outcome.report is not None for outcome in outcomes):
        show_legend()
    if len(jobs) > 1 and not is_quiet:
        show_batch(outcomes)
    return _finish(outcomes, options, work.report) or int(not is_logged)


def _no_bar(name: str) -> "AbstractContextManager[Progress]":
    return nullcontext(lambda done, total: None)


def _jobs(asked: Inputs, *, needs_output: bool) -> list[Job]:
    if asked.demo is not None:
        if asked.inputs or asked.output or asked.input_list:
            raise ConfigError("--demo takes neither inputs nor --output: it names the store itself")
        return [Job(path=None, output=asked.demo)]
    names = named_inputs(asked.inputs, asked.input_list)
    if asked.output is None:
        if names and needs_output:
            raise ConfigError("no output: name it with -o")
        return plan_jobs(names, ".", series=asked.image or 0)
    jobs = plan_jobs(
        names,
        asked.output,
        zipped=asked.zip,
        series=asked.image or 0,
        keep_folders=asked.keep_folders,
    )
    check_apart(jobs)
    return jobs


def _check_given(names: set[str]) -> None:
    """Refuse arguments of which one decides the other."""
    for aim in ("target_psnr", "chunk_psnr"):
        if {"quality", aim} <= names:
            raise ConfigError(
                f"--quality names a quality, and --{aim.replace('_', '-')} has it found: leave one "
                "of them out"
            )
    if {"quality", "max_error"} <= names:
        raise ConfigError(
            "--quality names a quality, and --max-error a bound, which says how each sample is "
            "coded: leave one of them out"
        )


def _check_codec(options: ConvertOptions) -> None:
    """Refuse an unknown model before any slide is opened."""
    from ..codecs import check_codec

    check_codec(options)


def _check_tissue(tissue: str) -> None:
    if tissue not in ("threshold", "network") and not Path(tissue).is_file():
        raise ConfigError(
            f"tissue is {tissue!r}; it must be threshold, network, or the path of a picture"
        )


def _check_scratch(scratch: str | None) -> None:
    if scratch is not None and not is_url(scratch) and not Path(scratch).is_dir():
        raise ConfigError(f"scratch is {scratch}: it must be a folder that exists")


def _check_file(name: str, path: Path | None, suffixes: tuple[str, ...] = ()) -> None:
    if path is None:
        return
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ConfigError(f"{name} is {path}: it must be a file in a folder that exists")
    if suffixes and path.suffix.lower() not in suffixes:
        raise ConfigError(f"{name} is {path}: it must end in {' or '.join(suffixes)}")


def _check_device(device: str | None, *, elsewhere: bool) -> None:
    """Set the device, and refuse one that is not there: no slide could be coded on it.

    Parameters
    ----------
    elsewhere : bool
        Whether other machines code the chunks.
    """
    from numcodecs_neural import config

    if device is not None:
        config.set(device=device)
    if config.get().device != "auto" and not elsewhere:
        import numpy as np

        from numcodecs_neural import NeuralImage

        NeuralImage().encode(np.zeros((3, 1, 1), np.uint8))


def _write_line(path: str | None, outcome: "Outcome") -> bool:
    """Append the JSON line of a slide at once, since the next slide may be killed.

    Returns whether it was written; a failure stops nothing.
    """
    if path is None:
        return True
    line = json.dumps(outcome.to_json()) + "\n"
    if path == "-":
        sys.stdout.write(line)
        sys.stdout.flush()
        return True
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError as exc:
        _complain(f"the line of {outcome.job.path or 'demo'} was not written to {path}: {exc}")
        return False
    return True


def _finish(outcomes: "list[Outcome]", options: ConvertOptions, path: Path | None) -> int:
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    if failed and len(outcomes) > 1:
        _complain(f"{failed} of {len(outcomes)} slides failed")
    missing: list[str] = []
    if path is not None:
        try:
            missing = _write_report(outcomes, options, path)
        except OSError as exc:
            _complain(f"the report was not written: {exc}")
            return 1
    for sentence in missing:
        _complain(f"the report is not complete: {sentence}")
    return 1 if failed or missing else 0


def _write_report(outcomes: "list[Outcome]", options: ConvertOptions, path: Path) -> list[str]:
    """Write a report; return one sentence for each part of it that is missing."""
    if path.suffix.lower() == ".html":
        from ..report.page import write_page

        return write_page(outcomes, options, path)
    slides = [outcome.to_json() for outcome in outcomes]
    path.write_text(json.dumps({"slides": slides}, indent=2) + "\n")
    return []


def _show_any_name() -> None:
    """Escape letters that the encoding of the screen, or of a file in its place, lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _complain(sentence: str) -> None:
    print(f"{PROGRAM}: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
