"""Pages of all kinds of stores and slides, and of what went wrong."""

import gc
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from numcodecs_neural.converters.batch import run
from numcodecs_neural.converters.batch.jobs import Job
from numcodecs_neural.converters.batch.run import Outcome
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.report import page as page_module
from numcodecs_neural.converters.report.facts import SlideFacts, gather_facts
from numcodecs_neural.files.folder import Folder
from tests.annotations import Image, RunCli
from tests.converters.conftest import APERIO

from .page_reader import Element, pixels_of, read_page

SMALL = ("--chunk", 128, "--shard", 256, "--workers", 1)
ZSTD = ("--codec", "zstd", *SMALL)
JPEG = ("--codec", "jpeg", *SMALL)
Reported = Callable[..., tuple[int, str, Element]]
DAPI = 'DAPI & "<script>{{ 7 }}'


def alts(page: Element) -> list[str]:
    return [str(image.attributes["alt"]) for image in page.all("img")]


def facts_of(svs: Path, output: Path | str, **options: Any) -> SlideFacts:
    outcome = Outcome(job=Job(path=svs, output=str(output)), status="skipped")
    return gather_facts(outcome, ConvertOptions(chunk_px=128, **options), crops=4)


@pytest.fixture
def reported(run_cli: RunCli, tmp_path: Path) -> Reported:
    """Return a function that converts with a report: exit code, stderr, and the page."""

    def run(*arguments: object) -> tuple[int, str, Element]:
        code, _, err = run_cli(*arguments, "--report", tmp_path / "page.html")
        return code, err, read_page(tmp_path / "page.html")

    return run


