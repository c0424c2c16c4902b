"""Real TIFF files of many makers, where the shared data stand beside the checkout."""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import SlideInfo, SlideSource, open_source
from numcodecs_neural.errors import SourceError
from tests.annotations import FindFile, Open, Rng

# One of each kind: maker, compression, layout, type of sample, axes.
SLIDES = (
    *("aperio-svs/CMU-1-Small-Region.svs", "aperio-svs/TCGA-CR-7395-01A-01-TS1.svs"),
    *("hamamatsu-ndpi/test3-DAPI-2-387.ndpi", "hamamatsu-ndpi/test3-TRITC-2-560.ndpi"),
    *("akoya-qptiff/small_vectra.qptiff", "ome-tiff/OS-1-detail.ome.tif"),
    *("ome-tiff/OS-2-ndpi.ome.tif", "ome-tiff/OS-2-vsi.ome.tif"),
    *("tiled-tiff/CMU-1-Small-Region.jp2.tiff", "tiled-tiff/CMU-1-Small-Region.jpeg.tiff"),
    "tiled-tiff/CMU-1-Small-Region.webp.tiff",
)
NEUBIAS = "neubias_ccby4/image_data__"
MICROSCOPY = (
    "cellprofiler_bsd3/ExampleFly__images__01_POS002_F.TIF",
    "cellprofiler_bsd3/ExampleSpeckles__images__1-162hrh2ax2.tif",
    "cellprofiler_bsd3/ExampleHuman__images__AS_09125_050116030001_D03f00d0.tif",
    "stardist_bsd3/stardist__data__images__img3d.tif",
    f"{NEUBIAS}spatial_omics_dapi__r1_DAPI_downsampled.tiff",
    f"{NEUBIAS}xy_rgb__cells.tif",
    f"{NEUBIAS}xyc_16bit__hela-cells.tif",
    f"{NEUBIAS}xyc_8bit__membranes_nuclei_big.tif",
    f"{NEUBIAS}xyt_calibrated_16bit__golgi_bfa_sum_projection.tif",
    f"{NEUBIAS}xyzc_16bit__dna_conf_wf.tif",
)


@pytest.mark.parametrize(
    "name", [*(f"wsi/{name}" for name in SLIDES), *(f"microscopy/{name}" for name in MICROSCOPY)]
)
def test_every_level_and_frame_is_what_tifffile_reads(
    name: str, shared_file: FindFile, rng: Rng
) -> None:
    path = shared_file(name)

    with closing(open_source(path)) as source, tifffile.TiffFile(path) as tiff:
        levels = tiff.series[0].levels
        assert len(source.info.level_shapes) == len(levels)
        for number, level in enumerate(levels):
            pixels = frames_first(level, source.info)
            assert pixels.shape[-3:-1] == source.info.level_shapes[number]
            check_some_regions(source, number, pixels, rng)


def check_some_regions(source: SlideSource, level: int, pixels: NDArray[Any], rng: Rng) -> None:
    """Compare regions at odd places of the first and the last frame."""
    height, width = pixels.shape[-3:-1]
    last = tuple(length - 1 for length in pixels.shape[:-3])
    for frame in (tuple(0 for _ in last), last):
        y, x = int(rng.integers(height)), int(rng.integers(width))
        size = (int(rng.integers(1, height - y + 1)), int(rng.integers(1, width - x + 1)))
        region = Region(y, x, min(size[0], 700), min(size[1], 700))
        found = source.read_region(region, level, frame)
        assert found.dtype == pixels.dtype
        assert (found == pixels[(*frame, *region.slices)]).all()


def frames_first(level: Any, info: SlideInfo) -> NDArray[Any]:
    """Return all pixels as tifffile reads them, axes in the order t, c, z, y, x, samples."""
    axes, pixels = level.axes, level.asarray()
    if "S" not in axes:
        axes, pixels = axes + "S", pixels[..., None]
    elif not info.is_rgb:
        axes, pixels = axes.replace("S", "C") + "S", pixels[..., None]
    axes = axes.replace("Q", "Z")
    order = [axis for axis in "TCZYXS" if axis in axes]
    assert sorted(order) == sorted(axes)
    ordered: NDArray[Any] = pixels.transpose([axes.index(axis) for axis in order])
    return ordered


