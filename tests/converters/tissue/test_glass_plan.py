"""Glass: what is elided and painted, against the rule that says what a mask pixel stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import LevelGrid, Region, plan_levels
from numcodecs_neural.converters.options import GlassTreatment
from numcodecs_neural.converters.tissue.glass_plan import GlassPlan, plan_glass, sample_mask
from tests.annotations import Rng

MASKS = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))
SHAPES = st.tuples(st.integers(12, 300), st.integers(12, 300))


def pyramid(shape: tuple[int, int]) -> tuple[LevelGrid, ...]:
    grids: tuple[LevelGrid, ...] = plan_levels(shape, levels=None, chunk_px=16, region_px=64)
    return grids


def planned(
    mask: NDArray[np.bool_], shape: tuple[int, int], treatment: GlassTreatment, margin_px: float = 0
) -> GlassPlan:
    return plan_glass(
        mask,
        pyramid(shape),
        treatment=treatment,
        colour=(240, 230, 235),
        margin_px=margin_px,
        fill_value=236,
    )


@given(MASKS, SHAPES)
def test_a_chunk_is_elided_only_if_nothing_under_it_is_tissue(
    mask: NDArray[np.bool_], shape: tuple[int, int]
) -> None:
    glass = planned(mask, shape, "elide")
    tissue = sample_mask(mask, Region(0, 0, *shape), shape)

    for grid in pyramid(shape):
        for row, column in np.ndindex(grid.chunk_grid):
            chunk = grid.chunk((row, column))
            n = grid.level
            under = tissue[
                chunk.y << n : (chunk.y + chunk.height) << n,
                chunk.x << n : (chunk.x + chunk.width) << n,
            ]
            assert glass.elided[n][row, column] == (not under.any())


@given(MASKS, SHAPES, st.floats(0, 80))
def test_a_margin_only_keeps_more(
    mask: NDArray[np.bool_], shape: tuple[int, int], margin_px: float
) -> None:
    bare = planned(mask, shape, "elide")
    wide = planned(mask, shape, "elide", margin_px)

    for without, having in zip(bare.elided, wide.elided, strict=True):
        assert not (having & ~without).any()


@given(MASKS, st.integers(1, 25), st.floats(0, 80))
def test_nothing_within_the_margin_is_elided(
    mask: NDArray[np.bool_], scale: int, margin_px: float
) -> None:
    shape = mask.shape[0] * scale, mask.shape[1] * scale
    wide = planned(mask, shape, "elide", margin_px)
    tissue = np.kron(mask, np.ones((scale, scale), bool))

    reach = int(margin_px)
    grid = pyramid(shape)[0]
    for row, column in np.ndindex(grid.chunk_grid):
        chunk = grid.chunk((row, column))
        near = tissue[
            max(chunk.y - reach, 0) : chunk.y + chunk.height + reach,
            max(chunk.x - reach, 0) : chunk.x + chunk.width + reach,
        ]
        assert not (near.any() and wide.elided[0][row, column])


@pytest.mark.parametrize("treatment", ["keep", "flatten"])
def test_nothing_is_elided_unless_asked_for(treatment: GlassTreatment) -> None:
    glass = planned(np.zeros((4, 4), bool), (100, 100), treatment)

    assert not any(level.any() for level in glass.elided)


def test_a_slide_that_is_not_bright_field_keeps_everything() -> None:
    glass = plan_glass(None, pyramid((100, 90)), treatment="elide", colour=(0, 0, 0), margin_px=10)

    assert glass.treatment == "keep"
    assert glass.fill_value == 0
    assert planned(np.ones((4, 4), bool), (100, 90), "elide").fill_value == 236
    assert not any(level.any() for level in glass.elided)


def test_paint_leaves_tissue_and_its_margin_untouched(rng: Rng) -> None:
    mask = np.zeros((10, 10), bool)
    mask[4, 4] = True
    glass = planned(mask, (100, 100), "flatten", margin_px=10)
    original = rng.integers(0, 200, (3, 100, 100), np.uint8)

    pixels = glass.painted(original.copy(), Region(0, 0, 100, 100), pyramid((100, 100))[0])

    kept = np.zeros((100, 100), bool)
    kept[30:60, 30:60] = True
    assert (pixels[:, kept] == original[:, kept]).all()
    assert (pixels[:, ~kept].T == (240, 230, 235)).all()
