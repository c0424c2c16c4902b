"""The page of a slide that was converted with the learned codec: numbers, pictures and crops."""

import re
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from numcodecs_neural.converters.batch.jobs import Job
from numcodecs_neural.converters.batch.run import Outcome, convert_job
from numcodecs_neural.converters.measure.distortion import chunk_quality
from numcodecs_neural.converters.measure.sampling import pick_samples
from numcodecs_neural.converters.options import ConvertOptions, GlassTreatment
from numcodecs_neural.converters.pipeline.coverage import ELIDED
from numcodecs_neural.converters.pipeline.summary import SlideReport
from numcodecs_neural.converters.report.facts import SlideFacts, gather_facts
from numcodecs_neural.converters.report.page import write_page
from numcodecs_neural.converters.report.pictures import coloured
from numcodecs_neural.converters.report.section import slide_section
from tests.annotations import Image, RunCli

from .page_reader import Element, pixels_of, read_page

OPTIONS = ConvertOptions(chunk_px=128, shard_px=512, quality=50, workers=1)


@dataclass(frozen=True)
class Written:
    """One conversion and its page."""

    outcome: Outcome
    path: Path
    page: Element
    facts: SlideFacts

    @property
    def report(self) -> SlideReport:
        assert self.outcome.report is not None
        return self.outcome.report

    @property
    def store(self) -> Any:
        return zarr.open_group(self.outcome.job.output, mode="r")

    def picture(self, alt: str) -> NDArray[Any]:
        (image,) = (one for one in self.page.all("img") if one.attributes["alt"] == alt)
        return pixels_of(image)


