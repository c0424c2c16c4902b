"""NeuralImage as numcodecs uses it: arrays in, bytes out, configuration as JSON."""

import json
import pickle
from collections.abc import Callable
from typing import Any

import numcodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numcodecs.abc import Codec

from numcodecs_neural import NeuralImage
from numcodecs_neural.compressai import CompressAIImage
from numcodecs_neural.errors import BitstreamError, ConfigError, WeightsError
from tests.annotations import Image, Psnr

ABSENT = {"model": "he-future-9", "weights": "0" * 64}
RESEARCH = CompressAIImage("mbt2018", weights="0f" * 32, channel_axis=-1)
BOTH = pytest.mark.parametrize("codec", [NeuralImage(quality=30), RESEARCH], ids=["ours", "papers"])


@pytest.fixture
def crop(tissue: Image) -> Image:
    return np.ascontiguousarray(tissue[:, 100:196, 50:178])


@pytest.mark.parametrize(
    "rearrange",
    [
        pytest.param(lambda a: a, id="C order"),
        pytest.param(np.asfortranarray, id="F order"),
        pytest.param(lambda a: a[:, ::2, ::-1], id="not contiguous"),
        pytest.param(lambda a: a[:, :1, :1], id="one pixel"),
        pytest.param(lambda a: a[:, :37, :53], id="odd sides"),
        pytest.param(lambda a: np.stack([a, a[:, ::-1]]), id="batch of two"),
        pytest.param(lambda a: np.broadcast_to(a[:, :1], a.shape), id="broadcast"),
    ],
)
def test_decoded_pixels_are_near_the_original_in_its_shape_and_dtype(
    rearrange: Callable[[Image], Image], crop: Image, psnr: Psnr
) -> None:
    image = rearrange(crop)
    codec = NeuralImage(quality=80)

    decoded = codec.decode(codec.encode(image))

    assert (decoded.shape, decoded.dtype) == (image.shape, image.dtype)
    assert psnr(decoded, image) > 24


@given(
    shape=st.tuples(st.integers(1, 2), st.just(3), st.integers(1, 40), st.integers(1, 40)),
    order=st.sampled_from(["C", "F"]),
    low=st.integers(0, 255),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_shape_comes_back(shape: tuple[int, ...], order: Any, low: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(low, 256, shape, dtype=np.uint8)
    codec = NeuralImage(quality=50)

    decoded = codec.decode(codec.encode(np.asarray(pixels, order=order)))

    assert (decoded.shape, decoded.dtype) == (shape, pixels.dtype)
    assert np.abs(decoded.astype(int) - pixels).mean() < 64


def test_channels_can_come_last(crop: Image) -> None:
    last = np.ascontiguousarray(np.moveaxis(crop, 0, -1))

    decoded = NeuralImage(channel_axis=-1).decode(NeuralImage(channel_axis=-1).encode(last))

    first = NeuralImage().decode(NeuralImage().encode(crop))
    np.testing.assert_array_equal(np.moveaxis(decoded, -1, 0), first)


def test_depth_can_lie_between_channels_and_planes(crop: Image) -> None:
    depths = np.stack([crop, crop[:, ::-1]])  # (z, c, y, x)
    codec = NeuralImage(channel_axis=-4)

    decoded = codec.decode(codec.encode(np.moveaxis(depths, 0, 1)))

    first = NeuralImage().decode(NeuralImage().encode(depths))
    np.testing.assert_array_equal(np.moveaxis(decoded, 1, 0), first)


def test_read_only_input_is_neither_refused_nor_changed(crop: Image) -> None:
    before = crop.copy()
    crop.flags.writeable = False

    NeuralImage().encode(crop)

    np.testing.assert_array_equal(crop, before)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_is_kept(order: Any, crop: Image) -> None:
    codec = NeuralImage()

    decoded = codec.decode(codec.encode(np.asarray(crop, order=order)))

    assert decoded.flags.c_contiguous == (order == "C")
    assert decoded.flags.f_contiguous == (order == "F")


def test_memory_layout_changes_no_pixel(crop: Image) -> None:
    codec = NeuralImage()

    c, f = (codec.decode(codec.encode(np.asarray(crop, order=order))) for order in ("C", "F"))

    np.testing.assert_array_equal(c, f)


@pytest.mark.parametrize("chunk_order", ["C", "F"])
@pytest.mark.parametrize("out_order", ["C", "F"])
def test_out_of_the_chunks_shape_is_filled_by_position(
    chunk_order: Any, out_order: Any, crop: Image
) -> None:
    codec = NeuralImage()
    chunk = codec.encode(np.asarray(crop, order=chunk_order))
    out = np.zeros(crop.shape, np.uint8, order=out_order)

    codec.decode(chunk, out=out)

    np.testing.assert_array_equal(out, codec.decode(chunk))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("buffer", [bytearray, lambda n: np.zeros(n, np.uint8)])
def test_a_flat_out_takes_the_samples_in_memory_order(
    order: Any, buffer: Callable[[int], Any], crop: Image
) -> None:
    codec = NeuralImage()
    chunk = codec.encode(np.asarray(crop, order=order))
    out = buffer(crop.size)

    codec.decode(chunk, out=out)

    assert bytes(out) == codec.decode(chunk).tobytes(order)


def test_out_of_another_size_is_refused(crop: Image) -> None:
    chunk = NeuralImage().encode(crop)

    with pytest.raises(ValueError, match="reshape"):
        NeuralImage().decode(chunk, out=bytearray(7))


@pytest.mark.parametrize(
    "wrap", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, np.uint8)]
)
def test_any_bytes_like_chunk_is_decoded(wrap: Callable[[bytes], Any], crop: Image) -> None:
    codec = NeuralImage()
    chunk = codec.encode(crop)

    np.testing.assert_array_equal(codec.decode(wrap(chunk)), codec.decode(chunk))


