"""What programs expect of OpenSlide's classes: what openslide-python tests of its own."""

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import zarr
from openslide import AbstractSlide, OpenSlideCache, OpenSlideError
from PIL import Image, ImageCms

from numcodecs_neural.slide import ChunkCache, OmeZarrSlide, SlideError
from tests.annotations import Image as Pixels
from tests.slide.conftest import SIZES, WriteSlide


@pytest.fixture
def slide(store: Path) -> Iterator[OmeZarrSlide]:
    with OmeZarrSlide(store) as opened:
        yield opened


def test_a_slide_is_one_of_openslides(slide: OmeZarrSlide) -> None:
    assert isinstance(slide, AbstractSlide)


def test_levels_are_described(slide: OmeZarrSlide) -> None:
    assert slide.level_count == 4
    assert slide.level_dimensions == SIZES
    assert slide.dimensions == (300, 250)
    assert slide.level_downsamples[:2] == (1.0, 2.0)
    assert slide.level_downsamples[2] == pytest.approx((250 / 62 + 4) / 2)


@pytest.mark.parametrize(
    ("downsample", "level"), [(0.5, 0), (1, 0), (2, 1), (3, 1), (4, 1), (4.1, 2), (37, 3)]
)
def test_the_best_level_is_no_coarser(downsample: float, level: int, slide: OmeZarrSlide) -> None:
    assert slide.get_best_level_for_downsample(downsample) == level


def test_properties_are_text(slide: OmeZarrSlide) -> None:
    found = dict(slide.properties)

    assert found["openslide.vendor"] == "ome-zarr"
    assert found[openslide.PROPERTY_NAME_MPP_X] == "0.25"
    assert found[openslide.PROPERTY_NAME_MPP_Y] == "0.26000000000000001"
    assert found["openslide.level[3].height"] == "31"
    assert all(isinstance(value, str) for value in found.values())
    assert len(list(slide.properties)) == len(slide.properties)


def test_a_property_that_is_not_there_is_a_key_error(slide: OmeZarrSlide) -> None:
    with pytest.raises(KeyError):
        slide.properties["__does_not_exist"]


def test_the_digest_tells_slides_apart(
    levels: list[Pixels], slide: OmeZarrSlide, write_slide: WriteSlide
) -> None:
    other = [level.copy() for level in levels]
    other[-1][0, 0, 0] ^= 1

    with OmeZarrSlide(write_slide(other, name="other.zarr")) as second:
        assert second.properties["ome-zarr.digest"] != slide.properties["ome-zarr.digest"]


def test_a_region_beyond_all_borders_has_its_size_and_is_transparent_outside(
    slide: OmeZarrSlide, levels: list[Pixels]
) -> None:
    region = np.asarray(slide.read_region((-20, -20), 1, (200, 200)))

    assert region.shape == (200, 200, 4)
    np.testing.assert_array_equal(region[10:135, 10:160, :3], np.moveaxis(levels[1], 0, -1))
    assert (region[10:135, 10:160, 3] == 255).all()
    assert np.count_nonzero(region[..., 3]) == 150 * 125
    assert not region[:10].any()


@pytest.mark.parametrize("size", [(400, 0), (0, 400), (0, 0)], ids=str)
def test_a_region_may_be_empty(size: tuple[int, int], slide: OmeZarrSlide) -> None:
    region = slide.read_region((0, 0), 1, size)

    assert (region.size, region.mode) == (size, "RGBA")


@pytest.mark.parametrize("level", [-1, 4])
def test_a_level_that_is_not_there_is_an_error(level: int, slide: OmeZarrSlide) -> None:
    with pytest.raises(OpenSlideError, match=f"no level {level}; its levels are 0 to 3"):
        slide.read_region((0, 0), level, (100, 100))


def test_a_negative_size_is_an_error(slide: OmeZarrSlide) -> None:
    with pytest.raises(OpenSlideError, match="400 x -5"):
        slide.read_region((0, 0), 1, (400, -5))


def test_an_error_does_not_stick(slide: OmeZarrSlide) -> None:
    with pytest.raises(OpenSlideError):
        slide.read_region((0, 0), 9, (1, 1))

    assert slide.read_region((0, 0), 0, (1, 1)).size == (1, 1)


