"""Picks by hash: what is measured stays the same from release to release."""

from itertools import product

import numpy as np

from numcodecs_neural.measure.picking import pick, rank
from tests.annotations import Rng


def test_the_order_of_the_items_does_not_matter(rng: Rng) -> None:
    cells = list(product(range(9), range(7)))

    picks = [pick(items, 12, key=lambda cell: cell) for items in (cells, rng.permutation(cells))]

    assert [tuple(cell) for cell in picks[1]] == picks[0]


def test_a_larger_pick_holds_the_smaller_one() -> None:
    few, many, every = (pick(range(50), count, key=lambda n: ("sample", n)) for count in (5, 9, 99))

    assert (many[:5], every[:9]) == (few, many)
    assert sorted(every) == list(range(50))


def test_a_rank_is_the_digest_of_the_joined_key() -> None:
    # printf look/3/14 | sha256sum
    assert rank("look", 3, np.int64(14)).hex().startswith("a4d58035fbcf9df1")
