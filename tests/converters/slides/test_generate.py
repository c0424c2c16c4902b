"""Generated slides: what is on them, and that writing a large one takes no more memory."""

import tracemalloc
from contextlib import closing
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import open_source
from tests.annotations import Image, Psnr
from tests.converters.slides import generate
from tests.converters.slides.generate import main, write_slide
from tests.converters.slides.scene import section_radius


def test_a_slide_holds_what_the_scene_says(tmp_path: Path, psnr: Psnr) -> None:
    path = tmp_path / "slide.svs"

    scene = write_slide(path, 1501, tile_px=240, levels=2)

    with closing(open_source(path)) as source:
        assert source.info.level_shapes == ((1501, 1501), (376, 376))
        assert source.info.mpp == (0.499, 0.499)
        for level in range(2):
            size = source.info.level_shapes[level][0]
            pixels = source.read_region(Region(0, 0, size, size), level)
            assert psnr(pixels, scene.block(level, 0, 0, size)) > 28


def test_a_file_looks_like_those_of_aperio(tmp_path: Path) -> None:
    write_slide(tmp_path / "slide.svs", 1500, levels=2)

    with tifffile.TiffFile(tmp_path / "slide.svs") as tiff:
        assert tiff.is_svs
        assert tiff.is_bigtiff
        assert [series.name for series in tiff.series] == ["Baseline", "Thumbnail"]
        assert tiff.series[0].keyframe.tilewidth == 512


def test_a_section_covers_half_of_its_square_and_stays_inside() -> None:
    angle = np.linspace(-np.pi, np.pi, 3600, endpoint=False)

    radius = section_radius(angle)

    assert np.pi * np.mean(radius**2) == pytest.approx(0.5, abs=1e-3)
    assert radius.max() < 0.5


def test_a_reduced_level_is_the_mean_of_the_one_before(tmp_path: Path, psnr: Psnr) -> None:
    scene = write_slide(tmp_path / "slide.svs", 2000)

    fine = scene.block(0, 0, 0, 2000).reshape(500, 4, 500, 4, 3).mean((1, 3))

    # The edge of a section is where it is to a pixel of the coarser level.
    assert psnr(fine, scene.block(1, 0, 0, 500)) > 30


@pytest.mark.parametrize("is_all_tissue", [False, True], ids=["half", "all"])
def test_a_large_slide_takes_no_more_memory_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_all_tissue: bool
) -> None:
    monkeypatch.setattr(generate, "TEXTURE_PX", 1024)
    peaks = []
    for side in (1024, 4096):
        tracemalloc.start()
        write_slide(tmp_path / "slide.svs", side, tile_px=128, is_all_tissue=is_all_tissue)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.1 * peaks[0]


def test_a_slide_of_tissue_alone_is_made_of_the_pictures_given(
    tmp_path: Path, tissue: Image, psnr: Psnr
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    inverted = np.ascontiguousarray(255 - np.moveaxis(tissue, 0, -1)[:301, :401])
    (pictures / "one.png").write_bytes(imagecodecs.png_encode(inverted))
    options = ["--side=700", "--all-tissue", "--tile=256", f"--pictures={pictures}"]

    main([f"{tmp_path}/out.tif", *options])

    with closing(open_source(tmp_path / "out.tif")) as source:
        assert psnr(source.read_region(Region(0, 0, 301, 401)), inverted) > 28


def test_an_empty_folder_of_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()

    with pytest.raises(SystemExit, match="holds no pictures"):
        main([f"{tmp_path}/out.tif", f"--pictures={tmp_path / 'none'}"])
