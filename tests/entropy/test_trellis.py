"""Trellis-coded quantisation: what is chosen, what it stands for, and that both coders agree."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural import config
from numcodecs_neural.entropy import SKIP, SymbolDecoder, SymbolTables, enc_kernels, enc_quantizer
from numcodecs_neural.entropy.enc_quantizer import quantize
from numcodecs_neural.entropy.enc_stream import Part, encode_symbols
from numcodecs_neural.entropy.enc_tables import costs_of as all_costs_of
from numcodecs_neural.entropy.enc_tables import tables_from_counts
from numcodecs_neural.entropy.trellis import halves_of, next_state, row_of
from numcodecs_neural.errors import BitstreamError, ConfigError
from tests.annotations import Image, Rng
from tests.models import tables_of

CODERS = pytest.mark.parametrize("coder", ["numpy", "numba"])
CHOOSERS = pytest.mark.parametrize(
    "coder", [enc_quantizer, enc_kernels], ids=["reference", "compiled"]
)
TABLES = tables_of([0.2, 1.0, 6.0])
CLASSES = 3
LARGEST = 2**29 - 1


def costs_of(tables: SymbolTables) -> NDArray[np.int32]:
    return all_costs_of(tables)[len(tables) // 3 :]


def apart(part: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Return values and classes of pairs."""
    return [x for x, _ in part], [c for _, c in part]


def chosen(
    coder: ModuleType, rest: Any, indexes: Any, price: int, lanes: int = 1
) -> tuple[NDArray[np.int32], Image]:
    """Return symbols and states."""
    result: tuple[NDArray[np.int32], Image] = coder.choose_part(
        np.asarray(rest, np.int32), np.asarray(indexes, np.uint8), costs_of(TABLES), price, lanes
    )
    return result


def states_of(symbols: list[int], lanes: int) -> list[int]:
    """Return the state in which each symbol is coded, as section 5.5 of SPEC.md says it."""
    paths, states = [0] * lanes, []
    for i, symbol in enumerate(symbols):
        t = paths[i % lanes]
        states.append(t)
        paths[i % lanes] = t // 2 + 2 * ((symbol + t) % 2)
    return states