@pytest.fixture(scope="module")
def written(svs: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("page")
    job = Job(path=svs, output=str(folder / "slide.ome.zarr"))
    outcome = convert_job(job, OPTIONS, quiet)
    path = folder / "page.html"
    assert write_page([outcome], OPTIONS, path) == []
    return Written(outcome, path, read_page(path), gather_facts(outcome, OPTIONS, crops=4))


def quiet(name: str) -> Any:
    return nullcontext(lambda done, total: None)


def test_the_levels_are_those_of_the_report(written: Written) -> None:
    rows = written.page.table("elided")[1:]

    for row, level in zip(rows, written.report.levels, strict=True):
        assert row[:5] == [
            *(str(level.level), f"{level.width} x {level.height}"),
            *(str(level.stored), str(level.elided), str(level.empty)),
        ]
        assert [float(cell) for cell in row[5:8]] == [
            round(level.nbytes / 1e6, 2),
            pytest.approx(level.bpp, abs=0.005),
            level.ratio,
        ]
        assert row[8] == ("-" if level.psnr_db is None else f"{level.psnr_db:.2f}")
        assert row[9] == ("-" if level.ssim is None else f"{level.ssim:.4f}")
        assert row[10] == str(level.chunks_sampled)


def test_the_headline_is_that_of_the_report(written: Written) -> None:
    tiles = [tile.text for tile in written.page.all("div", "tiles")[0].all("div")]

    assert tiles[0] == f"{written.report.nbytes / 1e6:.2f} MBstored"
    assert f"{written.report.ratio:.2f}times smaller than raw" in tiles
    assert f"{written.report.levels[0].psnr_db:.2f} dBPSNR on tissue of level 0" in tiles


def test_sizes_are_compared_with_raw_source_and_jpeg(written: Written) -> None:
    rows = {row[0]: row for row in written.page.table("this store is")}

    assert rows["raw pixels"][1] == f"{written.report.raw_nbytes / 1e6:.2f}"
    assert rows["the source file"][1] == f"{(written.report.source_nbytes or 0) / 1e6:.2f}"
    assert rows["this store (learned codec)"][3] == f"{written.report.levels[0].psnr_db:.2f}"
    assert rows["JPEG at quality 80, glass and all"][1].startswith("about ")


@pytest.mark.parametrize("glass", ["elide", "keep"])
def test_the_estimate_of_jpeg_is_near_the_truth(
    written: Written, svs: Path, tmp_path: Path, glass: GlassTreatment
) -> None:
    job = Job(path=svs, output=str(tmp_path / "jpeg.ome.zarr"))
    options = replace(OPTIONS, codec="jpeg", quality=80, glass=glass)

    report = convert_job(job, options, quiet).report

    assert report is not None
    assert written.facts.jpeg is not None
    estimates = {"elide": written.facts.jpeg.nbytes, "keep": written.facts.jpeg.nbytes_whole}
    assert estimates[glass] == pytest.approx(report.nbytes, rel=0.1)
    assert written.facts.jpeg.psnr_db == pytest.approx(report.levels[0].psnr_db, abs=0.5)


def test_every_picture_is_in_the_page(written: Written) -> None:
    images = written.page.all("img")

    assert len(images) == 3 + 4 * 3
    assert all(pixels_of(image).size for image in images)
    assert written.page.all("script") == written.page.all("link") == []
    assert "url(" not in written.page.all("style")[0].text


def test_the_same_conversion_has_the_same_page(written: Written, tmp_path: Path) -> None:
    write_page([written.outcome], OPTIONS, tmp_path / "page.html")

    assert (tmp_path / "page.html").read_bytes() == written.path.read_bytes()


def test_the_slide_and_its_mask_are_shown(written: Written, slide: Image) -> None:
    overview = written.picture("the slide").astype(int)
    mask = written.picture("the tissue mask over the slide").astype(int)

    assert overview.shape == mask.shape
    assert max(overview.shape) <= 720
    height, width = overview.shape[:2]
    # Glass is light, and so is what is shown of it; tissue is painted over with green.
    assert overview[height // 10, width // 10].min() > 230
    y, x = 500 * height // 1501, 400 * width // 1303
    assert written.facts.mask is not None
    assert written.facts.mask[y, x]
    assert (mask[y, x] - overview[y, x])[0] < 0


def test_chunks_that_are_not_stored_are_shaded(written: Written) -> None:
    coverage = np.asarray(written.store["coverage/levels/0"])
    row, column = np.argwhere(coverage == ELIDED)[0]
    overview, mask = written.picture("the slide"), written.picture("the tissue mask over the slide")
    height, width = overview.shape[:2]
    top, bottom = row * 128 * height // 1501 + 2, (row + 1) * 128 * height // 1501 - 2
    left, right = column * 128 * width // 1303 + 2, (column + 1) * 128 * width // 1303 - 2

    assert coverage[row, column] == ELIDED
    darker = overview.astype(int) - mask
    assert darker[top:bottom, left:right].min() > 15


def test_the_map_shows_the_bytes_of_each_chunk(written: Written) -> None:
    chunks = written.facts.chunks
    assert chunks is not None
    picture = written.picture("bits per pixel of each chunk")
    coverage = np.asarray(written.store["coverage/levels/0"])
    height, width = picture.shape[:2]

    for row, column in np.ndindex(coverage.shape):
        y = min(row * 128 + 64, 1500) * height // 1501
        x = min(column * 128 + 64, 1302) * width // 1303
        colour = coloured(chunks.bpp[row, column] / np.nanmax(chunks.bpp)).tolist()
        assert picture[y, x].tolist() == colour
        assert (picture[y, x, 3] == 0) == (coverage[row, column] == ELIDED)


def test_the_bytes_of_all_chunks_are_those_of_the_level(written: Written) -> None:
    chunks, level = written.facts.chunks, written.report.levels[0]
    assert chunks is not None
    indexes = 9 * (16 * 16 + 4)

    assert int((chunks.nbytes > 0).sum()) == level.stored
    assert level.nbytes - indexes <= chunks.nbytes.sum() < level.nbytes
    ticks = written.page.all("div", "ticks")[0].all("span")
    assert float(ticks[-1].text) == pytest.approx(np.nanmax(chunks.bpp), abs=0.005)


def test_crops_are_the_pixels_of_slide_and_store(written: Written, svs: Path) -> None:
    original = tifffile.imread(svs, key=0)
    size = original.shape[1::-1]
    stored = np.moveaxis(np.asarray(written.store["0"]), 0, -1)
    captions = [figure.all("figcaption")[0].text for figure in written.page.all("figure")[3:]]
    gain = int(re.findall(r"difference, (\d+) times", written.page.text)[0])

    assert len(captions) == 4
    for number, caption in enumerate(captions, 1):
        x, y, width, height = map(
            int, re.findall(r"x (\d+), y (\d+), (\d+) x (\d+) pixels", caption)[0]
        )
        crop = np.s_[y : y + height, x : x + width]
        error = stored[crop].astype(int) - original[crop]
        # Chunks at the right and the lower border of the slide end with it.
        assert (width, height) == (min(128, size[0] - x), min(128, size[1] - y))
        assert np.array_equal(written.picture(f"place {number}, original"), original[crop])
        assert np.array_equal(written.picture(f"place {number}, stored"), stored[crop])
        assert np.array_equal(
            written.picture(f"place {number}, difference"), np.clip(128 + gain * error, 0, 255)
        )


def test_the_worst_sampled_chunk_is_the_first(written: Written, svs: Path) -> None:
    original = np.moveaxis(tifffile.imread(svs, key=0), -1, 0)
    stored, tissue = np.asarray(written.store["0"]), np.asarray(written.store["labels/tissue/0"])
    shape = written.store["coverage/levels/0"].shape
    psnrs = {}
    squares = {
        (row, column): np.s_[128 * row : 128 * row + 128, 128 * column : 128 * column + 128]
        for row, column in np.ndindex(*shape)
    }
    with_tissue = np.array(
        [[tissue[squares[r, c]].any() for c in range(shape[1])] for r in range(shape[0])]
    )
    for row, column in np.argwhere(pick_samples(with_tissue, 0, least=24)).tolist():
        square = (slice(None), *squares[row, column])
        inside = tissue[squares[row, column]] > 0
        psnrs[row, column] = chunk_quality(original[square], stored[square], inside).psnr_db()

    crops = written.facts.crops
    assert crops is not None
    assert len(psnrs) == crops.compared >= written.report.levels[0].chunks_sampled
    worst = crops.shown[0]
    assert worst.is_worst
    assert worst.psnr_db == psnrs[worst.chunk] == min(p for p in psnrs.values() if p is not None)
    assert {crop.chunk for crop in crops.shown} <= psnrs.keys()


def test_the_settings_are_told(written: Written) -> None:
    settings = {
        row.all("dt")[0].text: row.all("dd")[0].text for row in written.page.all("dl")[0].all("div")
    }

    assert settings["model"] == "he-fast-2"
    assert settings["quality"] == "50"
    assert settings["glass"] == "elide"
    assert settings["tissue mask"] == "threshold"
    assert settings["chunks"] == "128 pixels a side"
    assert settings["compressed before"].startswith("jpeg")


@pytest.mark.parametrize(
    ("area", "warning"), [(0.0, "No tissue was found"), (0.96, "Almost all of the slide")]
)
def test_an_unlikely_tissue_mask_is_warned_about(
    written: Written, area: float, warning: str
) -> None:
    facts = replace(written.facts, report=replace(written.report, tissue_area=area))

    assert warning in slide_section(facts, OPTIONS, 1)
    assert warning not in slide_section(written.facts, OPTIONS, 1)


def test_a_stored_label_is_warned_about(written: Written) -> None:
    stored = written.facts.stored
    assert stored is not None
    facts = replace(
        written.facts, stored=replace(stored, block=stored.block | {"extras": {"label": {}}})
    )

    assert "the slide&#39;s label, which may identify" in slide_section(facts, OPTIONS, 1)


def test_names_are_text_whatever_is_in_them(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    evil = tmp_path / "<b>&'\".svs"
    evil.write_bytes(svs.read_bytes())

    code, _, _ = run_cli(
        *(evil, "-o", tmp_path / "out.ome.zarr", "--codec", "zstd", "--chunk", 128, "--shard", 512),
        *("--report", tmp_path / "page.html"),
    )

    page = read_page(tmp_path / "page.html")
    assert code == 0
    assert page.all("title")[0].text == "<b>&'\" as OME-Zarr"
    assert page.all("h2")[0].text == "<b>&'\" converted"
    assert str(evil) in page.all("p", "where")[0].text


def failures(count: int) -> list[Outcome]:
    return [
        Outcome(
            job=Job(path=Path(f"case {number}.svs"), output=f"{number}.ome.zarr"),
            status="failed",
            error=f"error number {number}",
        )
        for number in range(count)
    ]


def test_more_slides_than_a_page_holds_have_pages_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a report.html"
    write_page(failures(13), OPTIONS, path)

    assert write_page(failures(11), OPTIONS, path) == []

    index = read_page(path)
    assert index.all("section") == []
    links = [str(link.attributes["href"]) for link in index.all("a")]
    pages = [tmp_path / unquote(link) for link in links]
    assert sorted(pages) == sorted((tmp_path / "a report_files").iterdir())
    for number, (page, row) in enumerate(zip(pages, index.table("PSNR, dB")[1:], strict=True)):
        assert row[0] == f"case {number}.svs"
        assert f"error number {number}" in read_page(page).all("section")[0].text
        (back,) = read_page(page).all("a")
        assert (page.parent / unquote(str(back.attributes["href"]))).samefile(path)


def test_a_few_slides_are_one_page(tmp_path: Path) -> None:
    write_page(failures(10), OPTIONS, tmp_path / "report.html")

    page = read_page(tmp_path / "report.html")
    assert len(page.all("section")) == 10
    assert [link.attributes["href"] for link in page.all("a")] == [
        f"#{section.attributes['id']}" for section in page.all("section")
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
