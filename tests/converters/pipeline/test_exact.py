"""JPEG slides are kept exactly, level by level, and what cannot be kept is told."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.options import ConvertOptions, OmeZarrVersion
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.pipeline.exact_chunks import DIFFERENT, PAINTED
from numcodecs_neural.converters.pipeline.summary import SlideReport
from numcodecs_neural.converters.sources import Frame, SlideSource, open_source
from numcodecs_neural.errors import ConfigError, UnsupportedJpegError
from numcodecs_neural.jpeg.mosaic import Mosaic
from tests.annotations import Convert, Image

EXACT_ON_WHITE = {"glass": "keep", "bright_field": "no"}


@pytest.fixture
def source(svs: Path) -> Iterator[SlideSource]:
    source = open_source(svs)
    yield source
    source.close()


@pytest.fixture
def single(slide: Image, tmp_path: Path) -> Iterator[SlideSource]:
    """Return a slide of one level, whose tiles are JPEG in 4:2:0."""
    path = tmp_path / "single.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            slide[200:900, 100:700],
            tile=(128, 128),
            compression="jpeg",
            compressionargs={"level": 80, "subsampling": "420"},
            photometric="ycbcr",
            metadata=None,
        )
    source = open_source(path)
    yield source
    source.close()


def original(source: SlideSource, level: int) -> Image:
    height, width = source.info.level_shapes[level]
    pixels: Image = source.read_region(Region(0, 0, height, width), level)
    return pixels


def stored(group: Any, level: int) -> Image:
    pixels: Image = np.moveaxis(np.asarray(group[str(level)][...]), 0, -1)
    return pixels


def codings(report: SlideReport) -> list[tuple[str, int]]:
    return [(level.coding, level.codec["quality"]) for level in report.levels]


def history(group: Any) -> Any:
    return group.attrs["numcodecs_neural"]["lossy_history"]


def test_the_slide_s_own_levels_are_kept_and_smaller_ones_reduced(
    source: SlideSource, converted: Convert
) -> None:
    group, report = converted(source, ConvertOptions(chunk_px=240, **EXACT_ON_WHITE))

    assert codings(report) == [("jpeg", 60), ("jpeg", 60), ("lossy", 20)]
    for level in (0, 1):
        assert np.array_equal(stored(group, level), original(source, level))
    assert [level.is_exact for level in report.levels] == [True, True, False]
    assert group["2"].shape == (3, 188, 163)
    assert report.levels[2].psnr_db is not None


def test_chunks_that_are_stored_are_exact_where_glass_is_elided(
    source: SlideSource, converted: Convert
) -> None:
    group, report = converted(source, ConvertOptions(chunk_px=240))

    kept = np.asarray(group["coverage/levels/0"][...]) == 1
    assert 0 < kept.sum() < kept.size
    is_kept = np.kron(kept, np.ones((240, 240), bool))[:1501, :1303]
    assert np.array_equal(stored(group, 0)[is_kept], original(source, 0)[is_kept])
    assert (stored(group, 0)[~is_kept] == group["0"].fill_value).all()
    assert report.levels[0].exact == kept.sum()


def test_an_exact_level_0_adds_no_lossy_step(source: SlideSource, converted: Convert) -> None:
    group, _ = converted(source, ConvertOptions())

    assert [step["method"] for step in history(group)] == ["jpeg"]
    levels = group.attrs["numcodecs_neural"]["levels"]
    assert [level["is_exact"] for level in levels] == [True, True]
    assert [level["source_level"] for level in levels] == [0, 1]


def test_a_store_read_again_has_no_step_of_its_exact_chunks(
    source: SlideSource, tmp_path: Path
) -> None:
    convert(source, tmp_path / "a.ome.zarr", ConvertOptions())

    again = open_source(tmp_path / "a.ome.zarr")

    assert [step.method for step in again.info.history] == ["jpeg"]
    again.close()


def test_the_neural_codec_codes_jpeg_slides_with_loss(
    source: SlideSource, converted: Convert
) -> None:
    group, report = converted(source, ConvertOptions(codec="neural"))

    assert {level.coding for level in report.levels} == {"lossy"}
    assert group["0"].chunks == (3, 512, 512)
    assert [step["method"] for step in history(group)] == ["jpeg", "neural_image"]


def test_subsampled_tiles_are_kept_and_levels_below_reduced(
    single: SlideSource, converted: Convert
) -> None:
    options = ConvertOptions(chunk_px=256, levels_quality=35, **EXACT_ON_WHITE)

    group, report = converted(single, options)

    assert codings(report) == [("jpeg", 60), ("lossy", 35), ("lossy", 35)]
    assert np.array_equal(stored(group, 0), original(single, 0))


def test_levels_that_are_asked_for_are_reduced_from_an_exact_level_0(
    source: SlideSource, converted: Convert
) -> None:
    group, report = converted(source, ConvertOptions(levels=2, **EXACT_ON_WHITE))

    assert [level.coding for level in report.levels] == ["jpeg", "lossy"]
    assert group["1"].shape == (3, 751, 652)
    assert np.array_equal(stored(group, 0), original(source, 0))


def test_existing_levels_are_all_there_are(source: SlideSource, converted: Convert) -> None:
    _, report = converted(source, ConvertOptions(chunk_px=240, use_existing_levels=True))

    assert [level.coding for level in report.levels] == ["jpeg", "jpeg"]


def test_chunks_that_cut_tiles_are_coded_with_loss_and_the_reason_is_told(
    source: SlideSource, converted: Convert
) -> None:
    _, report = converted(source, ConvertOptions(chunk_px=512))

    assert report.levels[0].coding == "lossy"
    assert any("240 x 240 pixels, which chunks of 512 cut" in text for text in report.cautions)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_workers_do_not_change_a_byte_of_exact_levels(
    source: SlideSource, tmp_path: Path, version: OmeZarrVersion
) -> None:
    contents = []
    for workers in (1, 3):
        options = ConvertOptions(chunk_px=240, ome_zarr_version=version, workers=workers)
        output = tmp_path / f"{workers}.ome.zarr"
        assert convert(source, output, options).levels[0].is_exact
        files = (path for path in output.rglob("*") if path.is_file())
        contents.append({path.relative_to(output): path.read_bytes() for path in files})

    assert contents[0] == contents[1]


class Refusing:
    """A slide of which one chunk has no JPEG data that can be kept, and another has wrong ones."""

    def __init__(self, source: SlideSource) -> None:
        self._source = source
        self.info = source.info
        self.read_region, self.read_associated = source.read_region, source.read_associated
        self.jpeg_tiles, self.jpeg_file = source.jpeg_tiles, source.jpeg_file
        self.close = source.close

    def read_mosaic(self, region: Region, level: int = 0, frame: Frame = ()) -> Mosaic:
        if (level, region.y, region.x) == (0, 480, 240):
            raise UnsupportedJpegError("the tables of its tiles differ")
        if (level, region.y, region.x) == (0, 480, 480):
            region = Region(240, 240, 240, 240)
        mosaic: Mosaic = self._source.read_mosaic(region, level, frame)
        return mosaic


def test_chunks_that_cannot_be_kept_are_counted_and_told(
    source: SlideSource, converted: Convert
) -> None:
    group, report = converted(Refusing(source), ConvertOptions(chunk_px=240, **EXACT_ON_WHITE))

    first = report.levels[0]
    assert first.fallbacks == {DIFFERENT: 1, "the tables of its tiles differ": 1}
    assert (first.exact, first.stored, first.is_exact) == (40, 42, False)
    (text,) = (text for text in report.cautions if "not exact" in text)
    assert text.startswith("2 of 42 chunks of level 0 are not exact")
    last = history(group)[-1]
    assert (last["method"], last["chunks"], last["of_chunks"]) == ("neural_image", 2, 42)
    differs = (stored(group, 0) != original(source, 0)).any(-1)
    assert differs[480:720, 240:720].any()
    differs[480:720, 240:720] = False
    assert not differs.any()


def test_an_archive_keeps_such_chunks_without_loss(source: SlideSource, converted: Convert) -> None:
    options = ConvertOptions(chunk_px=240, archive=True)

    group, report = converted(Refusing(source), options)

    assert report.levels[0].is_exact
    assert np.array_equal(stored(group, 0), original(source, 0))


def test_within_a_bound_such_chunks_keep_it_and_level_0_stays_jpeg(
    source: SlideSource, converted: Convert
) -> None:
    group, report = converted(Refusing(source), ConvertOptions(chunk_px=240, max_error=2))

    first = report.levels[0]
    assert (first.coding, first.pixels, first.exact) == ("jpeg", "exact*", 40)
    (text,) = (text for text in report.cautions if "not exact" in text)
    assert text.startswith("2 of 42 chunks of level 0 are not exact, and within 2 instead: 1 since")
    assert (history(group)[-1]["note"], history(group)[-1]["chunks"]) == (
        "every sample within 2",
        2,
    )
    error = np.abs(stored(group, 0).astype(int) - original(source, 0))
    assert error.max() == 2


def test_without_loss_such_chunks_are_exact(source: SlideSource, converted: Convert) -> None:
    group, report = converted(Refusing(source), ConvertOptions(chunk_px=240, max_error=0))

    first = report.levels[0]
    assert (first.coding, first.pixels, first.is_exact) == ("jpeg", "exact", True)
    assert history(group) == [step for step in history(group) if step["method"] == "jpeg"]
    assert np.array_equal(stored(group, 0), original(source, 0))


def test_painted_chunks_are_not_exact(source: SlideSource, converted: Convert) -> None:
    _, report = converted(source, ConvertOptions(chunk_px=240, glass="flatten"))

    first = report.levels[0]
    assert set(first.fallbacks) == {PAINTED}
    assert first.exact > 0


def test_an_archive_holds_all_levels_and_the_glass_exactly(
    source: SlideSource, converted: Convert
) -> None:
    group, report = converted(source, ConvertOptions(archive=True))

    assert report.glass == "keep"
    assert [level.coding for level in report.levels] == ["jpeg", "jpeg"]
    assert [level.elided + level.empty for level in report.levels] == [0, 0]
    for level in (0, 1):
        assert np.array_equal(stored(group, level), original(source, level))
    assert any("label and macro are not in the archive" in text for text in report.cautions)


def test_an_archive_of_one_level_has_lossy_levels_for_viewers(
    single: SlideSource, converted: Convert
) -> None:
    group, report = converted(single, ConvertOptions(archive=True, chunk_px=256))

    assert codings(report) == [("jpeg", 60), ("lossy", 20), ("lossy", 20)]
    assert [level["is_exact"] for level in group.attrs["numcodecs_neural"]["levels"]] == [
        *(True, False, False)
    ]


def test_levels_of_an_archive_that_are_not_jpeg_are_stored_losslessly(
    array_source: Any, slide: Image, converted: Convert
) -> None:
    group, report = converted(array_source, ConvertOptions(archive=True))

    assert [(level.coding, level.why) for level in report.levels] == [
        ("lossless", "its pixels are in memory")
    ] * 2
    assert np.array_equal(stored(group, 0), slide)
    assert group["0"].serializer.encoder["max_error"] == 0
    assert history(group) == []


def test_chunks_that_keep_an_archive_from_being_exact_are_refused(
    source: SlideSource, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="level 0 of generated cannot be kept exactly"):
        convert(source, tmp_path / "out", ConvertOptions(archive=True, chunk_px=512))


def test_a_store_larger_than_its_source_says_so_and_which_quality_would_fit(
    source: SlideSource, converted: Convert
) -> None:
    neural = ConvertOptions(codec="neural", model="he-fast-1", glass="keep", overwrite=True)

    _, report = converted(source, replace(neural, quality=100))

    assert report.source_nbytes is not None
    assert report.nbytes > report.source_nbytes
    assert "LARGER than the source file" in str(report.against_source)
    (text,) = (text for text in report.cautions if "LARGER" in text)
    quality = int(text.partition("--quality ")[2].split()[0])
    fitting = replace(neural, quality=quality)
    assert converted(source, fitting)[1].nbytes < 1.25 * report.source_nbytes


def test_exact_chunks_read_back_in_any_zarr_array(source: SlideSource, tmp_path: Path) -> None:
    convert(source, tmp_path / "a.ozx", ConvertOptions(**EXACT_ON_WHITE))

    with zarr.storage.ZipStore(tmp_path / "a.ozx", mode="r") as store:
        array: Any = zarr.open_group(store, mode="r")["0"]
        pixels = np.asarray(array[:, 900:1000, 300:400])

    assert np.array_equal(np.moveaxis(pixels, 0, -1), original(source, 0)[900:1000, 300:400])


@pytest.mark.parametrize(
    ("nbytes", "says"),
    [
        (1490, "49 % LARGER than the source file"),
        (1001, "1 % LARGER than the source file"),
        (1000, "0 % smaller than the source file"),
        (746, "25 % smaller than the source file"),
        (None, None),
    ],
)
def test_a_report_says_how_a_store_compares_with_its_source(
    nbytes: int | None, says: str | None
) -> None:
    report = SlideReport(
        source="slide",
        output="out",
        levels=(),
        glass="keep",
        tissue_area=None,
        raw_nbytes=10_000,
        nbytes=nbytes or 0,
        source_nbytes=1000 if nbytes else None,
        codec={},
        seconds=0.0,
    )

    assert report.against_source == says
