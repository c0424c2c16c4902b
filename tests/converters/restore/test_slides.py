"""From a slide to a store and back: the same coefficients, the same pixels in every reader."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from numcodecs_neural.converters.restore.run import restore
from tests.annotations import Image, Rng
from tests.converters.restore.slide_files import (
    APERIO,
    MPP,
    archive,
    scene,
    tile_coefficients,
    write_mixed,
    write_slide,
)
from tests.jpeg.streams import equal

openslide = pytest.importorskip("openslide", reason="OpenSlide is not installed")

# What else readers make of a slide than its pixels.
PROPERTIES = (
    *("openslide.vendor", "openslide.mpp-x", "openslide.mpp-y", "openslide.objective-power"),
    *("openslide.level-count", "openslide.level[0].tile-width", "openslide.level[1].downsample"),
    *("openslide.level[1].width", "openslide.icc-size", "aperio.AppMag", "aperio.MPP"),
)
PROFILE = b"\0" * 128
CENTIMETRES = {"resolution": (1e4 / MPP, 1e4 / MPP), "resolutionunit": "CENTIMETER"}
SLIDES: dict[str, tuple[str, dict[str, Any]]] = {
    "svs": (".svs", {"description": APERIO, "iccprofile": PROFILE}),
    "svs in RGB": (".svs", {"description": APERIO, "colour": "rgb", "sampling": (1, 1)}),
    "tiff 4:2:0": (".tif", {"iccprofile": PROFILE, **CENTIMETRES}),
    "tiff 4:2:2": (".tif", {"sampling": (2, 1), **CENTIMETRES}),
    "tiff 4:4:4": (".tif", {"sampling": (1, 1), "tile": (64, 160), **CENTIMETRES}),
}


@pytest.fixture(params=list(SLIDES), scope="module")
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Return a slide, and what is restored from its store."""
    suffix, options = SLIDES[request.param]
    folder = tmp_path_factory.mktemp("slides")
    slide = write_slide(folder / f"slide{suffix}", scene(), **options)
    again = folder / f"again{suffix}"
    report = restore(archive(slide, folder / "store"), again)
    assert [level.number for level in report.levels] == [0, 1]
    return slide, again


def levels_of(path: Path) -> list[Image]:
    with tifffile.TiffFile(path) as tiff:
        return [level.asarray() for level in tiff.series[0].levels]


def test_coefficients_are_equal_tile_by_tile(both: tuple[Path, Path]) -> None:
    for one, again in zip(*map(tile_coefficients, both), strict=True):
        assert equal(one, again)


def test_tifffile_reads_equal_pixels(both: tuple[Path, Path]) -> None:
    for one, again in zip(*map(levels_of, both), strict=True):
        np.testing.assert_array_equal(one, again)


def test_openslide_reads_equal_pixels_and_properties(both: tuple[Path, Path], rng: Rng) -> None:
    with openslide.OpenSlide(both[0]) as one, openslide.OpenSlide(both[1]) as again:
        assert again.level_dimensions == one.level_dimensions
        for name in PROPERTIES:
            assert again.properties.get(name) == one.properties.get(name), name
        for _ in range(30):
            place, level, size = random_region(one, rng)
            np.testing.assert_array_equal(
                np.asarray(again.read_region(place, level, size)),
                np.asarray(one.read_region(place, level, size)),
            )


def random_region(slide: Any, rng: Rng) -> tuple[tuple[int, int], int, tuple[int, int]]:
    """Return a corner in pixels of level 0, a level, and a size that may go beyond the slide."""
    level = int(rng.integers(slide.level_count))
    width, height = slide.dimensions
    place = int(rng.integers(width)), int(rng.integers(height))
    return place, level, (int(rng.integers(1, 300)), int(rng.integers(1, 300)))


def test_libvips_reads_equal_pixels(both: tuple[Path, Path]) -> None:
    pytest.importorskip("pyvips", reason="libvips (pyvips-binary) is not installed")
    import pyvips

    again = pyvips.Image.tiffload(both[1]).numpy()

    np.testing.assert_array_equal(again, levels_of(both[0])[0])


