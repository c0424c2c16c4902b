"""Estimates of stores against the stores themselves."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.pipeline.plan import plan_conversion
from numcodecs_neural.converters.sources import SlideSource, open_source
from numcodecs_neural.converters.trials.compare import compare
from numcodecs_neural.converters.trials.dry_run import estimate
from tests.annotations import FindFile, Image
from tests.converters.conftest import ArraySource

# A third of the pixels lies in chunks that the edge cuts, and these are five of nine.
HEIGHT, WIDTH = 290, 320
OPTIONS = ConvertOptions(codec="jpegxl", chunk_px=128, levels=1, glass="keep", bright_field="no")


@pytest.fixture
def slide(tissue: Image) -> SlideSource:
    return ArraySource(np.moveaxis(tissue, 0, -1)[:HEIGHT, :WIDTH])


@pytest.fixture
def jpeg_slide(tissue: Image, tmp_path: Path) -> Iterator[SlideSource]:
    path = tmp_path / "slide.tif"
    pixels = np.ascontiguousarray(np.moveaxis(tissue, 0, -1)[:HEIGHT, :WIDTH])
    tifffile.imwrite(path, pixels, compression="jpeg", tile=(64, 64), photometric="rgb")
    source = open_source(path)
    yield source
    source.close()


def test_chunks_at_the_edge_count_by_their_pixels(slide: SlideSource, tmp_path: Path) -> None:
    found = estimate(plan_conversion(slide, OPTIONS))

    stored = convert(slide, tmp_path / "out", OPTIONS).nbytes
    assert found.nbytes == pytest.approx(stored, rel=0.03)


def test_they_count_so_in_a_comparison(slide: SlideSource, tmp_path: Path) -> None:
    found = {codec.name: codec for codec in compare(plan_conversion(slide, OPTIONS)).codecs}

    stored = convert(slide, tmp_path / "out", replace(OPTIONS, codec="zstd")).nbytes
    assert found["zstd"].nbytes == pytest.approx(stored, rel=0.03)


def test_they_count_so_where_jpeg_tiles_are_kept(jpeg_slide: SlideSource, tmp_path: Path) -> None:
    options = replace(OPTIONS, codec="auto")
    plan = plan_conversion(jpeg_slide, options)
    (exact,) = (codec for codec in compare(plan).codecs if codec.name == "exact")

    stored = convert(jpeg_slide, tmp_path / "out", options).nbytes
    assert estimate(plan).nbytes == pytest.approx(stored, rel=0.03)
    assert exact.nbytes == pytest.approx(stored, rel=0.03)


@pytest.mark.slow
def test_a_real_slide_is_estimated_within_some_percent(
    shared_slide: FindFile, tmp_path: Path
) -> None:
    source = open_source(shared_slide("aperio-svs/CMU-1-Small-Region.svs"))

    found = estimate(plan_conversion(source, ConvertOptions()))

    stored = convert(source, tmp_path / "out", ConvertOptions()).nbytes
    assert found.nbytes == pytest.approx(stored, rel=0.06)
    source.close()
