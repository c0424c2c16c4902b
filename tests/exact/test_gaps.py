"""Planes with local gaps: their tables, their bytes, and what a reader refuses of them."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.compilation import compiled
from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.exact.dec_gaps import (
    MAX_GAP_WEIGHT,
    PLAINLY,
    ROW,
    STARTS,
    gaps_of,
    own_tables,
    weigh,
)
from numcodecs_neural.exact.dec_stream import HAS_GAPS, Cursor, PlaneHead, decode_levels
from numcodecs_neural.exact.diagonals import FLIP, MEAN, RAW, SCRATCH, TABLE
from numcodecs_neural.exact.enc_stream import channel_order, encode_levels
from numcodecs_neural.exact.layout import GAP_NEIGHBOURS, GAP_REACH
from numcodecs_neural.exact.model import SLOTS, TABLES, ExactModel
from numcodecs_neural.exact.planes import Settings
from numcodecs_neural.exact.symbols import ENTRIES
from numcodecs_neural.vectors import LANES, types
from numcodecs_neural.weights import exact_weights, load_decoder
from tests.exact.contents import content, with_gaps

MOST = 255


@pytest.fixture(scope="module")
def model() -> ExactModel:
    return ExactModel.from_file(load_decoder(exact_weights()))


def gapped(shape: tuple[int, ...], seed: int = 1) -> NDArray[np.uint16]:
    """Return levels with local gaps."""
    return with_gaps(shape, np.random.default_rng(seed)).astype(np.uint16)


def heads_in(data: bytes, channels: int, planes: int, model: ExactModel) -> list[PlaneHead]:
    """Return the heads of the planes of one block."""
    cursor = Cursor(data)
    cursor.order(channels)
    return [cursor.plane_head(i, model.sets, 0) for i in range(planes)]


@pytest.mark.parametrize("shape", [(1, 1, 56, 75), (2, 1, 91, 46)])
def test_compiled_kernels_and_python_make_the_same_bytes_of_gaps(
    model: ExactModel, shape: tuple[int, int, int, int]
) -> None:
    levels, settings = gapped(shape), Settings(MOST, 0)

    made = encode_levels(levels, settings, model)
    decoded = decode_levels(made, shape, settings, model)
    with config.set(backend="numpy"):
        plain = encode_levels(levels, settings, model)
        decoded_plain = decode_levels(made, shape, settings, model)

    planes = shape[0] * shape[1]
    assert all(head.gaps is not None for head in heads_in(made, shape[1], planes, model))
    assert plain == made
    assert np.array_equal(decoded, levels)
    assert np.array_equal(decoded_plain, levels)


def test_each_plane_of_a_chunk_has_gaps_for_itself(model: ExactModel) -> None:
    smooth = content("smooth", (1, 1, 66, 65), "uint8", 3).astype(np.uint16)
    levels = np.concatenate([smooth, gapped((1, 1, 66, 65))], 1)

    made = encode_levels(levels, Settings(MOST, 0), model)

    assert channel_order(2) == (0, 1)
    assert [head.gaps is not None for head in heads_in(made, 2, 2, model)] == [False, True]
    decoded = decode_levels(made, (1, 2, 66, 65), Settings(MOST, 0), model)
    assert np.array_equal(decoded, levels)


def test_gaps_save_a_tenth_where_every_second_level_is_missing(model: ExactModel) -> None:
    levels = gapped((1, 1, 128, 128))

    made = encode_levels(levels, Settings(MOST, 0), model)
    without = encode_levels(levels, Settings(MOST, 0), model, weighs=False)

    assert len(made) < 0.9 * len(without)


def test_chunks_within_a_bound_have_no_gaps(model: ExactModel) -> None:
    levels, settings = gapped((1, 1, 66, 65)), Settings(MOST, 1)

    made = encode_levels(levels, settings, model)

    assert made[1] < HAS_GAPS
    decoded = decode_levels(made, levels.shape, settings, model)
    assert np.abs(decoded.astype(int) - levels).max() <= 1


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_chunks_with_gaps_come_back(dtype: str, channels: int) -> None:
    image = content("gaps", (channels, 67, 69), dtype, 5)
    codec = NeuralImage(max_error=0, channel_axis=-3)

    assert np.array_equal(codec.decode(codec.encode(image)), image)


SHORTS = types.Array(types.int16, 1, "C")
INTS = types.Array(types.int32, 1, "C")


@compiled(types.void, types.int64, SHORTS, types.Array(types.int64, 1, "C"), INTS, SHORTS, INTS)
def weigh_there(
    count: Any, values: Any, offsets: Any, gaps: Any, tables: Any, scratch: Any
) -> None:
    weigh(count, 0, values, offsets, gaps, tables, scratch)


@pytest.mark.parametrize("seed", range(30))
def test_tables_are_whole_whatever_the_weights_are(model: ExactModel, seed: int) -> None:
    generator = np.random.default_rng(seed)
    scratch, values, offsets, gaps = anything(generator)
    tables = own_tables(model.tables[seed % model.sets], LANES)
    count = int(generator.integers(1, LANES, endpoint=True))

    plain_scratch, plain_tables = scratch.copy(), tables.copy()
    weigh_there(count, values, offsets, gaps, tables, scratch)
    PLAINLY[weigh](count, 0, values, offsets, gaps, plain_tables, plain_scratch)

    chosen = scratch[LANES * TABLE : LANES * TABLE + count]
    assert np.array_equal(chosen, plain_scratch[LANES * TABLE : LANES * TABLE + count])
    assert np.array_equal(tables, plain_tables)
    starts = tables.reshape(-1, ROW)[chosen, STARTS : STARTS + ENTRIES + 1].astype(int)
    assert np.diff(starts).min() >= 1
    assert (set(starts[:, 0]), set(starts[:, -1])) == ({0}, {SLOTS})
    weighed = scratch[LANES * RAW : LANES * RAW + count] == 0
    assert np.array_equal(chosen >= TABLES, weighed)


def anything(generator: np.random.Generator) -> tuple[NDArray[Any], ...]:
    """Return scratch memory, levels, offsets and weights that fit no plane."""
    scratch = np.zeros(LANES * SCRATCH, np.int32)
    parts = scratch.reshape(SCRATCH, LANES)
    parts[MEAN] = generator.integers(0, 60, LANES)
    parts[TABLE] = generator.integers(0, TABLES, LANES)
    parts[RAW] = generator.integers(0, 4, LANES) == 3
    parts[FLIP] = -generator.integers(0, 2, LANES)
    values = generator.integers(0, 60, 40).astype(np.int16)
    values[::7] = -1  # the level 65535
    scale = generator.choice([1, 256, MAX_GAP_WEIGHT])
    weights = generator.integers(0, scale, (GAP_NEIGHBOURS, GAP_REACH + 1), endpoint=True)
    if generator.integers(2):
        weights[:] = scale * generator.integers(0, 2, weights.shape)
    return scratch, values, np.arange(GAP_NEIGHBOURS, dtype=np.int64), gaps_of(weights)


def head_of(first_weight: int) -> bytes:
    """Return the head of a plane without references, of which the first weight is given."""
    low, high = first_weight & 127 | 128, first_weight >> 7
    return bytes([0, HAS_GAPS, *(0,) * 16, low, high, *(1,) * (GAP_NEIGHBOURS * 13 - 1)])


def test_a_weight_beyond_the_largest_is_refused(model: ExactModel) -> None:
    head = Cursor(head_of(MAX_GAP_WEIGHT)).plane_head(0, model.sets, 0)
    assert head.gaps is not None
    assert head.gaps.max() == MAX_GAP_WEIGHT

    with pytest.raises(BitstreamError, match="2048 of distances; allowed are 2047"):
        Cursor(head_of(MAX_GAP_WEIGHT + 1)).plane_head(0, model.sets, 0)


def test_weights_are_refused_where_there_is_an_error(model: ExactModel) -> None:
    with pytest.raises(BitstreamError, match="weights of distances, and an error"):
        Cursor(head_of(256)).plane_head(0, model.sets, 1)
