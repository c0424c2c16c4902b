"""Real slides, where the shared data stand beside the checkout."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import ome_zarr_models
import pytest
import zarr

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.sources import open_source
from tests.annotations import FindFile, Refused, RunCli


def test_an_aperio_slide_converts_and_validates(
    shared_slide: FindFile, run_cli: RunCli, tmp_path: Path
) -> None:
    path = shared_slide("aperio-svs/CMU-1-Small-Region.svs")

    code, _, err = run_cli(path, "-o", tmp_path / "cmu.ome.zarr")

    assert (code, err) == (0, "")
    group = zarr.open_group(tmp_path / "cmu.ome.zarr", mode="r")
    image: Any = ome_zarr_models.open_ome_zarr(group)
    (multiscale,) = image.ome_attributes.multiscales
    assert multiscale.datasets[0].coordinateTransformations[0].scale == [1, 0.499, 0.499]
    history: Any = group.attrs["numcodecs_neural"]
    assert [step["method"] for step in history["lossy_history"]] == ["jpeg", "jpeg"]
    level: Any = group["0"]
    with closing(open_source(path)) as source:
        original = np.moveaxis(source.read_region(Region(1024, 512, 512, 512)), -1, 0)
    assert np.array_equal(level[:, 1024:1536, 512:1024], original)


@pytest.mark.parametrize(
    "name",
    [
        "aperio-svs/CMU-1-Small-Region.svs",
        "tiled-tiff/CMU-1-Small-Region.jpeg.tiff",
        "ome-tiff/OS-1-detail.ome.tif",
        "ome-tiff/OS-2-ndpi.ome.tif",
    ],
)
def test_an_archive_gives_back_every_pixel_of_every_level(
    shared_slide: FindFile, tmp_path: Path, name: str
) -> None:
    options = ConvertOptions(archive=True, use_existing_levels=True)

    with closing(open_source(shared_slide(name))) as source:
        report = convert(source, tmp_path / "out", options)
        group = zarr.open_group(tmp_path / "out", mode="r")
        for level, (height, width) in enumerate(source.info.level_shapes):
            stored: Any = group[str(level)]
            original = source.read_region(Region(0, 0, height, width), level)
            assert np.array_equal(np.moveaxis(stored[...], 0, -1), original)

    assert {level.coding for level in report.levels} == {"jpeg"}
    assert all(level.is_exact for level in report.levels)


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("aperio-svs/TCGA-CR-7395-01A-01-TS1.svs", None),
        ("hamamatsu-ndpi/test3-DAPI-2-387.ndpi", None),
        ("hamamatsu-ndpi/test3-TRITC-2-560.ndpi", None),
        ("dicom-wsi/CMU-1-Small-Region", "wsidicom"),
        ("dicom-wsi/CMU-1-Small-Region-J2K", "wsidicom"),
        ("akoya-qptiff/small_vectra.qptiff", None),
        ("tiled-tiff/CMU-1-Small-Region.jpeg.tiff", None),
        ("tiled-tiff/CMU-1-Small-Region.jp2.tiff", None),
        ("tiled-tiff/CMU-1-Small-Region.webp.tiff", None),
        ("ome-tiff/OS-1-detail.ome.tif", None),
        ("ome-tiff/OS-2-ndpi.ome.tif", None),
        ("ome-tiff/OS-2-vsi.ome.tif", None),
    ],
    ids=lambda value: Path(value).name if value else "",
)
def test_every_kind_of_slide_converts_and_validates(
    shared_slide: FindFile, run_cli: RunCli, tmp_path: Path, name: str, extra: str | None
) -> None:
    path = shared_slide(name)
    if extra:
        pytest.importorskip(extra)

    code, _, err = run_cli(path, "-o", tmp_path / "out", "--codec", "jpeg", "--levels", 3)

    assert (code, err) == (0, "")
    group = zarr.open_group(tmp_path / "out", mode="r")
    ome_zarr_models.open_ome_zarr(group)
    smallest: Any = group["2"]
    assert smallest[:].std() > 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("olympus-vsi/vsi-ets-test-jpg2k.vsi", "bioformats2raw"),
        ("dicom-wsi/pathml-small", "ImageType"),
    ],
)
def test_what_nobody_here_reads_is_refused_with_what_would(
    shared_slide: FindFile, refused: Refused, tmp_path: Path, name: str, says: str
) -> None:
    path = shared_slide(name)
    if name.startswith("dicom"):
        pytest.importorskip("wsidicom")

    assert says in refused(path, "-o", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("lossless")
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_glass_of_a_real_section_is_elided_and_nothing_else_touched(
    shared_slide: FindFile, tmp_path: Path, version: Any
) -> None:
    path = shared_slide("derived-pyramids/her2st_B4_pyramidal.ome.tif")
    with closing(open_source(path)) as source:
        options = ConvertOptions(codec="neural", ome_zarr_version=version)
        convert(source, tmp_path / "out", options)
        height, width = source.info.shape
        original = np.moveaxis(source.read_region(Region(0, 0, height, width)), -1, 0)

    group = zarr.open_group(tmp_path / "out", mode="r")
    image: Any = group["0"]
    tissue = np.asarray(group["labels/tissue/0"]) == 1
    coverage = np.asarray(group["coverage/levels/0"])
    assert (coverage == 2).mean() > 0.5
    for row, column in np.ndindex(coverage.shape):
        chunk = np.s_[:, 512 * row : 512 * (row + 1), 512 * column : 512 * (column + 1)]
        is_stored = coverage[row, column] == 1
        expected = original[chunk] if is_stored else image.fill_value
        assert (image[chunk] == expected).all()
        assert is_stored or not tissue[chunk[1:]].any()
        # By a rule of its own: nothing so much darker than this slide's glass is elided.
        assert is_stored or (original[chunk].max(axis=0) > 150).mean() > 0.999
        if version == "0.4":
            file = tmp_path / "out" / "0" / "0" / str(row) / str(column)
            assert file.is_file() == is_stored
