"""Small pictures of whole slides: from the level that is enough, and square by square."""

import numpy as np
import pytest

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.report.overview import SIDE_PX, read_reduced
from numcodecs_neural.converters.report.pictures import reduced_by
from numcodecs_neural.converters.report.stored_slide import small_level
from numcodecs_neural.converters.sources import Frame
from tests.annotations import Image, Rng


class Levels:
    """A slide in memory that notes what is read of it."""

    def __init__(self, *levels: Image) -> None:
        self.levels = levels
        self.shapes = [(level.shape[0], level.shape[1]) for level in levels]
        self.reads: list[tuple[int, Region]] = []

    def read(self, region: Region, level: int, frame: Frame) -> Image:
        self.reads.append((level, region))
        pixels: Image = self.levels[level][region.slices]
        return pixels


def test_a_slide_of_one_level_is_read_once_square_by_square(rng: Rng) -> None:
    pixels = rng.integers(0, 256, (2101, 5003, 3), np.uint8)
    source = Levels(pixels)

    overview = read_reduced(source.read, source.shapes, ())

    factor = -(-5003 // SIDE_PX)
    assert np.array_equal(overview, reduced_by(pixels, factor))
    assert max(overview.shape) <= SIDE_PX
    assert sum(region.pixels for _, region in source.reads) == 2101 * 5003
    assert max(region.pixels for _, region in source.reads) < 2100**2


def test_the_smallest_level_that_is_enough_is_read() -> None:
    levels = [np.full((side, side, 3), 50, np.uint8) for side in (4000, 1000, 250)]
    source = Levels(*levels)

    assert read_reduced(source.read, source.shapes, ()).shape == (500, 500, 3)
    assert {level for level, _ in source.reads} == {1}


@pytest.mark.parametrize(
    ("side", "level"),
    [
        pytest.param(100, 2, id="smaller than all"),
        pytest.param(800, 1, id="exactly one"),
        pytest.param(5000, 0, id="larger than all"),
    ],
)
def test_levels_are_picked_by_their_longer_side(side: int, level: int) -> None:
    assert small_level([(3000, 1000), (800, 300), (400, 150)], side) == level
