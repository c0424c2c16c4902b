"""The cache of tiles keeps the last ones within its bytes."""

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from numcodecs_neural.view.tile_cache import TileCache


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=40))
def test_it_never_holds_more_than_its_limit(asked: list[tuple[int, int]]) -> None:
    cache = TileCache(20)

    for key, size in asked:
        assert cache.get((key, size), partial(bytes, size)) == bytes(size)
        assert sum(map(len, cache._values.values())) == cache._nbytes <= 20


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    cache = TileCache(2)
    cache.get("a", lambda: b"a")
    cache.get("b", lambda: b"b")
    cache.get("a", lambda: b"x")

    cache.get("c", lambda: b"c")

    assert list(cache._values) == ["a", "c"]


def test_what_is_not_there_is_asked_for_again() -> None:
    cache = TileCache(2)

    assert cache.get("a", lambda: None) is None
    assert cache.get("a", lambda: b"a") == b"a"
