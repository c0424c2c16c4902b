"""Morphology of masks, against what its words mean, pixel by pixel."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from numcodecs_neural.converters.tissue.morphology import (
    Mask,
    box_sum,
    closed,
    eroded,
    grown,
    parts_apart,
    without_holes,
    without_specks,
)

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))
MASKS = arrays(bool, SHAPES, fill=st.nothing())
RADII = st.integers(0, 15)


def squares(padded: NDArray[Any], radius: int) -> NDArray[Any]:
    return np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1,) * 2)


def parts(mask: Mask) -> Iterator[Mask]:
    """Yield the connected parts of `mask`, each grown from one of its pixels."""
    left = mask.copy()
    while left.any():
        part, before = np.zeros_like(mask), 0
        part.flat[left.argmax()] = True
        while part.sum() > before:
            before = part.sum()
            part = squares(np.pad(part, 1), 1).any((2, 3)) & mask
        yield part
        left &= ~part


def touches_border(part: Mask) -> bool:
    inside = part.copy()
    inside[1:-1, 1:-1] = False
    return bool(inside.any())


@given(arrays(np.int32, SHAPES, elements=st.integers(0, 2**20)), RADII)
def test_sums_over_squares_repeat_the_borders(values: NDArray[np.int32], radius: int) -> None:
    padded = np.pad(values, radius, mode="edge")

    assert (box_sum(values, radius) == squares(padded, radius).sum((2, 3))).all()


@given(MASKS, RADII)
def test_masks_grow_and_shrink_by_squares(mask: Mask, radius: int) -> None:
    in_reach = squares(np.pad(mask, radius), radius).any((2, 3))

    assert (grown(mask, radius) == in_reach).all()
    assert (eroded(~mask, radius) == ~in_reach).all()


@given(MASKS, st.integers(0, 4))
def test_closing_fills_what_no_square_outside_the_mask_covers(mask: Mask, radius: int) -> None:
    wide = np.pad(mask, 2 * radius)
    has_room: Mask = ~squares(wide, radius).any((2, 3))

    covered = squares(has_room, radius).any((2, 3))

    assert (closed(mask, radius) == ~covered).all()


@given(MASKS, MASKS, st.integers(1, 40))
def test_parts_are_kept_by_area_by_border_and_by_what_they_hold(
    mask: Mask, others: Mask, area: int
) -> None:
    others = np.resize(others, mask.shape)
    nothing = np.zeros_like(mask)

    large = sum((part for part in parts(mask) if part.sum() >= area), nothing)
    apart = sum((part for part in parts(mask) if not (part & others).any()), nothing)
    open_parts = (part for part in parts(mask) if part.sum() >= area or touches_border(part))

    assert (without_specks(mask, area) == large).all()
    assert (parts_apart(mask, others) == apart).all()
    assert (without_holes(~mask, area) == ~sum(open_parts, nothing)).all()