def test_what_identifies_a_patient_comes_back_only_if_it_was_kept(tmp_path: Path) -> None:
    slide = write_slide(tmp_path / "slide.svs", scene(), description=APERIO)

    for confidential in (False, True):
        store = archive(slide, tmp_path / f"{confidential}", confidential=confidential)
        restore(store, tmp_path / "again.svs", overwrite=True)

        with openslide.OpenSlide(tmp_path / "again.svs") as again:
            assert again.properties.get("aperio.User") == ("J. Doe" if confidential else None)
            assert again.properties["openslide.objective-power"] == "40"


def test_label_and_macro_come_back_where_readers_look_for_them(tmp_path: Path) -> None:
    slide = write_slide(tmp_path / "slide.svs", scene(), description=APERIO)
    label, macro = scene(40, 30), scene(50, 90)
    with tifffile.TiffWriter(slide, append=True) as tiff:
        for pixels, name, kind in ((label, "label", 1), (macro, "macro", 9)):
            text = f"Aperio Image Library v12.0.15 \r\n{name} {pixels.shape[1]}x{len(pixels)}"
            tiff.write(pixels, description=text, subfiletype=kind, photometric="rgb", metadata=None)

    store = archive(slide, tmp_path / "store", label=True, macro=True)
    restore(store, tmp_path / "again.svs")

    with openslide.OpenSlide(tmp_path / "again.svs") as again:
        assert set(again.associated_images) == {"label", "macro", "thumbnail"}
        pictures = again.associated_images
        np.testing.assert_array_equal(np.asarray(pictures["label"])[..., :3], label)
        np.testing.assert_array_equal(np.asarray(pictures["macro"])[..., :3], macro)


def test_grey_tiles_come_back(tmp_path: Path) -> None:
    slide = write_slide(tmp_path / "slide.tif", scene()[..., 1])

    restore(archive(slide, tmp_path / "store"), tmp_path / "again.tif")

    for one, again in zip(*map(levels_of, (slide, tmp_path / "again.tif")), strict=True):
        np.testing.assert_array_equal(one, again)


def test_tiles_of_several_qualities_keep_their_own_steps(tmp_path: Path) -> None:
    # Chunks are of 512 pixels: those of a quality each.
    pixels = np.tile(scene()[:128, :128, 1], (4, 8))
    slide = write_mixed(tmp_path / "slide.tif", pixels, (50, 90))

    restore(archive(slide, tmp_path / "store", chunk_px=512), tmp_path / "again.tif")

    np.testing.assert_array_equal(levels_of(tmp_path / "again.tif")[0], levels_of(slide)[0])


def test_levels_in_sub_ifds_become_pages(tmp_path: Path) -> None:
    pixels, slide = scene(), tmp_path / "slide.ome.tif"
    options: dict[str, Any] = {"tile": (80, 96), "compression": "jpeg", "photometric": "rgb"}
    with tifffile.TiffWriter(slide, ome=True) as tiff:
        tiff.write(pixels, subifds=1, metadata={"axes": "YXS"}, **options)
        tiff.write(pixels[::2, ::2], subfiletype=1, **options)

    restore(archive(slide, tmp_path / "store"), tmp_path / "again.tif")

    with openslide.OpenSlide(tmp_path / "again.tif") as again:
        sizes = again.level_dimensions
        second = np.asarray(again.read_region((0, 0), 1, sizes[1]))[..., :3]
    assert sizes == ((500, 390), (250, 195))
    np.testing.assert_array_equal(second, levels_of(slide)[1])


def test_a_file_that_may_grow_beyond_4_gb_is_a_bigtiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numcodecs_neural.converters.restore import run

    store = archive(write_slide(tmp_path / "slide.tif", scene()), tmp_path / "store")
    monkeypatch.setattr(run, "_CLASSIC_NBYTES", 10_000)

    restore(store, tmp_path / "again.tif")

    with tifffile.TiffFile(tmp_path / "again.tif") as tiff:
        assert tiff.is_bigtiff
