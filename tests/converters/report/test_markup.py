"""Templates of the page: text stays text, and a missing value is an error."""

import re
from importlib.resources import files
from pathlib import Path

import jinja2
import pytest

from numcodecs_neural.converters.batch.jobs import Job
from numcodecs_neural.converters.batch.run import Outcome
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.report.markup import template
from numcodecs_neural.converters.report.page import write_page

from .page_reader import read_page

EVIL = '<script>alert("&")</script> {{ 7 * 7 }} \'>'


def test_names_and_errors_stay_text(tmp_path: Path) -> None:
    job = Job(path=tmp_path / EVIL / "a\udce9.svs", output=f"{EVIL}.zarr")
    outcome = Outcome(job=job, status="failed", error=EVIL)

    write_page([outcome, outcome], ConvertOptions(), tmp_path / "page.html")

    page = read_page(tmp_path / "page.html")
    assert page.all("script") == []
    assert [note.text for note in page.all("p", "failure")] == [EVIL, EVIL]
    assert [link.text for link in page.all("a")] == ["a\\udce9.svs"] * 2
    assert page.all("p", "where")[0].text == f"{tmp_path / EVIL}/a\\udce9.svs → {EVIL}.zarr"


def test_nothing_but_the_sections_is_taken_for_markup() -> None:
    folder = files("numcodecs_neural.converters.report") / "templates"
    found = {
        path.name: re.findall(r"(\w+) *\| *safe|autoescape", path.read_text("utf-8"))
        for path in folder.iterdir()
    }

    assert {name: safe for name, safe in found.items() if safe} == {"page.html.j2": ["part"]}


def test_a_template_without_its_values_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="facts"):
        template("slide.html.j2").render()
