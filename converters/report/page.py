"""The report as one HTML file, in which everything is contained."""

import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from ..batch.run import Outcome
from ..options import ConvertOptions
from .facts import SlideFacts, gather_facts
from .markup import template
from .section import slide_section

__all__ = ["write_page"]

_CROPS, _MOST_CROPS = 4, 60
# Names of files may hold bytes that are no text.
_TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace"}


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
    slides: list[SlideFacts] = []
    try:
        beside.touch()  # before all the work: a folder may not be writable
        with tempfile.TemporaryFile("w+", **_TEXT) as sections:
            for number, outcome in enumerate(outcomes, 1):
                facts = gather_facts(outcome, options, crops=crops)
                sections.write(slide_section(facts, options, number))
                slides.append(_without_pictures(facts))
            sections.seek(0)
            with beside.open("w", **_TEXT) as page:
                page.writelines(_page(slides, sections))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return [sentence for facts in slides for sentence in facts.troubles]


def _page(slides: list[SlideFacts], sections: IO[str]) -> Iterator[str]:
    """Yield the page in parts: the pictures of many slides together may not fit in memory."""
    parts = iter(lambda: sections.read(1 << 20), "")
    return template("page.html.j2").generate(
        slides=slides, sections=parts, version=version("numcodecs-neural")
    )


def _without_pictures(facts: SlideFacts) -> SlideFacts:
    """Return what the summary needs: the pictures of one slide are held at a time."""
    return SlideFacts(outcome=facts.outcome, report=facts.report, troubles=facts.troubles)