def test_places_are_whole_numbers_of_any_kind(slide: OmeZarrSlide) -> None:
    place: Any = (np.int64(5), np.uint16(7))

    assert slide.read_region(place, 0, (3, 3)) == slide.read_region((5, 7), 0, (3, 3))
    with pytest.raises(TypeError, match="float"):
        slide.read_region((5.0, 7), 0, (3, 3))  # type: ignore[arg-type]


def test_a_thumbnail_keeps_the_sides(slide: OmeZarrSlide) -> None:
    thumbnail = slide.get_thumbnail((100, 100))

    assert (thumbnail.size, thumbnail.mode) == ((100, 83), "RGB")


def test_a_thumbnail_is_that_of_openslide(slide: OmeZarrSlide) -> None:
    ours, theirs = slide.get_thumbnail((64, 64)), AbstractSlide.get_thumbnail(slide, (64, 64))

    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_formats_are_detected(store: Path, tmp_path: Path) -> None:
    (tmp_path / "slide.svs").write_bytes(b"II*\0")
    zarr.create_group(tmp_path / "no_image.zarr")

    found = [
        OmeZarrSlide.detect_format(tmp_path / name)
        for name in ("slide.ome.zarr", "slide.svs", "no_image.zarr", "missing")
    ]

    assert found == ["ome-zarr", None, None, None]


@pytest.mark.parametrize("name", ["missing.ome.zarr", "slide.svs"])
def test_what_is_no_store_is_an_error_of_openslide(name: str, tmp_path: Path) -> None:
    (tmp_path / "slide.svs").write_bytes(b"II*\0")

    with pytest.raises(OpenSlideError, match=name):
        OmeZarrSlide(tmp_path / name)


def test_a_closed_slide_is_an_error(store: Path) -> None:
    slide = OmeZarrSlide(store)
    slide.close()
    slide.close()

    with pytest.raises(SlideError, match="was closed"):
        slide.read_region((0, 0), 0, (100, 100))


@pytest.mark.parametrize(
    "name",
    [
        *("level_count", "level_dimensions", "dimensions", "level_downsamples"),
        *("properties", "associated_images"),
    ],
)
def test_a_closed_slide_tells_nothing(name: str, store: Path) -> None:
    slide = OmeZarrSlide(store)
    slide.close()

    with pytest.raises(OpenSlideError, match="was closed"):
        getattr(slide, name)


@pytest.mark.parametrize("filename", [None, 3])
def test_what_is_no_name_of_a_file_is_a_type_error(filename: Any) -> None:
    assert OmeZarrSlide.detect_format(filename) is None
    with pytest.raises(TypeError, match="PathLike"):
        OmeZarrSlide(filename)


def test_names_may_be_bytes_and_of_any_script(store: Path) -> None:
    moved = store.rename(store.with_name("Schnitt 😐 #1%20?.ome.zarr"))

    for name in (moved, str(moved), bytes(moved)):
        assert OmeZarrSlide.detect_format(name) == "ome-zarr"
        with OmeZarrSlide(name) as slide:
            assert slide.read_region((0, 0), 0, (9, 9)).size == (9, 9)


def test_mappings_cannot_be_changed(slide: OmeZarrSlide) -> None:
    for mapping in (slide.properties, slide.associated_images):
        found: Any = mapping
        with pytest.raises(TypeError, match="item assignment"):
            found["name"] = "value"


def test_a_copy_is_a_slide_of_its_own(slide: OmeZarrSlide) -> None:
    with copy.deepcopy(slide) as other:
        assert other.dimensions == slide.dimensions

    assert slide.read_region((0, 0), 0, (1, 1)).size == (1, 1)


def test_a_slide_closes_with_its_block(store: Path) -> None:
    with OmeZarrSlide(store) as slide:
        assert slide.level_count == 4

    with pytest.raises(SlideError, match="was closed"):
        slide.read_region((0, 0), 0, (1, 1))


def test_a_slide_shows_what_it_was_opened_with(store: Path) -> None:
    with OmeZarrSlide(store) as slide:
        assert repr(slide) == f"OmeZarrSlide({store!r})"


