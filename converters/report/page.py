"""The report as HTML: one page in which everything is contained, or an index and one a slide."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from ..batch.run import Outcome
from ..options import ConvertOptions
from .facts import SlideFacts, gather_facts
from .markup import template
from .section import slide_section

__all__ = ["MOST_ON_A_PAGE", "write_page"]

# A slide takes 1 to 2 MB: a page of hundreds would not open.
MOST_ON_A_PAGE = 10
_CROPS = 4
# Names of files may hold bytes that are no text.
_TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace"}


def write_page(outcomes: list[Outcome], options: ConvertOptions, path: Path) -> list[str]:
    """Write the page of a batch, after all of it was converted.

    It is made of the finished stores and of the slides, which are opened again, one by one: of
    each, a small picture, the sizes of its chunks and a few samples are read. Whatever cannot be
    had is said in the page instead. Of more than `MOST_ON_A_PAGE` slides, the page is an index, and
    each slide has a page of its own in a folder beside it, which is ``report_files`` for
    ``report.html``.

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
    write = _write_one if len(outcomes) <= MOST_ON_A_PAGE else _write_many
    return [sentence for facts in write(outcomes, options, path) for sentence in facts.troubles]


def _write_one(outcomes: list[Outcome], options: ConvertOptions, path: Path) -> list[SlideFacts]:
    slides: list[SlideFacts] = []
    with _whole(path) as page, tempfile.TemporaryFile("w+", **_TEXT) as sections:
        for number, outcome in enumerate(outcomes, 1):
            facts = gather_facts(outcome, options, crops=_CROPS)
            sections.write(slide_section(facts, options, number))
            slides.append(_without_pictures(facts))
        sections.seek(0)
        # In parts: the pictures of many slides together may not fit in memory.
        parts = iter(lambda: sections.read(1 << 20), "")
        links = [f"#slide-{number}" for number in range(1, len(slides) + 1)]
        page.writelines(_page(slides, parts, links=links))
    return slides


def _write_many(outcomes: list[Outcome], options: ConvertOptions, path: Path) -> list[SlideFacts]:
    folder = path.with_name(f"{path.stem}_files")
    names = [f"slide-{number}.html" for number in range(1, len(outcomes) + 1)]
    slides: list[SlideFacts] = []
    with _whole(path) as index:
        folder.mkdir(exist_ok=True)
        for number, (outcome, name) in enumerate(zip(outcomes, names, strict=True), 1):
            facts = gather_facts(outcome, options, crops=_CROPS)
            section = slide_section(facts, options, number)
            with _whole(folder / name) as page:
                page.writelines(_page([facts], [section], index=_link("..", path.name)))
            slides.append(_without_pictures(facts))
        index.writelines(_page(slides, [], links=[_link(folder.name, name) for name in names]))
    for older in set(folder.glob("slide-*.html")) - {folder / name for name in names}:
        older.unlink()
    return slides


@contextmanager
def _whole(path: Path) -> Iterator[IO[str]]:
    """Open a page for writing; it appears when it is complete."""
    beside = path.with_name(f"{path.name}.partial")
    try:
        # Before all the work: a folder may not be writable.
        with beside.open("w", **_TEXT) as page:
            yield page
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _page(
    slides: list[SlideFacts],
    sections: Iterable[str],
    *,
    links: Sequence[str] = (),
    index: str | None = None,
) -> Iterator[str]:
    """Yield a page in parts.

    Parameters
    ----------
    links : sequence of str
        Where each slide's section is, where the page has several slides.
    index : str, optional
        The page of all slides, if this one is of a single one of them.
    """
    return template("page.html.j2").generate(
        slides=slides,
        sections=sections,
        links=links,
        index=index,
        version=version("numcodecs-neural"),
    )


def _link(*parts: str) -> str:
    """Return a relative URL; names of files may hold bytes that are no text."""
    return "/".join(quote(os.fsencode(part)) for part in parts)


def _without_pictures(facts: SlideFacts) -> SlideFacts:
    """Return what the summary needs: the pictures of one slide are held at a time."""
    return SlideFacts(outcome=facts.outcome, report=facts.report, troubles=facts.troubles)
