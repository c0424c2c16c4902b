"""Hooks of mkdocs: pages and pictures that are kept beside what they describe join the site.

A link between two pages is one between their files in the repository, so that it works there, too.
Here it becomes one between the pages; a link to a file that is no page becomes plain text.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
CARDS = "numcodecs_neural/weights/cards"
# Place in the repository: place on the site.
PLACES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "conformance/README.md": "conformance.md",
    "converters/README.md": "converter.md",
    "converters/tissue/README.md": "tissue.md",
    "examples/papers/README.md": "papers.md",
    "numcodecs_neural/format/SPEC.md": "format.md",
    "numcodecs_neural/training/EXPERIMENTS.md": "experiments.md",
    "tests/benchmarks/PROFILE.md": "speed.md",
    **{f"{CARDS}/{card.name}": f"cards/{card.name}" for card in (ROOT / CARDS).glob("*.md")},
    **{
        path.relative_to(ROOT).as_posix(): path.relative_to(ROOT).as_posix()
        for suffix in ("png", "jpg")
        for path in (ROOT / "examples").rglob(f"*.{suffix}")
    },
}
LINK = re.compile(r"(?P<text>!?\[[^\]\[]*\])\((?P<target>[^)\s#]*)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is kept elsewhere."""
    for source, place in PLACES.items():
        if files.get_file_from_path(place) is None:
            files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links between files of the repository into links between pages."""
    here = page.file.src_uri
    sources = {place: source for source, place in PLACES.items()}
    source = sources.get(here, f"docs/{here}")

    def moved(link: re.Match[str]) -> str:
        text, target, anchor = link["text"], link["target"], link["anchor"] or ""
        if not target or "://" in target:
            return link[0]
        place = place_of(posixpath.normpath(posixpath.join(posixpath.dirname(source), target)))
        if place is None:
            return text.removeprefix("!").strip("[]")
        return f"{text}({posixpath.relpath(place, posixpath.dirname(here) or '.')}{anchor})"

    return LINK.sub(moved, markdown)


def place_of(path: str) -> str | None:
    """Return where a file of the repository is on the site; None where it is no part of it."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return PLACES.get(path)