def test_a_foreign_chunk_is_refused() -> None:
    with pytest.raises(BitstreamError):
        NeuralImage().decode(b"\xff\xd8\xff\xe0 this is a jpeg, or begins like one" * 4)


def test_encoding_twice_gives_the_same_bytes(crop: Image) -> None:
    assert NeuralImage().encode(crop) == NeuralImage().encode(crop)


def test_an_array_of_objects_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="the array is object"):
        NeuralImage().encode(np.full((3, 64, 64), "x", object))


@pytest.mark.parametrize(
    ("array", "says"),
    [
        pytest.param(np.zeros((3, 64, 64), np.uint16), "uint16", id="dtype"),
        pytest.param(np.zeros((3, 64, 64), ">f4"), "float32", id="big-endian float"),
        pytest.param(np.zeros((4, 64, 64), np.uint8), "length 4 at channel_axis=-3", id="channels"),
        pytest.param(np.zeros((64, 64, 3), np.uint8), "pass channel_axis=-1", id="channel-last"),
        pytest.param(np.zeros((64, 64), np.uint8), "has 2 axes", id="grey"),
        pytest.param(b"bytes without a shape", "has 1 axes", id="bytes"),
    ],
)
def test_what_the_weights_cannot_code_is_refused(array: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        NeuralImage().encode(array)


@pytest.mark.parametrize(
    "codec",
    [
        NeuralImage(),
        NeuralImage("he-fast", 0, channel_axis=-1),
        NeuralImage(quality=100, encoder={"effort": 9, "search": [1, 2.5, None]}),
        NeuralImage(**ABSENT),  # type: ignore[arg-type]
    ],
    ids=["default", "channel-last", "encoder notes", "absent weights"],
)
def test_configuration_survives_json(codec: NeuralImage) -> None:
    config = json.loads(json.dumps(codec.get_config()))

    assert numcodecs.get_codec(config) == codec
    assert config == codec.get_config()


@BOTH
def test_configuration_is_the_public_attributes(codec: Codec) -> None:
    public = {key for key in vars(codec) if not key.startswith("_")}

    assert codec.get_config().keys() == public | {"id"}


def test_a_family_name_is_pinned_to_exact_weights() -> None:
    codec = NeuralImage("he-fast")

    assert codec.model == "he-fast-2"
    assert len(bytes.fromhex(codec.weights)) == 32


@pytest.mark.parametrize("quality", [30.0, np.float32(30)])
def test_a_whole_float_is_a_quality(quality: float) -> None:
    codec = NeuralImage(quality=quality)  # type: ignore[arg-type]

    assert codec.get_config() == NeuralImage(quality=30).get_config()
    assert type(codec.quality) is int


def test_numpy_integers_are_stored_as_plain_ones() -> None:
    codec = NeuralImage(quality=np.uint8(30), channel_axis=np.int64(-1))  # type: ignore[arg-type]

    assert json.loads(json.dumps(codec.get_config()))["quality"] == 30


@BOTH
def test_unknown_parameters_are_refused_by_name(codec: Codec) -> None:
    config = codec.get_config() | {"colour_space": "lab"}

    with pytest.raises(ConfigError, match="no parameter 'colour_space'"):
        numcodecs.get_codec(config)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"quality": 101}, "quality is 101"),
        ({"quality": -1}, "quality is -1"),
        ({"quality": 60.5}, "quality is 60.5"),
        ({"quality": True}, "quality is True"),
        ({"channel_axis": 0}, "channel_axis is 0"),
        ({"model": 3}, "model is 3"),
        ({"weights": "abc"}, "weights is 'abc'"),
        ({"encoder": ["effort"]}, "encoder is"),
        ({"encoder": {"effort": float("nan")}}, "encoder must be"),
        ({"encoder": {"effort": b""}}, "encoder must be"),
    ],
    ids=str,
)
def test_bad_parameters_are_refused(parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        NeuralImage(**parameters)


def test_an_unknown_model_is_refused_when_it_is_asked_for() -> None:
    with pytest.raises(WeightsError, match="he-fast-2"):
        NeuralImage("he-nonexistent")


def test_absent_weights_are_described_but_do_not_code(crop: Image) -> None:
    codec = NeuralImage(**ABSENT)  # type: ignore[arg-type]

    assert codec.get_config()["model"] == "he-future-9"
    with pytest.raises(WeightsError, match=r"he-future-9.*install"):
        codec.encode(crop)


def test_a_known_name_with_another_digest_does_not_code(crop: Image) -> None:
    with pytest.raises(WeightsError, match="install"):
        NeuralImage("he-fast-2", weights="0" * 64).encode(crop)


def test_equal_codecs_are_equal_hash_alike_and_pickle() -> None:
    codec, other = NeuralImage(quality=30), NeuralImage(quality=31)

    assert pickle.loads(pickle.dumps(codec)) == codec != other
    assert {codec, NeuralImage(quality=30), other} == {codec, other}


def test_a_used_codec_pickles_small(crop: Image) -> None:
    codec = NeuralImage()
    codec.decode(codec.encode(crop))

    assert len(pickle.dumps(codec)) < 1000


@BOTH
def test_repr_can_be_evaluated(codec: Codec) -> None:
    assert eval(repr(codec)) == codec
