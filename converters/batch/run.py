"""Runs the jobs of a batch; a slide that fails does not stop the rest."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from numcodecs_neural.errors import ConfigError, NeuralCodecError

from ..options import ConvertOptions
from ..pipeline.convert import Progress, convert_planned, is_converted
from ..pipeline.mending import find_lost, mend
from ..pipeline.plan import ConversionPlan, plan_conversion
from ..pipeline.summary import SlideReport
from ..sources import SlideSource, open_source
from ..store.ozx import is_archive
from ..store.transaction import output_folder, remove_unfinished
from .jobs import Job

__all__ = ["Outcome", "as_sentence", "convert_job", "opened", "series_of", "why_failed"]

ProgressBar = Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Result of one job.

    Parameters
    ----------
    job : Job
        The slide and its store.
    status : {"converted", "skipped", "mended", "failed"}
        Skipped are slides whose store is there, made with the same settings; mended those whose
        store had lost regions.
    report : SlideReport, optional
        Of a slide that was converted.
    error : str, optional
        Why a slide failed, in a sentence.
    details : str, optional
        Where in the program it failed, if nobody foresaw it.
    mended : int
        Files that a store had lost, and that were made again.
    """

    job: Job
    status: Literal["converted", "skipped", "mended", "failed"]
    report: SlideReport | None = None
    error: str | None = None
    details: str | None = None
    mended: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-safe values."""
        values: dict[str, Any] = {
            "input": str(self.job.path or "demo"),
            "series": self.job.series,
            "output": self.job.output,
            "status": self.status,
        }
        if self.error is not None:
            values["error"] = self.error
        if self.details is not None:
            values["details"] = self.details
        if self.mended:
            values["mended"] = self.mended
        return values | (self.report.to_json() if self.report is not None else {})


def convert_job(
    job: Job,
    options: ConvertOptions,
    progress_bar: ProgressBar,
    check: Callable[[ConversionPlan, str], None] = lambda plan, output: None,
) -> Outcome:
    """Convert one slide; whatever is wrong with it becomes a sentence.

    Parameters
    ----------
    progress_bar : callable
        Given the slide's name, returns a context in which progress is shown.
    check : callable
        Called with the plan and the output before anything is written; what it raises fails the
        slide.
    """
    try:
        with opened(job) as source:
            plan = plan_conversion(source, options)
            if options.resume and is_converted(plan, job.output):
                return _go_on(job, plan, progress_bar)
            check(plan, job.output)
            with progress_bar(source.info.name) as progress:
                report = convert_planned(plan, job.output, progress)
    except (NeuralCodecError, OSError) as exc:
        return Outcome(job=job, status="failed", error=why_failed(job, exc))
    except Exception as exc:
        # Of a library, on one slide in a thousand: that must not end a night's batch.
        return Outcome(
            job=job, status="failed", error=_as_unexpected(job, exc), details=_trace(exc)
        )
    return Outcome(job=job, status="converted", report=report)


def _go_on(job: Job, plan: ConversionPlan, progress_bar: ProgressBar) -> Outcome:
    """Skip a slide whose store is complete, or make again what that has lost."""
    remove_unfinished(job.output, plan.options.scratch)
    lost = find_lost(plan, job.output)
    if not lost:
        return Outcome(job=job, status="skipped")
    if output_folder(job.output).path and is_archive(Path(job.output)):
        raise OSError(
            f"{job.output} has lost {lost.files[0]}, and a single file cannot be mended: convert "
            "the slide anew, with --overwrite"
        )
    with progress_bar(plan.info.name) as progress:
        mend(plan, job.output, lost, progress)
    return Outcome(job=job, status="mended", mended=len(lost.files))


def series_of(job: Job) -> list[Job]:
    """Return one job for each image of a slide's file; the job itself if it cannot be opened."""
    try:
        with opened(job) as source:
            count = source.info.series_count
    except (NeuralCodecError, OSError):
        return [job]  # which will say why when it is converted
    return [job.of_series(series) for series in range(count)]


@contextmanager
def opened(job: Job) -> Iterator[SlideSource]:
    """Open a job's slide, and close it."""
    source: SlideSource
    if job.path is None:
        from ..sources.demo import DemoSource

        source = DemoSource()
    else:
        source = open_source(job.path, series=job.series)
    try:
        yield source
    finally:
        source.close()


def as_sentence(error: Exception) -> str:
    """Return an error's text in one line, without a number that means nothing to a reader."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(text.split()) or type(error).__name__


def why_failed(job: Job, error: Exception) -> str:
    """Return why a slide failed, in one line; options that do not fit a slide do not name it."""
    about = f"{job.path}: " if isinstance(error, ConfigError) and job.path is not None else ""
    return about + as_sentence(error)


def _as_unexpected(job: Job, error: Exception) -> str:
    kind = type(error).__name__
    return (
        f"{job.path or 'demo'} -> {job.output}: unexpected {kind}: {as_sentence(error)} (details "
        "are in the report; please tell the developers)"
    )


def _trace(error: Exception) -> str:
    return "".join(traceback.format_exception(error))
