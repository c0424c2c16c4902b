"""Levels, chunks and regions: integers, checked against what they stand for."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_neural.converters.geometry.levels import LevelGrid, Region, plan_levels
from numcodecs_neural.errors import ConfigError

SIDES = st.integers(1, 700)


@st.composite
def pyramids(draw: st.DrawFn) -> tuple[LevelGrid, ...]:
    chunk_px = draw(st.sampled_from([16, 32, 48]))
    region_px = chunk_px * draw(st.integers(1, 4))
    shape = draw(SIDES), draw(SIDES)
    grids: tuple[LevelGrid, ...] = plan_levels(
        shape, levels=None, chunk_px=chunk_px, region_px=region_px
    )
    return grids


@given(pyramids())
def test_regions_cover_every_pixel_once(grids: tuple[LevelGrid, ...]) -> None:
    for grid in grids:
        covered = np.zeros((grid.height, grid.width), int)

        for cell in grid.regions():
            covered[grid.region(cell).slices] += 1

        assert (covered == 1).all()


@given(pyramids())
def test_regions_hold_whole_chunks_each_once(grids: tuple[LevelGrid, ...]) -> None:
    for grid in grids:
        seen = np.zeros(grid.chunk_grid, int)

        for cell in grid.regions():
            region, (rows, columns) = grid.region(cell), grid.chunks_of(cell)
            seen[rows, columns] += 1
            first = grid.chunk((rows.start, columns.start))
            last = grid.chunk((rows.stop - 1, columns.stop - 1))
            assert (first.y, first.x) == (region.y, region.x)
            assert last.y + last.height == region.y + region.height
            assert last.x + last.width == region.x + region.width

        assert (seen == 1).all()


@given(pyramids())
def test_finer_regions_are_those_that_a_region_is_reduced_from(
    grids: tuple[LevelGrid, ...],
) -> None:
    for finer, grid in itertools.pairwise(grids):
        parents = np.zeros(finer.region_grid, int)
        for cell in grid.regions():
            region = grid.region(cell)

            for under in grid.finer_regions(cell, finer):
                parents[under] += 1
                piece = finer.region(under)
                assert region.y <= piece.y // 2 < region.y + region.height
                assert region.x <= piece.x // 2 < region.x + region.width

        assert (parents == 1).all()


@given(st.tuples(SIDES, SIDES), st.sampled_from([16, 64]))
def test_levels_halve_and_round_up_until_one_chunk_is_enough(
    shape: tuple[int, int], chunk_px: int
) -> None:
    grids = plan_levels(shape, levels=None, chunk_px=chunk_px, region_px=chunk_px)

    assert all(
        (g.height, g.width) == tuple(-(-side // 2**g.level) for side in shape) for g in grids
    )
    assert grids[-1].chunk_grid == (1, 1)
    assert all(g.chunk_grid != (1, 1) for g in grids[:-1])


def test_as_many_levels_as_asked_for() -> None:
    grids = plan_levels((100, 60), levels=4, chunk_px=512, region_px=512)

    assert [(g.height, g.width) for g in grids] == [(100, 60), (50, 30), (25, 15), (13, 8)]


def test_more_levels_than_pixels_are_refused() -> None:
    with pytest.raises(ConfigError, match="levels is 9, and a slide of 60 x 100 pixels has at mo"):
        plan_levels((100, 60), levels=9, chunk_px=512, region_px=512)


def test_a_region_counts_from_the_corner_of_another() -> None:
    inner = Region(30, 50, 4, 5).relative_to(Region(20, 45, 100, 100))

    assert inner == Region(10, 5, 4, 5)