def halves_in(symbols: list[int], states: list[int]) -> list[int]:
    return [2 * s - t // 2 * int(np.sign(s)) for s, t in zip(symbols, states, strict=True)]


def part_of(symbols: list[int], classes: list[int], lanes: int) -> Part:
    """Return a part that holds any symbols, coded as a trellis wants it."""
    states = states_of(symbols, lanes)
    rows = [
        SKIP if c == SKIP else c + CLASSES * (1 + t // 2)
        for c, t in zip(classes, states, strict=True)
    ]
    return np.array(symbols, np.int32), np.array(rows, np.uint8), TABLES


def decode(
    coder: str, data: bytes, parts: list[tuple[list[int], SymbolTables, bool]]
) -> list[list[int]]:
    with config.set(backend=coder):
        decoder = SymbolDecoder(data)
        decoded = [
            decoder.decode(np.array(indexes, np.uint8), tables, is_trellis=is_trellis).tolist()
            for indexes, tables, is_trellis in parts
        ]
        decoder.finish()
    return decoded


def cost_of(rest: list[int], classes: list[int], symbols: tuple[int, ...], price: int) -> int:
    """Return what a path of one lane costs."""
    states = states_of(list(symbols), 1)
    costs = costs_of(TABLES)
    total = 0
    for x, c, s, t, half in zip(
        rest, classes, symbols, states, halves_in(list(symbols), states), strict=True
    ):
        if c != SKIP:
            total += 256 * (x - 8 * half) ** 2 + price * int(costs[c + CLASSES * (t // 2), s + 255])
    return total


def paths_through(
    rest: list[int], classes: list[int], reach: int | None
) -> Iterator[tuple[int, ...]]:
    """Yield paths of one lane: of all symbols up to a `reach`, or of 0 and what is next to x."""
    paths: list[tuple[int, ...]] = [()]
    for x, c in zip(rest, classes, strict=True):
        longer = []
        for path in paths:
            t = states_of([*path, 0], 1)[-1]
            if c == SKIP:
                symbols = {0}
            elif reach is not None:
                symbols = set(range(-reach, reach + 1))
            else:
                values = {8 * halves_in([s], [t])[0]: s for s in range(-20, 21)}
                below, above = max(v for v in values if v <= x), min(v for v in values if v >= x)
                symbols = {0, values[below], values[above]}
            longer += [(*path, s) for s in symbols]
        paths = longer
    yield from paths


classes_strategy = st.one_of(st.integers(0, CLASSES - 1), st.just(SKIP))


def parts_up_to(count: int, reach: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Draw (x, class): among them values halfway between others, where ties are broken."""
    x = st.one_of(st.integers(-reach, reach), st.integers(-reach // 8, reach // 8).map((8).__mul__))
    return st.lists(st.tuples(x, classes_strategy), max_size=count)


symbols_strategy = st.one_of(st.integers(-5, 5), st.integers(-LARGEST, LARGEST))
symbol_parts = st.lists(
    st.one_of(st.tuples(symbols_strategy, st.integers(0, CLASSES - 1)), st.just((0, SKIP))),
    max_size=60,
)


@pytest.mark.parametrize("state", range(4))
def test_states_follow_from_parities_as_the_specification_says(state: int) -> None:
    for symbol in range(-5, 6):
        assert next_state(state, symbol) == state // 2 + 2 * ((symbol + state) % 2)


def test_a_zero_leads_back_where_it_came_from() -> None:
    assert [next_state(state, 0) for state in range(4)] == [0, 2, 1, 3]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        pytest.param((0, 1), [-6, -4, -2, 0, 2, 4, 6], id="whole steps"),
        pytest.param((2, 3), [-5, -3, -1, 0, 1, 3, 5], id="odd halves and 0"),
    ],
)
def test_states_say_what_symbols_stand_for(states: tuple[int, ...], expected: list[int]) -> None:
    for state in states:
        assert [halves_of(symbol, state) for symbol in range(-3, 4)] == expected


def test_each_quantiser_has_its_own_tables() -> None:
    assert [row_of(2, state, 10) for state in range(4)] == [12, 12, 22, 22]
    assert row_of(2, 0, 0) == 2


def assert_both_choose_the_same(rest: Any, classes: Any, price: int, lanes: int) -> None:
    expected = chosen(enc_quantizer, rest, classes, price, lanes)

    found = chosen(enc_kernels, rest, classes, price, lanes)

    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)


@given(part=parts_up_to(40, 400), price=st.integers(0, 300), lanes=st.integers(1, 5))
@example(part=[(0, 0)], price=0, lanes=4)
@example(part=[(0, SKIP)] * 3 + [(24, 1), (24, SKIP), (24, 2)], price=20, lanes=1)
def test_both_choose_the_same(part: list[tuple[int, int]], price: int, lanes: int) -> None:
    assert_both_choose_the_same(*apart(part), price, lanes)


@given(part=parts_up_to(12, 2**20 - 1), price=st.integers(0, 300))
def test_both_choose_the_same_far_outside_of_the_tables(
    part: list[tuple[int, int]], price: int
) -> None:
    assert_both_choose_the_same(*apart(part), price, 1)


def test_both_choose_the_same_in_a_realistic_part(rng: Rng) -> None:
    classes = rng.integers(0, CLASSES, 4001)
    rest = np.rint(rng.laplace(0, 16 * np.array([0.2, 1.0, 6.0])[classes]))
    indexes = np.where((classes == 0) & (rng.random(4001) < 0.8), SKIP, classes)

    assert_both_choose_the_same(rest, indexes, 15, 4)


@CHOOSERS
@given(part=parts_up_to(40, 400), price=st.integers(0, 300), lanes=st.integers(1, 5))
def test_states_are_those_that_a_decoder_will_be_in(
    coder: ModuleType, part: list[tuple[int, int]], price: int, lanes: int
) -> None:
    symbols, states = chosen(coder, *apart(part), price, lanes)

    assert states.tolist() == states_of(symbols.tolist(), lanes)
    assert all(s == 0 for s, (_, c) in zip(symbols.tolist(), part, strict=True) if c == SKIP)


@CHOOSERS
@given(part=parts_up_to(5, 60), price=st.integers(0, 300))
def test_no_path_of_neighbours_and_zeros_costs_less(
    coder: ModuleType, part: list[tuple[int, int]], price: int
) -> None:
    rest, classes = apart(part)

    symbols, _ = chosen(coder, rest, classes, price)

    least = min(cost_of(rest, classes, p, price) for p in paths_through(rest, classes, None))
    assert cost_of(rest, classes, tuple(symbols.tolist()), price) <= least


@CHOOSERS
@given(part=parts_up_to(4, 40))
def test_without_a_price_no_path_at_all_has_less_error(
    coder: ModuleType, part: list[tuple[int, int]]
) -> None:
    rest, classes = apart(part)

    symbols, _ = chosen(coder, rest, classes, price=0)

    least = min(cost_of(rest, classes, p, 0) for p in paths_through(rest, classes, reach=4))
    assert cost_of(rest, classes, tuple(symbols.tolist()), 0) == least


def test_error_is_less_than_that_of_rounding_to_whole_steps(rng: Rng) -> None:
    rest = np.rint(rng.normal(0, 100, 20_000)).astype(np.int32)
    indexes = np.full(20_000, 2, np.uint8)

    error = rest - 8 * quantize(rest, indexes, TABLES, price=0).halves

    assert (error**2).mean() < 17  # that of rounding is 256 / 12 = 21.3


def test_a_higher_price_buys_fewer_bits_for_more_error(rng: Rng) -> None:
    rest = np.rint(rng.laplace(0, 30, 20_000)).astype(np.int32)
    indexes = np.ones(20_000, np.uint8)

    parts = [quantize(rest, indexes, TABLES, price) for price in (0, 20, 100)]

    sizes = [len(encode_symbols([(p.symbols, p.rows, TABLES)])) for p in parts]
    errors = [float(((rest - 8 * p.halves) ** 2).mean()) for p in parts]
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors)
    assert sizes[2] < 0.9 * sizes[0]


@CHOOSERS
@given(
    part=st.lists(
        st.one_of(
            st.tuples(st.integers(-2000, 2000), st.integers(0, CLASSES - 1)), st.just((0, SKIP))
        ),
        max_size=40,
    ),
    lanes=st.integers(1, 5),
)
def test_what_was_decoded_is_chosen_again_whether_zeros_are_coded_or_not(
    coder: ModuleType, part: list[tuple[int, int]], lanes: int
) -> None:
    symbols, classes = apart(part)
    rest = 8 * np.array(halves_in(symbols, states_of(symbols, lanes)), np.int32)

    again, _ = chosen(coder, rest, classes, 0, lanes)
    all_coded, _ = chosen(coder, rest, [0 if c == SKIP else c for c in classes], 0, lanes)

    assert again.tolist() == symbols
    assert all_coded.tolist() == symbols


@CODERS
@given(part=symbol_parts, lanes=st.integers(1, 9))
def test_any_choice_can_be_read(coder: str, part: list[tuple[int, int]], lanes: int) -> None:
    symbols, classes = apart(part)
    data = encode_symbols([part_of(symbols, classes, lanes)], lanes=lanes)

    (halves,) = decode(coder, data, [(classes, TABLES, True)])

    assert halves == halves_in(symbols, states_of(symbols, lanes))


@CODERS
def test_every_part_begins_in_state_0_and_plain_parts_have_none(coder: str, rng: Rng) -> None:
    plain = tables_from_counts([np.array([1, 2, 4, 2, 1, 0])], [-2])
    numbers = rng.integers(-2, 3, 41).astype(np.int32)
    rest = np.rint(rng.laplace(0, 40, (2, 41))).astype(np.int32)
    classes = rng.choice([0, 1, 2, SKIP], (2, 41)).astype(np.uint8)
    parts = [quantize(x, c, TABLES, price=15) for x, c in zip(rest, classes, strict=True)]
    data = encode_symbols(
        [
            (parts[0].symbols, parts[0].rows, TABLES),
            (numbers, np.zeros(41, np.uint8), plain),
            (parts[1].symbols, parts[1].rows, TABLES),
        ]
    )

    decoded = decode(
        coder,
        data,
        [
            (classes[0].tolist(), TABLES, True),
            ([0] * 41, plain, False),
            (classes[1].tolist(), TABLES, True),
        ],
    )

    assert decoded == [parts[0].halves.tolist(), numbers.tolist(), parts[1].halves.tolist()]


def test_without_numba_the_same_is_chosen(rng: Rng) -> None:
    rest = np.rint(rng.laplace(0, 40, (3, 5, 7))).astype(np.int32)
    indexes = rng.choice([0, 1, 2, SKIP], (3, 5, 7)).astype(np.uint8)
    expected = quantize(rest, indexes, TABLES, price=15)

    with config.set(backend="numpy"):
        part = quantize(rest, indexes, TABLES, price=15)

    for ours, theirs in zip(part, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)


def test_what_is_quantised_may_be_strided_and_read_only(rng: Rng) -> None:
    rest = np.rint(rng.laplace(0, 40, (20, 6))).astype(np.int32)
    indexes = rng.integers(0, CLASSES, (20, 6)).astype(np.uint8)
    expected = quantize(rest[:, ::2].copy(), indexes[:, ::2].copy(), TABLES, price=15)
    for array in (rest, indexes):
        array.flags.writeable = False

    part = quantize(rest[:, ::2], indexes[:, ::2], TABLES, price=15)

    np.testing.assert_array_equal(part.halves, expected.halves)
    np.testing.assert_array_equal(part.rows, expected.rows)


def test_nothing_is_chosen_where_there_is_nothing() -> None:
    part = quantize(np.zeros((2, 0), np.int32), np.zeros((2, 0), np.uint8), TABLES, price=15)

    assert [x.shape for x in part] == [(2, 0)] * 3


@CODERS
@pytest.mark.parametrize("symbol", [LARGEST + 1, -LARGEST - 1])
def test_a_symbol_whose_halves_would_be_too_large_is_refused(coder: str, symbol: int) -> None:
    data = encode_symbols([part_of([symbol], [0], 1)], lanes=1)

    with pytest.raises(BitstreamError, match="largest symbol"):
        decode(coder, data, [([0], TABLES, True)])


@CODERS
@pytest.mark.parametrize("index", [CLASSES, 2 * CLASSES, 3 * CLASSES, 254])
def test_an_index_that_is_no_class_is_refused(coder: str, index: int) -> None:
    data = encode_symbols([part_of([0], [0], 1)], lanes=1)

    with pytest.raises(ConfigError, match="index"):
        decode(coder, data, [([index], TABLES, True)])


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_number_of_tables_without_classes_is_refused(count: int) -> None:
    tables = tables_from_counts([np.array([1, 2, 1])] * count, [0] * count)
    data = encode_symbols([(np.zeros(1, np.int32), np.zeros(1, np.uint8), tables)])

    with pytest.raises(ConfigError, match=f"there are {count} tables"):
        SymbolDecoder(data).decode(np.zeros(1, np.uint8), tables, is_trellis=True)
