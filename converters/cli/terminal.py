"""Progress bar and result tables of the program."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..batch.run import Outcome
from ..pipeline.convert import Progress
from .tables import LEGEND, report_summary, report_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["progress_bar", "result_console", "show_batch", "show_legend", "show_outcome"]

# Columns of what is no terminal; a table takes no more of them than it needs.
_ANY_WIDTH = 1 << 14


def result_console() -> "Console":
    """Return what results are printed on; in a file or a pipe no table is cut to a width."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _ANY_WIDTH
    return console


@contextmanager
def progress_bar(name: str) -> "Iterator[Progress]":
    """Show a bar on a terminal; nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show_outcome(outcome: Outcome) -> None:
    """Show the result of one slide that did not fail."""
    console = result_console()
    if outcome.report is None:
        console.print(_without_report(outcome), markup=False, soft_wrap=True)
        return
    console.print(report_table(outcome.report))
    console.print(report_summary(outcome.report), markup=False, soft_wrap=True, end="")


def show_legend() -> None:
    """Show the units of the tables of `show_outcome`: once, after all of them."""
    result_console().print(LEGEND, markup=False, soft_wrap=True)


def _without_report(outcome: Outcome) -> str:
    if outcome.status == "mended":
        return f"{outcome.job.output} had lost {outcome.mended} of its files: they were made again"
    return f"{outcome.job.output} is there, made with the same settings"


def show_batch(outcomes: list[Outcome]) -> None:
    """Show a table of one line for each slide of a batch."""
    result_console().print(_batch_table(outcomes))


def _batch_table(outcomes: list[Outcome]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("slide", overflow="fold")
    table.add_column("")
    for heading in ("MB", "ratio", "bpp", "PSNR", "elided", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    count = Counter(outcome.job.path.name for outcome in outcomes if outcome.job.path)
    for outcome in outcomes:
        path = outcome.job.path or Path("demo")
        name = str(path) if count[path.name] > 1 else path.name
        table.add_row(name, outcome.status, *_numbers(outcome))
    return table


def _numbers(outcome: Outcome) -> tuple[str, ...]:
    report = outcome.report
    if report is None:
        return ("-",) * 6
    first = report.levels[0]
    values = (report.nbytes / 1e6, report.ratio, first.bpp, first.psnr_db)
    shown = ("-" if value is None else f"{value:.2f}" for value in values)
    return (*shown, f"{100 * first.elided_area:.0f} %", f"{report.seconds:.1f}")
