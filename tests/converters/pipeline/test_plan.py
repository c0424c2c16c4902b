"""A slide is planned, looked at and calibrated once, and level 0 is coded as it was read."""

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural.converters.options import CodecName, ConvertOptions, GlassTreatment
from numcodecs_neural.converters.pipeline import plan as plan_module
from numcodecs_neural.converters.pipeline.convert import convert, convert_planned
from numcodecs_neural.converters.pipeline.plan import ConversionPlan, plan_conversion
from numcodecs_neural.converters.pipeline.rate_control import Trial
from numcodecs_neural.converters.pipeline.region_writer import PyramidWriter
from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.converters.store.arrays import PyramidArrays
from tests.annotations import Image, RunCli

TARGET = ("--codec", "jpeg", "--target-psnr", 31, "--levels", 1, "--chunk", 128, "--shard", 256)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how many plans and masks were made, and how many times chunks were coded."""
    counted: Counter[str] = Counter()

    def count(owner: Any, name: str, what: str) -> None:
        call = getattr(owner, name)

        def counting(*arguments: Any, **keywords: Any) -> Any:
            counted[what] += 1
            return call(*arguments, **keywords)

        monkeypatch.setattr(owner, name, counting)

    count(ConversionPlan, "__init__", "plans")
    count(plan_module, "read_overview", "masks")
    count(plan_module, "quality_for_psnr", "calibrations")
    count(Trial, "measure", "coded")
    count(PyramidWriter, "write_region", "coded")
    return counted


def test_finished_store_of_a_psnr_is_skipped_by_one_plan_and_nothing_coded(
    run_cli: RunCli, svs: Path, tmp_path: Path, counts: Counter[str]
) -> None:
    assert run_cli(svs, "-o", tmp_path / "out", *TARGET)[0] == 0
    assert (counts["plans"], counts["masks"], counts["calibrations"]) == (1, 1, 1)
    counts.clear()

    code, out, _ = run_cli(svs, "-o", tmp_path / "out", *TARGET, "--resume")

    assert code == 0
    assert "made with the same settings" in " ".join(out.split())
    assert counts == {"plans": 1}


def test_dry_run_has_one_plan_and_one_mask(
    run_cli: RunCli, svs: Path, tmp_path: Path, counts: Counter[str]
) -> None:
    code, _, err = run_cli(svs, "-o", tmp_path / "out", *TARGET, "--dry-run")

    assert (code, err) == (0, "")
    assert (counts["plans"], counts["masks"], counts["calibrations"]) == (1, 1, 1)


@pytest.mark.parametrize("codec", ["auto", "neural", "jpegxl", "jpeg2k", "jpeg", "zstd", "none"])
def test_plan_pickles_with_what_is_decided_and_without_the_slide_s_description(
    svs: Path, codec: CodecName
) -> None:
    plan = plan_conversion(open_source(svs), ConvertOptions(codec=codec))
    # Of these, only the description may be large, beside the mask.
    decided = (plan.info, plan.codecs, plan.glass)

    pickled = pickle.dumps(plan)

    again = pickle.loads(pickled)
    assert "info" not in vars(again)
    assert again.info == decided[0]
    assert vars(again)["codecs"] == decided[1]
    assert np.array_equal(vars(again)["glass"].tissue, plan.glass.tissue)
    assert plan.glass.tissue is not None
    assert len(pickled) < 2 * plan.glass.tissue.nbytes + 10_000
    plan.source.close()
    again.source.close()


@pytest.mark.usefixtures("lossless")
@pytest.mark.parametrize("glass", ["elide", "flatten", "keep"])
def test_level_0_is_handed_to_zarr_in_the_memory_it_was_read_into(
    array_source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glass: GlassTreatment
) -> None:
    read: list[NDArray[Any]] = []
    written: list[NDArray[Any]] = []
    read_region, write_image = array_source.read_region, PyramidArrays.write_image

    def reading(*where: Any) -> NDArray[Any]:
        read.append(read_region(*where))
        return read[-1]

    def writing(arrays: Any, level: int, selection: Any, pixels: Any, chunk_px: int) -> None:
        written.append(pixels)
        write_image(arrays, level, selection, pixels, chunk_px)

    plan = plan_conversion(
        array_source, ConvertOptions(chunk_px=128, shard_px=256, workers=1, levels=1, glass=glass)
    )
    assert plan.glass.treatment == glass
    monkeypatch.setattr(array_source, "read_region", reading)
    monkeypatch.setattr(PyramidArrays, "write_image", writing)

    convert_planned(plan, str(tmp_path / "out"), lambda done, total: None)

    # Zarr cuts the chunks out of it, and moves samples on the way, which is the only time.
    grid, elided = plan.grids[0], plan.glass.elided[0]
    is_needed = [not elided[grid.chunks_of(cell)].all() for cell in grid.regions()]
    assert len(written) == 6 * 6
    assert len(read) == sum(is_needed)
    assert all(any(np.shares_memory(pixels, each) for each in written) for pixels in read)


def test_codec_that_loses_nothing_at_its_setting_is_no_step_of_the_lossy_history(
    source_of: Any, slide: Image, tmp_path: Path
) -> None:
    options = ConvertOptions(codec="jpegxl", quality=100, levels=1)

    report = convert(source_of(slide[300:500, 200:400]), tmp_path / "out", options)

    block: Any = zarr.open_group(tmp_path / "out", mode="r").attrs["numcodecs_neural"]
    assert block["lossy_history"] == []
    assert report.levels[0].chunks_sampled == 0