def test_a_slide_pickles(slide: OmeZarrSlide) -> None:
    with pickle.loads(pickle.dumps(slide)) as other:
        assert other.read_region((9, 9), 0, (50, 50)) == slide.read_region((9, 9), 0, (50, 50))


def test_a_slide_pickles_with_its_own_cache(slide: OmeZarrSlide) -> None:
    slide.set_cache(ChunkCache(12_345))

    with pickle.loads(pickle.dumps(slide)) as other:
        assert other._reader.cache.limit_nbytes == 12_345


def test_openslides_cache_is_taken_for_its_size(slide: OmeZarrSlide) -> None:
    slide.set_cache(OpenSlideCache(64 << 10))

    assert slide._reader.cache.limit_nbytes == 64 << 10
    assert slide.read_region((0, 0), 0, (400, 400)).size == (400, 400)


def test_what_is_no_cache_is_refused(slide: OmeZarrSlide) -> None:
    with pytest.raises(TypeError, match="a cache is expected"):
        slide.set_cache(3)  # type: ignore[arg-type]


def test_a_slide_without_pictures_has_none(slide: OmeZarrSlide) -> None:
    assert len(slide.associated_images) == 0
    with pytest.raises(KeyError):
        slide.associated_images["label"]


@pytest.fixture
def kept_beside(levels: list[Pixels], write_slide: WriteSlide) -> Path:
    """Return a store with what the converter keeps: a label, a profile, a magnification."""
    block = {
        "schema_version": 1,
        "magnification": 20.0,
        "image_description": "Aperio Image Library v1|AppMag = 20|MPP = 0.4990",
        "extras": {"label": "associated/label", "icc_profile": "icc_profile"},
    }
    path = write_slide(levels, extra={"numcodecs_neural": block})
    group = zarr.open_group(path)
    group.create_array("associated/label/0", data=levels[3])
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    group.create_array("icc_profile", data=np.frombuffer(profile, np.uint8))
    return path


def test_the_label_is_read_when_it_is_asked_for(kept_beside: Path, levels: list[Pixels]) -> None:
    with OmeZarrSlide(kept_beside) as slide:
        label = slide.associated_images["label"]
        names = list(slide.associated_images)

    assert (label.size, label.mode, names) == ((37, 31), "RGBA", ["label"])
    np.testing.assert_array_equal(np.asarray(label)[..., :3], np.moveaxis(levels[3], 0, -1))


def test_the_profile_goes_with_all_pixels(kept_beside: Path) -> None:
    with OmeZarrSlide(kept_beside) as slide:
        profile = slide.color_profile
        region, thumbnail = slide.read_region((0, 0), 0, (9, 9)), slide.get_thumbnail((9, 9))

    assert profile is not None
    assert region.info["icc_profile"] == thumbnail.info["icc_profile"]
    assert "sRGB" in ImageCms.getProfileName(profile)


def test_what_the_scanner_said_is_among_the_properties(kept_beside: Path) -> None:
    with OmeZarrSlide(kept_beside) as slide:
        found = dict(slide.properties)

    assert found["openslide.objective-power"] == "20"
    assert found["aperio.MPP"] == "0.4990"
    assert found["openslide.comment"].startswith("Aperio")
    assert found["openslide.associated.label.width"] == "37"
    assert int(found["openslide.icc-size"]) > 100


def test_a_damaged_label_is_an_error_when_it_is_asked_for(kept_beside: Path) -> None:
    for file in (kept_beside / "associated" / "label" / "0" / "c").rglob("*"):
        if file.is_file():
            file.write_bytes(b"damaged")

    with OmeZarrSlide(kept_beside) as slide:
        assert slide.level_count == 4
        with pytest.raises(SlideError, match="label"):
            slide.associated_images["label"]


def test_regions_are_pictures_that_can_be_changed(slide: OmeZarrSlide) -> None:
    region = slide.read_region((0, 0), 0, (20, 20))
    before = slide.read_region((0, 0), 0, (20, 20))

    region.paste(Image.new("RGBA", (5, 5)))

    assert slide.read_region((0, 0), 0, (20, 20)) == before
    assert region != before
