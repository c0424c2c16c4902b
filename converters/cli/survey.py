"""Estimates of stores, and comparisons of codecs: nothing is converted."""

from collections.abc import Callable

from numcodecs_neural.errors import NeuralCodecError

from ..batch.jobs import Job
from ..batch.run import opened, why_failed
from ..options import ConvertOptions
from ..pipeline.plan import plan_conversion
from ..sources import SlideSource
from ..store.transaction import check_output, output_folder
from ..trials.compare import compare
from ..trials.dry_run import Estimate, estimate
from ..trials.space import check_space_for, scratch_nbytes
from .tables import comparison_summary, comparison_table
from .terminal import progress_bar, result_console

__all__ = ["show_comparisons", "show_estimates"]

Complain = Callable[[str], None]


def show_estimates(
    jobs: list[Job], options: ConvertOptions, complain: Complain, *, has_output: bool
) -> int:
    """Show the estimated size of each store; return the program's exit code.

    Parameters
    ----------
    has_output : bool
        Whether the stores' places were named, and can be looked at.
    """
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left")
    table.add_column("slide", overflow="fold")
    table.caption = "scratch: MB of reduced pixels that wait for the next level, at the most"
    headings = ("size", "levels", "exact", "raw MB", "about MB", "scratch", "elided", "minutes")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)

    def add(job: Job, source: SlideSource) -> None:
        if has_output:
            check_output(
                output_folder(job.output),
                overwrite=options.overwrite or options.resume,
                is_begun=options.resume,
            )
        plan = plan_conversion(source, options)
        found = estimate(plan)
        table.add_row(source.info.name, *_shown(found, scratch_nbytes(plan), options.max_error))
        if has_output:
            check_space_for(plan, job.output, found.nbytes)

    code = _each(jobs, add, complain)
    if table.row_count:
        result_console().print(table)
    return code


def show_comparisons(jobs: list[Job], options: ConvertOptions, complain: Complain) -> int:
    """Show the comparison of codecs on each slide; return the program's exit code."""
    console = result_console()

    def show(job: Job, source: SlideSource) -> None:
        with progress_bar(source.info.name) as progress:
            found = compare(plan_conversion(source, options), progress=progress)
        if len(jobs) > 1:
            console.print(found.source, markup=False)
        console.print(comparison_table(found))
        console.print(comparison_summary(found), markup=False, soft_wrap=True)

    return _each(jobs, show, complain)


def _each(jobs: list[Job], look: Callable[[Job, SlideSource], None], complain: Complain) -> int:
    failed = 0
    for job in jobs:
        try:
            with opened(job) as source:
                look(job, source)
        except (NeuralCodecError, OSError) as exc:
            complain(why_failed(job, exc))
            failed += 1
    return 1 if failed else 0


def _exact(values: Estimate, max_error: int | None) -> str:
    """Return which levels are to be exact, how many other chunks, and what keeps a bound."""
    found = [_listed(values.exact)] if values.exact else []
    if values.exact_chunks:
        found.append(f"{values.exact_chunks} chunks")
    if values.bounded:
        how = f"within {max_error}" if max_error else "lossless"
        found.append(f"{_listed(values.bounded)} {how}")
    return ", ".join(found) or "none"


def _listed(levels: tuple[int, ...]) -> str:
    """Return levels that follow each other."""
    return str(levels[0]) if len(levels) == 1 else f"{levels[0]} to {levels[-1]}"


def _shown(values: Estimate, scratch: int, max_error: int | None) -> tuple[str, ...]:
    height, width = values.shape
    return (
        f"{width}x{height}",
        str(values.levels),
        _exact(values, max_error),
        f"{values.raw_nbytes / 1e6:.0f}",
        f"{values.nbytes / 1e6:.2f}",
        f"{scratch / 1e6:.1f}",
        f"{100 * values.elided_area:.0f} %",
        f"{values.seconds / 60:.1f}",
    )
