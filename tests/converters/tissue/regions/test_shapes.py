"""Which chunks a shape touches: checked against the pixels that it covers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import LevelGrid, plan_levels
from numcodecs_neural.converters.tissue.regions.shapes import Shape, box, touched

CHUNK = 16


def grid_of(height: int = 80, width: int = 112) -> LevelGrid:
    (grid,) = plan_levels((height, width), levels=1, chunk_px=CHUNK, region_px=CHUNK)
    return grid


def cells(chunks: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    return [tuple(int(x) for x in cell) for cell in np.argwhere(chunks)]


def polygon(*rings: list[tuple[float, float]]) -> Shape:
    return Shape(name="polygon", parts=tuple(np.array(ring, np.float64) for ring in rings))


@given(
    x=st.integers(-20, 130),
    y=st.integers(-20, 90),
    width=st.integers(1, 140),
    height=st.integers(1, 100),
)
def test_a_box_touches_the_chunks_of_its_pixels(x: int, y: int, width: int, height: int) -> None:
    grid = grid_of()
    pixels = np.zeros((80, 112), bool)
    pixels[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = True
    expected = pixels.reshape(5, CHUNK, 7, CHUNK).any((1, 3))

    np.testing.assert_array_equal(touched(box("box", x, y, width, height), grid), expected)


@given(
    st.lists(
        st.tuples(st.floats(-10, 120), st.floats(-10, 90)), min_size=3, max_size=8, unique=True
    )
)
def test_a_polygon_touches_every_chunk_of_which_it_covers_a_point(
    corners: list[tuple[float, float]],
) -> None:
    chunks = touched(polygon(corners), grid_of())

    y, x = (np.indices((320, 448)) + 0.5) / 4  # points, four to a pixel's side
    covered = np.zeros(y.shape, bool)
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if y0 != y1:
            at = x0 + (x1 - x0) * (y - y0) / (y1 - y0)
            covered ^= ((y0 <= y) != (y1 <= y)) & (x < at)
    assert not (covered.reshape(5, 64, 7, 64).any((1, 3)) & ~chunks).any()


def test_a_hole_is_not_touched() -> None:
    outer = [(0.0, 0.0), (80.0, 0.0), (80.0, 80.0), (0.0, 80.0)]
    hole = [(16.0, 16.0), (64.0, 16.0), (64.0, 64.0), (16.0, 64.0)]

    chunks = touched(polygon(outer, hole), grid_of())

    assert not chunks[1:4, 1:4].any()
    assert chunks.sum() == 25 - 9


def test_a_sliver_touches_all_that_it_crosses() -> None:
    sliver = [(1.0, 1.0), (100.0, 60.0), (1.0, 1.001)]

    chunks = touched(polygon(sliver), grid_of())

    assert {(0, 0), (3, 6)} <= set(cells(chunks))
    assert chunks.any(axis=0)[:6].all()


@pytest.mark.parametrize(
    ("x", "y", "cell"),
    [(0, 0, (0, 0)), (16, 16, (1, 1)), (15.9, 31.9, (1, 0)), (111, 79, (4, 6))],
)
def test_a_point_touches_the_chunk_of_its_pixel(x: float, y: float, cell: tuple[int, int]) -> None:
    point = Shape(name="point", parts=(np.array([[x, y]], np.float64),), is_closed=False)

    assert cells(touched(point, grid_of())) == [cell]


def test_a_line_touches_what_it_crosses_and_not_what_it_surrounds() -> None:
    corners = np.array([[8, 8], [72, 8], [72, 72], [8, 72]], np.float64)
    line = Shape(name="line", parts=(corners,), is_closed=False)

    chunks = touched(line, grid_of())

    assert set(cells(chunks)) == {
        *((0, x) for x in range(5)),
        *((y, 4) for y in range(5)),
        *((4, x) for x in range(5)),
    }


def test_edge_chunks_are_touched_where_the_slide_ends_inside_them() -> None:
    assert cells(touched(box("box", 96, 64, 4, 4), grid_of(70, 100))) == [(4, 6)]
