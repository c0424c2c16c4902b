"""The report as one page to be read in a browser: everything is in the one file."""

import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..batch.run import Outcome
from ..options import ConvertOptions
from .facts import SlideFacts, gather_facts
from .html import Html, element, joined
from .slide import slide_section
from .tables import summary_table

__all__ = ["write_page"]

_CROPS, _MOST_CROPS = 4, 60


def write_page(outcomes: list[Outcome], options: ConvertOptions, path: Path) -> list[str]:
    """Write the page of a batch, after all of it was converted.

    It is made of the finished stores and of the slides, which are opened again, one by one: of
    each, a small picture, the sizes of its chunks and a few samples are read. Whatever cannot be
    had is said in the page instead.

    Parameters
    ----------
    outcomes : list of Outcome
        What became of each slide.
    options : ConvertOptions
        What they were converted with.
    path : Path
        The page. It appears when it is complete.

    Returns
    -------
    list of str
        What could not be had: sentences.

    Raises
    ------
    OSError
        If the page cannot be written.
    """
    # A page of hundreds of slides is to open as well.
    crops = max(1, min(_CROPS, _MOST_CROPS // max(len(outcomes), 1)))
    beside = path.with_name(f"{path.name}.partial")
    told: list[tuple[str, SlideFacts]] = []
    try:
        beside.touch()  # before all the work: a folder may not be writable
        # Names of files may hold bytes that are no text.
        text: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace"}
        with tempfile.TemporaryFile("w+", **text) as sections:
            for number, outcome in enumerate(outcomes, 1):
                facts, anchor = gather_facts(outcome, options, crops=crops), f"slide-{number}"
                sections.write(slide_section(facts, options, anchor))
                told.append((anchor, _without_pictures(facts)))
            sections.seek(0)
            with beside.open("w", **text) as page:
                page.write(_opening(told))
                while part := sections.read(1 << 20):
                    page.write(part)
                page.write(_CLOSING)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return [sentence for _, facts in told for sentence in facts.troubles]


_CLOSING = "</main></body></html>\n"


def _opening(slides: list[tuple[str, SlideFacts]]) -> str:
    """Return all that stands before the slides' own sections."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", _title(slides)),
        element("style", Html(files(__package__).joinpath("page.css").read_text("utf-8"))),
    )
    header = element(
        "header",
        element("h1", _title(slides)),
        element("p", f"{_counted(slides)} · numcodecs-neural {version('numcodecs-neural')}"),
        summary_table(slides) if len(slides) > 1 else None,
    )
    return joined(Html('<!doctype html>\n<html lang="en">'), head, Html("<body><main>"), header)


def _title(slides: list[tuple[str, SlideFacts]]) -> str:
    if len(slides) == 1:
        return f"{slides[0][1].name} as OME-Zarr"
    return f"{len(slides)} slides as OME-Zarr"


def _counted(slides: list[tuple[str, SlideFacts]]) -> str:
    statuses = [facts.outcome.status for _, facts in slides]
    counts = ((statuses.count(status), status) for status in ("converted", "skipped", "failed"))
    return ", ".join(f"{count} {status}" for count, status in counts if count)


def _without_pictures(facts: SlideFacts) -> SlideFacts:
    """Return what the summary needs: the pictures of one slide are held at a time."""
    return SlideFacts(outcome=facts.outcome, report=facts.report, troubles=facts.troubles)
