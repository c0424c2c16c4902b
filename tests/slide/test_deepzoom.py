"""OpenSlide's generator of Deep Zoom tiles works on a store as on a slide."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zarr
from openslide.deepzoom import DeepZoomGenerator

from numcodecs_neural.omezarr.coverage import COVERAGE_GROUP, ELIDED, STORED
from numcodecs_neural.slide import OmeZarrSlide
from tests.annotations import Image
from tests.slide.conftest import WriteSlide


@pytest.fixture
def generator(store: Path) -> Iterator[DeepZoomGenerator]:
    with OmeZarrSlide(store) as slide:
        yield DeepZoomGenerator(slide, 254, 1)


def test_levels_halve_down_to_one_pixel(generator: DeepZoomGenerator) -> None:
    assert generator.level_count == 10
    assert generator.tile_count == 11
    assert generator.level_tiles == (*[(1, 1)] * 9, (2, 1))
    assert generator.level_dimensions[-3:] == ((75, 63), (150, 125), (300, 250))
    assert generator.level_dimensions[0] == (1, 1)


def test_a_tile_has_the_pixels_of_its_level(
    generator: DeepZoomGenerator, levels: list[Image]
) -> None:
    tile = generator.get_tile(9, (1, 0))

    assert generator.get_tile_coordinates(9, (1, 0)) == ((253, 0), 0, (47, 250))
    assert generator.get_tile_dimensions(9, (1, 0)) == tile.size == (47, 250)
    np.testing.assert_array_equal(np.asarray(tile), np.moveaxis(levels[0][:, :, 253:], 0, -1))


def test_every_tile_has_the_size_it_announces(generator: DeepZoomGenerator) -> None:
    for level, (columns, rows) in enumerate(generator.level_tiles):
        for address in np.ndindex(columns, rows):
            size = generator.get_tile(level, address).size
            # Pillow keeps the ratio of the sides when it reduces, to within a pixel.
            assert size == pytest.approx(generator.get_tile_dimensions(level, address), abs=1)


@pytest.mark.parametrize(
    ("level", "address"), [(-1, (0, 0)), (10, (0, 0)), (0, (-1, 0)), (0, (1, 0))]
)
def test_a_tile_that_is_not_there_is_refused(
    level: int, address: tuple[int, int], generator: DeepZoomGenerator
) -> None:
    with pytest.raises(ValueError, match="Invalid"):
        generator.get_tile(level, address)


def test_the_description_is_that_of_deep_zoom(generator: DeepZoomGenerator) -> None:
    assert "http://schemas.microsoft.com/deepzoom/2008" in generator.get_dzi("jpeg")


def test_a_generator_shows_the_slide_it_is_of(generator: DeepZoomGenerator, store: Path) -> None:
    assert repr(generator).startswith(f"DeepZoomGenerator(OmeZarrSlide({store!r}), tile_size=254")


def test_tiles_can_be_limited_to_what_is_stored(
    levels: list[Image], write_slide: WriteSlide
) -> None:
    block = {"schema_version": 1, "glass": {"treatment": "elide", "fill_value": 240}}
    levels[0][:, :, :64] = levels[0][:, 192:] = 240
    path = write_slide(
        levels[:1], chunks=(3, 64, 64), fill_value=240, extra={"numcodecs_neural": block}
    )
    coverage = np.full((4, 5), STORED, np.uint8)
    coverage[:, 0] = coverage[3] = ELIDED
    zarr.open_group(path).create_array(f"{COVERAGE_GROUP}/0", data=coverage)

    with OmeZarrSlide(path) as slide:
        generator = DeepZoomGenerator(slide, 64, 0, limit_bounds=True)
        properties = slide.properties
        tile = generator.get_tile(generator.level_count - 1, (0, 0))

    bounds = [properties[f"openslide.bounds-{name}"] for name in ("x", "y", "width", "height")]
    assert bounds == ["64", "0", "236", "192"]
    assert properties["openslide.background-color"] == "F0F0F0"
    assert generator.level_dimensions[-1] == (236, 192)
    np.testing.assert_array_equal(np.asarray(tile), np.moveaxis(levels[0][:, :64, 64:128], 0, -1))
