"""Kernels: compiled, they do what they mean in Python; what they read lies where it should."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import config
from numcodecs_neural.exact.dec_stream import decode_levels
from numcodecs_neural.exact.enc_stream import encode_levels
from numcodecs_neural.exact.layout import CAUSAL, REFERENCE, offsets_of, shape_of, with_margins
from numcodecs_neural.exact.model import ExactModel
from numcodecs_neural.exact.planes import FIRST_ERROR, Memory, Settings
from numcodecs_neural.exact.symbols import ENTRIES, ESCAPE, EXTRA_BITS, LOWEST, entries_by_number
from numcodecs_neural.weights import exact_weights, load_decoder


@pytest.fixture(scope="module")
def model() -> ExactModel:
    return ExactModel.from_file(load_decoder(exact_weights()))


def noisy(shape: tuple[int, ...], most: int, seed: int = 1) -> NDArray[np.uint16]:
    """Return a ramp with noise, of which all levels up to `most` may occur."""
    generator = np.random.default_rng(seed)
    ramp = np.indices(shape).sum(0) * (most // 64 + 1)
    noise = generator.normal(0, most / 40 + 1, shape)
    found: NDArray[np.uint16] = np.clip(ramp + noise, 0, most).astype(np.uint16)
    return found


@pytest.mark.parametrize(
    ("shape", "most", "error"),
    [
        ((1, 1, 1, 1), 1, 0),
        ((1, 3, 9, 21), 255, 0),
        ((3, 1, 9, 21), 255, 0),
        ((2, 2, 18, 7), 65535, 0),
        ((1, 3, 12, 19), 255, 2),
        ((1, 1, 5, 40), 4095, 300),
        ((1, 2, 36, 83), 65535, 0),
        ((1, 1, 40, 33), 65535, 1),
    ],
)
def test_compiled_kernels_and_python_make_the_same_bytes(
    model: ExactModel, shape: tuple[int, int, int, int], most: int, error: int
) -> None:
    levels, settings = noisy(shape, most), Settings(most, error)

    compiled = encode_levels(levels, settings, model)
    decoded = decode_levels(compiled, shape, settings, model)
    with config.set(backend="numpy"):
        plain = encode_levels(levels, settings, model)
        decoded_plain = decode_levels(compiled, shape, settings, model)

    assert plain == compiled
    assert np.array_equal(decoded_plain, decoded)
    assert np.abs(decoded.astype(int) - levels).max() <= error


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 9), (9, 1), (5, 6), (20, 33), (2, 40), (5, 49), (10, 59)]
)
def test_memory_holds_what_margins_say(model: ExactModel, shape: tuple[int, int]) -> None:
    levels = noisy((1, 1, *shape), 1000)
    settings = Settings(1000, 0)
    memory = Memory(shape, 1, settings)
    numbers = memory.plane(0, (), model)
    _decode_into(memory, numbers, encode_levels(levels, settings, model), model)

    expected = with_margins(levels[0, 0].astype(np.int32), 500)
    rows, columns = shape_of(*shape, memory.lanes)
    values = memory.values.view(np.uint16)[: rows * columns]
    at = _places(shape, columns)
    offsets = offsets_of(columns)
    for (dx, dy), offset in zip(CAUSAL + REFERENCE, offsets, strict=True):
        window = expected[3 + dy : 3 + dy + shape[0], 3 + dx : 3 + dx + shape[1]]
        assert np.array_equal(values[at + offset], window), (dx, dy)


def _places(shape: tuple[int, int], columns: int) -> NDArray[np.int64]:
    y, x = np.indices(shape)
    places: NDArray[np.int64] = (8 + x + 2 * y) * columns + 3 + y
    return places


def _decode_into(memory: Memory, numbers: Any, data: bytes, model: ExactModel) -> None:
    from numcodecs_neural.exact.dec_kernels import decode_plane
    from numcodecs_neural.exact.dec_stream import Code, Cursor, tables_of, terms_of

    cursor = Cursor(data)
    cursor.order(1)
    head = cursor.plane_head(0, model.sets, 0)
    code = Code.take(cursor)
    decode_plane(
        numbers,
        memory.values,
        memory.errors,
        memory.offsets,
        terms_of(head),
        model.networks[0],
        *tables_of(head, model, memory.lanes),
        code.words,
        code.bits,
        code.states,
        code.at,
    )
    code.check_end()


def test_errors_begin_as_the_specification_says(model: ExactModel) -> None:
    memory = Memory((4, 4), 1, Settings(9, 0))
    memory.plane(0, (), model)

    assert set(memory.errors[:-32].tolist()) == {FIRST_ERROR}


def test_entries_cover_all_numbers_that_are_no_escapes() -> None:
    numbers = np.arange(-ESCAPE, ESCAPE)
    entries = entries_by_number()

    above = numbers - LOWEST[entries]
    assert above.min() == 0
    assert np.all(above < 1 << EXTRA_BITS[entries])
    assert (entries.min(), entries.max()) == (1, ENTRIES - 2)