@pytest.fixture(scope="module")
def svs(slide: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a part of the shared slide, which is as good for this, and faster."""
    path = tmp_path_factory.mktemp("small") / "generated.svs"
    part = slide[:760, :660]
    kept: dict[str, Any] = {"tile": (240, 240), "photometric": "rgb", "metadata": None}
    kept |= {"compression": "jpeg", "compressionargs": {"level": 90}, "description": APERIO}
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(part, **kept)
        tiff.write(part[::4, ::4], **kept)
    return path


@pytest.fixture
def fluorescence(tmp_path: Path, tissue: Image) -> Path:
    """Return a slide of two channels and two planes, of 12 bits in 16, whose first is dark."""
    path = tmp_path / "cells.ome.tif"
    planes = 4000 - 15 * tissue[:2, :300, :260].astype(np.uint16)
    stack = np.stack([np.stack([plane // 8, planes[1]]) for plane in planes])
    metadata = {"axes": "ZCYX", "Channel": {"Name": [DAPI, "FITC"]}}
    tifffile.imwrite(path, stack, photometric="minisblack", metadata=metadata)
    return path


def test_a_skipped_slide_has_the_numbers_of_its_conversion(
    reported: Reported, svs: Path, tmp_path: Path
) -> None:
    command = (svs, "-o", tmp_path / "out.ome.zarr", *JPEG)
    _, _, first = reported(*command)

    code, err, second = reported(*command, "--resume")

    assert (code, err) == (0, "")
    assert "converted" in first.all("h2")[0].text
    assert "skipped" in second.all("h2")[0].text
    before, after = first.table("elided"), second.table("elided")
    assert before[1] == after[1]
    # Only level 0's quality is in the store.
    assert [row[:8] for row in before] == [row[:8] for row in after]
    assert {row[8] for row in after[2:]} == {"-"}
    assert [pixels_of(image).tolist() for image in first.all("img")] == [
        pixels_of(image).tolist() for image in second.all("img")
    ]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param("out.ozx", JPEG, id="one file"),
        pytest.param(
            "v2.zarr", ("--ome-zarr-version", "0.4", "--codec", "zstd", "--chunk", 128), id="0.4"
        ),
        pytest.param("own.zarr", (*ZSTD, "--use-existing-levels"), id="existing levels"),
        pytest.param("four.zarr", (*ZSTD, "--downsample", 4), id="steps of four"),
        pytest.param("flat.zarr", (*JPEG, "--glass", "flatten"), id="flatten"),
        pytest.param("one.zarr", (*ZSTD, "--levels", 1), id="one level"),
    ],
)
def test_every_kind_of_store_has_a_page(
    reported: Reported, svs: Path, tmp_path: Path, name: str, arguments: tuple[object, ...]
) -> None:
    code, err, page = reported(svs, "-o", tmp_path / name, *arguments)

    facts = facts_of(svs, tmp_path / name)
    assert (code, err) == (0, "")
    assert len(alts(page)) == 3 + 4 * 3
    assert facts.troubles == []
    assert facts.report is not None
    assert [row[:8] for row in page.table("elided")[1:]] == [
        [
            *(str(n), f"{level.width} x {level.height}"),
            *(str(level.stored), str(level.elided), str(level.empty)),
            *(f"{level.nbytes / 1e6:.2f}", f"{level.bpp:.2f}", f"{level.ratio:.2f}"),
        ]
        for n, level in enumerate(facts.report.levels)
    ]


def test_one_file_tells_the_same_sizes_as_a_folder(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    run_cli(svs, "-o", tmp_path / "out.ome.zarr", *ZSTD)
    run_cli(svs, "-o", tmp_path / "out.ozx", *ZSTD)

    folder, file = (facts_of(svs, tmp_path / name) for name in ("out.ome.zarr", "out.ozx"))

    assert folder.chunks is not None
    assert file.chunks is not None
    assert folder.chunks.nbytes.any()
    assert np.array_equal(folder.chunks.nbytes, file.chunks.nbytes)
    assert folder.report is not None
    assert file.report is not None
    assert folder.report.nbytes == file.report.nbytes


@pytest.mark.filterwarnings(
    # s3fs leaves it to the garbage collector to close its connections.
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
def test_a_store_behind_a_url_has_a_page(reported: Reported, svs: Path, bucket: str) -> None:
    code, err, page = reported(svs, "-o", f"{bucket}/out.ome.zarr", *ZSTD)

    assert (code, err) == (0, "")
    assert len(alts(page)) == 3 + 4 * 3
    gc.collect()


def test_each_channel_is_shown_grey_in_its_window(
    reported: Reported, fluorescence: Path, tmp_path: Path
) -> None:
    code, err, page = reported(fluorescence, "-o", tmp_path / "out", *ZSTD)

    shown = [pixels_of(image) for image in page.all("img")]
    assert (code, err) == (0, "")
    assert alts(page)[:3] == [
        *(f"the slide {DAPI}", "the slide FITC"),
        "bits per pixel of each chunk",
    ]
    assert shown[0].shape == shown[1].shape == (300, 260)
    # The dark channel is as bright to look at as the other.
    assert min(shown[0].max(), shown[1].max()) > 240
    assert max(shown[0].min(), shown[1].min()) < 15
    assert "The first frame of 2 along z." in page.text
    assert f"All of {DAPI}." in page.text
    assert "no mask: the slide is not bright-field" in page.text
    assert "JPEG at quality 80" not in page.text


def test_nothing_lost_is_told_of_a_lossless_store(
    reported: Reported, fluorescence: Path, tmp_path: Path
) -> None:
    _, _, page = reported(fluorescence, "-o", tmp_path / "out", *ZSTD)

    crops = [image for image in page.all("img") if "place" in str(image.attributes["alt"])]
    assert "difference: none" in page.text
    assert "nothing lost" in page.text
    assert np.array_equal(pixels_of(crops[0]), pixels_of(crops[1]))
    assert np.unique(pixels_of(crops[2])).tolist() == [128]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_the_worst_chunk_of_a_grey_slide_has_the_psnr_of_the_report(
    reported: Reported, tissue: Image, tmp_path: Path, dtype: str
) -> None:
    grey = tissue[1, :128, :128].astype(dtype)
    tifffile.imwrite(tmp_path / "grey.tif", grey if dtype == "uint8" else grey * 40)

    command = (tmp_path / "grey.tif", "-o", tmp_path / "out", "--codec", "jpegxl", *SMALL)

    _, _, page = reported(*command)

    # There is but one chunk.
    (told,) = re.findall(r"([\d.]+) dB: the worst", page.text)
    assert told == page.table("elided")[1][8]
    assert pixels_of(page.all("img")[0]).ndim == 2


def test_a_batch_tells_of_every_slide(
    reported: Reported, svs: Path, damaged_svs: Path, tmp_path: Path
) -> None:
    code, err, page = reported(svs, damaged_svs, "-o", tmp_path / "out", *ZSTD)

    (summary,) = page.all("header")[0].all("table")
    assert code == 1
    assert page.all("title")[0].text == "2 slides as OME-Zarr"
    assert [row[:2] for row in summary.rows()[1:]] == [
        ["generated", "converted"],
        ["damaged.svs", "failed"],
    ]
    links = [str(link.attributes["href"]) for link in summary.all("a")]
    sections = [f"#{section.attributes['id']}" for section in page.all("section")]
    assert links == sections
    (reason,) = page.all("p", "failure")
    assert "row 1, column 2 of level 0 does not decode" in reason.text
    assert reason.text in err


def test_a_store_that_vanished_is_told_and_the_numbers_stay(
    reported: Reported, svs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted = run.convert_job

    def and_lose(*arguments: Any) -> Outcome:
        outcome = converted(*arguments)
        Folder(outcome.job.output).remove()
        return outcome

    monkeypatch.setattr(run, "convert_job", and_lose)

    code, err, page = reported(svs, "-o", tmp_path / "out", *ZSTD)

    assert code == 1
    assert len(err.splitlines()) == 1
    assert f"the report is not complete: generated: the store {tmp_path / 'out'}" in err
    assert len(page.table("elided")) > 2
    assert page.all("img") == []
    assert "cannot be read" in page.all("p", "warning")[0].text


def test_a_slide_that_vanished_leaves_what_the_store_tells(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    run_cli(svs, "-o", tmp_path / "out", *ZSTD)

    facts = facts_of(tmp_path / "gone.svs", tmp_path / "out")

    (trouble,) = facts.troubles
    assert "the slide cannot be compared with its store" in trouble
    assert "gone.svs: there is no such file" in trouble
    assert facts.overviews[0][1].shape[2] == 3
    assert facts.mask is not None
    assert facts.chunks is not None
    assert facts.report is not None
    assert facts.crops is None


def test_chunks_that_do_not_decode_are_told(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    run_cli(svs, "-o", tmp_path / "out", *JPEG)
    for shard in [path for path in (tmp_path / "out").glob("[0-9]/c/**/*") if path.is_file()]:
        content = bytearray(shard.read_bytes())
        index = 2 * 2 * 16 + 4
        content[:-index] = bytes(len(content) - index)
        shard.write_bytes(content)

    outcome = Outcome(
        job=Job(path=tmp_path / "gone.svs", output=str(tmp_path / "out")), status="skipped"
    )
    missing = page_module.write_page([outcome], ConvertOptions(), tmp_path / "page.html")

    page = read_page(tmp_path / "page.html")
    assert len(missing) == 2
    assert [note.text for note in page.all("p", "warning")][:2] == missing
    assert page.all("img") == []
    assert len(page.table("elided")) > 2


def test_chunks_that_are_lost_are_told(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    run_cli(svs, "-o", tmp_path / "out", *ZSTD)
    shards = sorted(path for path in (tmp_path / "out/0/c").rglob("*") if path.is_file())
    shards[0].unlink()

    outcome = Outcome(job=Job(path=svs, output=str(tmp_path / "out")), status="skipped")
    page_module.write_page([outcome], ConvertOptions(), tmp_path / "page.html")

    page = read_page(tmp_path / "page.html")
    assert re.search(r"\d chunks of level 0 were written and are not", page.text)
    (figure,) = (f for f in page.all("figure") if "Bits per pixel" in f.text)
    colours = pixels_of(figure.all("img")[0]).reshape(-1, 4)
    assert (colours == (220, 30, 40, 255)).all(-1).any()


def test_a_page_that_cannot_be_written_costs_no_store(
    run_cli: RunCli, svs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    gather = gather_facts

    def and_remove(*arguments: Any, **options: Any) -> SlideFacts:
        shutil.rmtree(folder, ignore_errors=True)
        return gather(*arguments, **options)

    monkeypatch.setattr(page_module, "gather_facts", and_remove)

    code, _, err = run_cli(svs, "-o", tmp_path / "out", *ZSTD, "--report", folder / "page.html")

    assert code == 1
    assert len(err.splitlines()) == 1
    assert "the report was not written" in err
    assert (tmp_path / "out/zarr.json").is_file()


def test_a_page_appears_whole_or_not_at_all(
    svs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*arguments: Any, **options: Any) -> Iterator[str]:
        yield "<!doctype html>"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(page_module, "_page", full_disk)
    outcome = Outcome(job=Job(path=svs, output="nowhere"), status="failed", error="why")
    (tmp_path / "page.html").write_text("the page of yesterday")

    with pytest.raises(OSError, match="No space left"):
        page_module.write_page([outcome, outcome], ConvertOptions(), tmp_path / "page.html")

    assert (tmp_path / "page.html").read_text() == "the page of yesterday"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_store_of_somebody_else_is_not_read(tmp_path: Path, svs: Path) -> None:
    import zarr

    zarr.create_group(tmp_path / "theirs.zarr")

    facts = facts_of(svs, tmp_path / "theirs.zarr")

    assert "was not written by this converter" in facts.troubles[0]
