"""max-error: every sample of every level lies within a bound of what was to be stored."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import zarr
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.options import ConvertOptions, OmeZarrVersion
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.pipeline.plan import plan_conversion
from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.converters.trials.compare import compare
from numcodecs_neural.converters.trials.dry_run import estimate
from numcodecs_neural.errors import ConfigError, DtypeError
from tests.annotations import Convert, FindFile, Image, Refused, RunCli
from tests.converters.pipeline.test_frames import FrameSource

DATA: Any = skimage.data
HEIGHT, WIDTH = 150, 170


def options(max_error: int | None, **changes: Any) -> ConvertOptions:
    defaults: dict[str, Any] = {"max_error": max_error, "chunk_px": 64, "levels": 2, "workers": 1}
    return ConvertOptions(**(defaults | changes))


def wide(dtype: str) -> NDArray[Any]:
    """Return grey pixels that use more than 8 bits of a wider dtype, below 0 if it has a sign."""
    grey = DATA.camera()[:HEIGHT, :WIDTH].astype(np.int64)
    spread = grey * 37 + np.arange(WIDTH) % 29
    found: NDArray[Any] = (spread - 4000 * (dtype == "int16")).astype(dtype)
    return found


def colour() -> Image:
    found: Image = np.ascontiguousarray(DATA.immunohistochemistry()[:HEIGHT, :WIDTH])
    return found


SLIDES: dict[str, Callable[[], FrameSource]] = {
    "RGB": lambda: FrameSource(colour(), ""),
    "RGB of 16 bits": lambda: FrameSource(colour().astype(np.uint16) * 201, ""),
    "RGB in depth": lambda: FrameSource(np.stack([colour(), colour()[::-1]]), "z"),
    "grey": lambda: FrameSource(DATA.camera()[:HEIGHT, :WIDTH, None], ""),
    "uint16": lambda: FrameSource(wide("uint16")[..., None], ""),
    "int16": lambda: FrameSource(wide("int16")[..., None], ""),
    "big-endian": lambda: FrameSource(wide(">u2")[..., None], ""),
    "channels": lambda: FrameSource(
        np.stack([wide("uint16"), wide("uint16")[::-1]])[..., None], "c"
    ),
}


def all_levels(path: Path, levels: int) -> list[NDArray[np.int64]]:
    group = zarr.open_group(path, mode="r")
    found: list[Any] = [group[str(level)] for level in range(levels)]
    return [np.asarray(level[...]).astype(np.int64) for level in found]


def errors(source: Any, tmp_path: Path, chosen: ConvertOptions) -> list[int]:
    """Return by how much each level errs, against the same pyramid as it is."""
    raw = replace(chosen, max_error=None, codec="none", glass="keep")
    report = convert(source, tmp_path / "raw", raw)
    convert(source, tmp_path / "out", chosen)
    pairs = (all_levels(tmp_path / name, len(report.levels)) for name in ("raw", "out"))
    return [int(np.abs(a - b).max()) for a, b in zip(*pairs, strict=True)]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("name", SLIDES)
def test_every_sample_of_every_level_keeps_the_bound(
    name: str, version: OmeZarrVersion, tmp_path: Path
) -> None:
    source = SLIDES[name]()
    for max_error in (0, 3):
        found = errors(
            source, tmp_path / str(max_error), options(max_error, ome_zarr_version=version)
        )

        assert len(found) == 2
        assert max(found) == max_error


def test_a_crop_of_a_jpeg_2000_slide_keeps_it(
    shared_slide: FindFile, source_of: Callable[..., Any], tmp_path: Path
) -> None:
    with closing(open_source(shared_slide("aperio-svs/TCGA-CR-7395-01A-01-TS1.svs"))) as slide:
        pixels = slide.read_region(Region(1700, 2200, 300, 400))

    source = source_of(pixels)

    assert errors(source, tmp_path / "0", options(0, chunk_px=128)) == [0, 0]
    assert max(errors(source, tmp_path / "2", options(2, chunk_px=128))) == 2
    assert np.array_equal(all_levels(tmp_path / "0" / "out", 1)[0], np.moveaxis(pixels, -1, 0))


@pytest.mark.parametrize(
    "name", ["xy_16bit__embryo_transmission", "xyc_16bit__nuclei_golgi"], ids=["one", "channels"]
)
def test_microscopy_of_16_bits_keeps_it(shared_file: FindFile, name: str, tmp_path: Path) -> None:
    path = shared_file(f"microscopy/neubias_ccby4/image_data__{name}.tif")
    with closing(open_source(path)) as source:
        assert errors(source, tmp_path / "0", options(0, chunk_px=128)) == [0, 0]
        assert max(errors(source, tmp_path / "4", options(4, chunk_px=128))) == 4


def test_nothing_lost_is_told_as_exact(source: FrameSource, converted: Convert) -> None:
    group, report = converted(source, options(0))

    first, second = report.levels
    assert (first.coding, first.pixels, first.is_exact) == ("lossless", "exact", True)
    assert (second.coding, second.pixels, second.is_exact) == ("lossless", "lossless", False)
    assert first.psnr_db is None
    block = group.attrs["numcodecs_neural"]
    assert block["lossy_history"] == []
    assert [level["codec"]["max_error"] for level in block["levels"]] == [0, 0]
    assert [level["coding"] for level in report.to_json()["levels"]] == ["lossless"] * 2


def test_the_history_of_a_bound_says_it(source: FrameSource, converted: Convert) -> None:
    group, report = converted(source, options(2))

    assert [level.pixels for level in report.levels] == ["within 2"] * 2
    (step,) = group.attrs["numcodecs_neural"]["lossy_history"]
    assert (step["max_error"], step["note"]) == (2, "every sample within 2")
    assert "quality" not in step
    assert step["psnr_db"] > 40


def test_exact_regions_are_exact_inside_a_bound(
    source: FrameSource, converted: Convert, tmp_path: Path
) -> None:
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("70,10,5,5\n")

    group, report = converted(source, options(3, exact_regions=str(boxes)))

    found = np.moveaxis(np.asarray(group["0"]), 0, -1)
    error = np.abs(found.astype(int) - colour())
    assert error[:64, 64:128].max() == 0
    assert error.max() == 3
    assert report.levels[0].pixels == "within 3, 1 exact"


def test_reduced_levels_may_have_a_quality_instead(source: FrameSource) -> None:
    plan = plan_conversion(source, options(0, levels_quality=30))

    first, second = (codec.parameters for codec in plan.codecs)
    assert first["max_error"] == 0
    assert second["quality"] == 30
    assert "max_error" not in second


def test_jpeg_stays_as_it_is_and_what_is_reduced_keeps_the_bound(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    run_cli(svs, "-o", tmp_path / "raw", "--archive")
    arguments = ("--max-error", 2, "--chunk", 240, "--report", tmp_path / "report.json")
    code, out, err = run_cli(svs, "-o", tmp_path / "out", *arguments)

    assert (code, err) == (0, "")
    told = " ".join(out.split())
    assert "Levels 0 to 1: every pixel of what is stored is exact, as the source's own JPEG" in told
    assert "every sample of what is stored is within 2 of the reduced one" in told
    (report,) = json.loads((tmp_path / "report.json").read_text())["slides"]
    assert report["glass"] == "keep"
    assert [level["coding"] for level in report["levels"]] == ["jpeg", "jpeg", "lossy"]
    assert report["levels"][2]["codec"]["max_error"] == 2
    for before, after in zip(
        all_levels(tmp_path / "raw", 2), all_levels(tmp_path / "out", 2), strict=True
    ):
        assert np.array_equal(before, after)


def test_jpeg_kept_beside_levels_without_loss_is_told_as_jpeg(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    _, out, _ = run_cli(svs, "-o", tmp_path / "out", "--max-error", 0, "--chunk", 240)

    told = " ".join(out.split())
    assert "Levels 0 to 1: every pixel of what is stored is exact, as the source's own JPEG" in told
    assert "Level 2: every sample of what is stored is as reduced, by codec neural_image" in told


def test_pixels_of_a_jpeg_slide_are_coded_where_the_codec_is_named(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    arguments = ("--max-error", 0, "--codec", "neural", "--levels", 1)
    _, out, _ = run_cli(svs, "-o", tmp_path / "out", *arguments)

    told = " ".join(out.split())
    assert "every pixel of what is stored is exact, by codec neural_image" in told
    assert (
        "LARGER than the source file: the source has lost bits before (jpeg), and its pixels take "
        "more; it would be smaller without its glass (--glass elide)."
    ) in told
    with closing(open_source(svs)) as source:
        original = source.read_region(Region(0, 0, *source.info.shape))
    (found,) = all_levels(tmp_path / "out", 1)
    assert np.array_equal(np.moveaxis(found, 0, -1), original)


def test_a_larger_bound_is_advised_where_a_store_is_larger_than_its_source(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    arguments = ("--max-error", 1, "--codec", "neural", "--levels", 1)
    _, out, _ = run_cli(svs, "-o", tmp_path / "out", *arguments)

    told = " ".join(out.split())
    assert "LARGER than the source file: a larger --max-error makes it smaller." in told
    assert "at a larger --max-error it would be smaller, and more bits bring nothing back" in told


def test_a_bound_is_compared_beside_a_model_that_has_qualities(source: FrameSource) -> None:
    plan = plan_conversion(source, options(0, model="exact"))

    names = {codec.name for codec in compare(plan).codecs}

    assert {"he-fast-2", "exact-1"} <= names


def test_dry_run_tells_what_keeps_the_bound(
    run_cli: RunCli, source: FrameSource, svs: Path, tmp_path: Path
) -> None:
    chosen = options(3)
    found = estimate(plan_conversion(source, chosen))
    stored = convert(source, tmp_path / "out", chosen).nbytes
    _, out, _ = run_cli(svs, "--dry-run", "--max-error", 3, "--levels", 3, "--codec", "neural")

    assert (found.exact, found.bounded) == ((), (0, 1))
    assert found.nbytes == pytest.approx(stored, rel=0.15)
    assert "0 to 2 within 3" in out
    assert estimate(plan_conversion(source, options(0))).exact == (0,)


def test_a_store_that_was_begun_within_another_bound_is_not_continued(source: FrameSource) -> None:
    plans = [plan_conversion(source, options(bound)) for bound in (0, 1, None)]

    assert len({plan.fingerprint for plan in plans}) == 3


@pytest.fixture
def source() -> FrameSource:
    return SLIDES["RGB"]()


def test_floats_are_refused_with_what_to_do_before_anything_is_written(tmp_path: Path) -> None:
    source = FrameSource(wide("float32")[..., None], "")

    with pytest.raises(DtypeError, match=r"is float32, and the weights 'exact-1' code .*: scale"):
        convert(source, tmp_path / "out", options(0))
    assert list(tmp_path.iterdir()) == []


def test_a_bound_that_all_samples_keep_is_refused(source: FrameSource, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="max_error is 300, and samples of uint8 never"):
        convert(source, tmp_path / "out", options(300))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--quality", "60"], "--quality names a quality, and --max-error a bound"),
        (["--target-psnr", "40"], "target-psnr is 40.0 and max-error is 2: leave one of them out"),
        (["--chunk-psnr", "40"], "chunk-psnr is 40.0 and max-error is 2: leave one of them out"),
        (["--tune", "ssim"], "tune is ssim and max-error is 2: leave one of them out"),
        (["--jpeg-quality", "90"], "jpeg-quality is 90 and max-error is 2: leave one of them out"),
        (["--codec", "zstd"], "max-error is for the neural codec, and codec is zstd"),
        (["--glass", "flatten"], "glass flatten paints some: leave one of the two out"),
        (["--archive"], "max-error is 2: leave one of the two out"),
        (["--model", "he-fast"], "model is he-fast and max-error is 2: leave one of them out"),
        (["--max-error", "-1"], "max-error is -1; it must be a whole number from 0 to 65534"),
        (["--max-error", "70000"], "max-error is 70000; it must be a whole number from 0 to"),
        (["--max-error", "1.5"], "'1.5' is no whole number"),
    ],
)
def test_what_a_bound_excludes_is_refused(
    refused: Refused, svs: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    found = refused(svs, "-o", tmp_path / "out", "--max-error", 2, *arguments, code=2)

    assert says in found
    assert not (tmp_path / "out").exists()


def test_its_weights_without_a_bound_are_refused(
    refused: Refused, svs: Path, tmp_path: Path
) -> None:
    said = refused(svs, "-o", tmp_path / "out", "--model", "exact", code=2)

    assert "the model exact codes within a bound, and there is none: give max-error" in said
    assert ConvertOptions(model="exact-1", max_error=0).model == "exact-1"