def test_an_aperio_slide_shows_label_and_macro(shared_file: FindFile, opened: Open) -> None:
    path = shared_file("wsi/aperio-svs/CMU-1-Small-Region.svs")
    source = opened(path)

    label, macro = source.read_associated("label"), source.read_associated("macro")

    with tifffile.TiffFile(path) as tiff:
        assert label is not None
        assert macro is not None
        assert (label == tiff.pages[2].asarray()).all()
        assert (macro == tiff.pages[3].asarray()).all()


def test_a_vectra_slide_names_its_channels(shared_file: FindFile, opened: Open) -> None:
    info = opened(shared_file("wsi/akoya-qptiff/small_vectra.qptiff")).info

    found = [(channel.label, channel.color) for channel in info.channels]
    assert found == [("DAPI", "0000FF"), ("FITC", "00FF00"), ("Cy3", "FFFF00")]
    assert (info.mpp, info.magnification, info.dtype.name) == ((0.5, 0.5), 10, "uint8")


def test_a_hamamatsu_slide_stays_rgb_and_tells_its_objective(shared_file: FindFile) -> None:
    with closing(open_source(shared_file("wsi/hamamatsu-ndpi/test3-DAPI-2-387.ndpi"))) as source:
        info, macro = source.info, source.read_associated("macro")

    assert (info.samples, info.frames, info.magnification) == (3, (), 40)
    assert info.mpp == pytest.approx((0.2282, 0.2282), abs=1e-4)
    assert [(step.method, step.quality) for step in info.history] == [("jpeg", 90)]
    assert macro is not None
    assert macro.shape == (406, 1188, 3)


@pytest.mark.parametrize(
    ("name", "renamed"),
    [
        pytest.param("hamamatsu-ndpi/test3-DAPI-2-387.ndpi", "slide.tif", id="NDPI as TIFF"),
        pytest.param("aperio-svs/CMU-1-Small-Region.svs", "slide.ndpi", id="SVS as NDPI"),
    ],
)
def test_another_maker_s_suffix_does_no_harm(
    shared_file: FindFile, opened: Open, tmp_path: Path, name: str, renamed: str
) -> None:
    path = shared_file(f"wsi/{name}")
    shutil.copyfile(path, tmp_path / renamed)
    region = Region(300, 500, 700, 600)

    source, other = opened(path), opened(tmp_path / renamed)

    assert other.info.level_shapes == source.info.level_shapes
    assert (other.read_region(region) == source.read_region(region)).all()


def test_a_piece_of_ndpi_without_its_end_is_named(
    shared_file: FindFile, opened: Open, tmp_path: Path
) -> None:
    path = shared_file("wsi/hamamatsu-ndpi/test3-DAPI-2-387.ndpi")
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        end = page.dataoffsets[5] + page.databytecounts[5]
    content = bytearray(path.read_bytes())
    content[end - 40 : end] = bytes(40)
    (tmp_path / "cut.ndpi").write_bytes(content)

    source = opened(tmp_path / "cut.ndpi")

    with pytest.raises(SourceError, match="row 5, column 0 of level 0 does not decode"):
        source.read_region(Region(0, 0, 100, 100))


def test_nothing_is_printed_about_a_damaged_file(
    shared_file: FindFile, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = shared_file("wsi/aperio-svs/TCGA-CR-7395-01A-01-TS1.svs").read_bytes()
    (tmp_path / "half.svs").write_bytes(content[: len(content) // 2])

    with pytest.raises(SourceError, match=r"half\.svs has no image that can be read"):
        open_source(tmp_path / "half.svs")

    assert capfd.readouterr() == ("", "")
