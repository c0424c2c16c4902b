"""What is printed: no figure is cut where nobody looks at a terminal."""

import pytest

from numcodecs_neural.converters.batch.jobs import Job
from numcodecs_neural.converters.batch.run import Outcome
from numcodecs_neural.converters.cli.terminal import show_outcome
from numcodecs_neural.converters.pipeline.summary import LevelReport, SlideReport

LARGE = LevelReport(
    level=0,
    height=123_456,
    width=234_567,
    chunks=110_538,
    stored=54_321,
    elided=55_555,
    empty=10_662,
    nbytes=12_345_678_901,
    bpp=10.25,
    ratio=51.27,
    ratio_stored=25.5,
    psnr_db=38.12,
    ssim=0.9876,
    chunks_sampled=64,
    elided_area=0.5,
    coding="lossy",
    why="",
    source_level=0,
    codec={"method": "jpegxl", "quality": 60},
)


def outcome_of(report: SlideReport) -> Outcome:
    return Outcome(job=Job(path=None, output=report.output), status="converted", report=report)


@pytest.fixture
def large() -> SlideReport:
    """Return the report of a slide whose table is wider than 80 columns."""
    return SlideReport(
        source="large",
        output="large.ome.zarr",
        levels=(LARGE,),
        glass="elide",
        tissue_area=0.4,
        raw_nbytes=86_000_000_000,
        nbytes=12_345_678_901,
        source_nbytes=None,
        codec={"method": "jpegxl", "quality": 60},
        seconds=3600.0,
    )


def test_figures_are_whole_where_the_output_is_a_pipe(
    large: SlideReport, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    show_outcome(outcome_of(large))

    figures = (
        "0  234567x123456     q60   54321    55555   10662   12345.68   10.25   51.27   38.12"
        "   0.9876"
    )
    out = capsys.readouterr().out
    assert figures.split() in [line.split() for line in out.splitlines()]
    assert max(map(len, out.splitlines())) < 200
