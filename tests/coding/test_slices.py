"""Images that are predicted from each other: what is saved and kept, and what is refused."""

import struct
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.coding.dec_dct import HEAD, LENGTH, DctModel, decode_images
from numcodecs_neural.coding.enc_dct import DctEncoder, encode_images
from numcodecs_neural.dct.dec_inverse import inverse
from numcodecs_neural.errors import BitstreamError, NeuralCodecError, TruncatedChunkError
from numcodecs_neural.format import Mode, unpack_chunk
from numcodecs_neural.measure.metrics import psnr
from numcodecs_neural.weights import load_decoder, load_encoder, resolve

Image = NDArray[Any]

MODEL = "grey-fast-2"
FIXED = 2 * HEAD.size  # bytes before the length of the gains, with one axis


@pytest.fixture(scope="module")
def model() -> DctModel:
    return DctModel.from_file(load_decoder(resolve(MODEL)))


@pytest.fixture(scope="module")
def encoder() -> DctEncoder:
    info = resolve(MODEL)
    return DctEncoder.from_file(load_encoder(info), info.sha256)


def volume(count: int = 6, height: int = 80, width: int = 96, noise: float = 2.0) -> Image:
    """Blobs that drift a little from slice to slice, with noise of each slice's own: uint8."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width]
    image = np.full((count, height, width), 20.0)
    for _ in range(14):
        at, drift = rng.uniform(0, 1, 2) * (height, width), rng.normal(0, 0.7, 2)
        size, light = rng.uniform(3, 14), rng.uniform(20, 110)
        for z in range(count):
            distance = (y - at[0] - z * drift[0]) ** 2 + (x - at[1] - z * drift[1]) ** 2
            image[z] += light * np.exp(-distance / (2 * size**2))
    image += rng.normal(0, noise, image.shape)
    return image.round().clip(0, 255).astype(np.uint8)


def is_predicted(chunk: bytes) -> bool:
    """Whether the section of a lossy chunk is one of predicted images."""
    header, (section,) = unpack_chunk(chunk)
    assert header.mode is Mode.LOSSY
    return section[:2] == b"\0\0"


def mse(one: Image, other: Image) -> float:
    return float(((one.astype(float) - other) ** 2).mean())


# What is saved ------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_slices_alike_take_fewer_bytes_together(quality: int) -> None:
    image, codec = volume(), NeuralImage(MODEL, quality)

    chunk = codec.encode(image)

    alone = [codec.encode(plane) for plane in image]
    assert is_predicted(chunk)
    assert len(chunk) < 0.9 * sum(map(len, alone))
    apart = np.stack([codec.decode(plane) for plane in alone])
    assert mse(image, codec.decode(chunk)) < 1.05 * mse(image, apart)


@pytest.mark.parametrize("target", [38, 44])
def test_slices_that_are_to_have_a_psnr_are_predicted_too(target: float) -> None:
    image, codec = volume(), NeuralImage(MODEL, target_psnr=target)

    chunk = codec.encode(image)

    assert is_predicted(chunk)
    assert target <= psnr(image, codec.decode(chunk), 255) <= target + 0.2
    assert len(chunk) < 0.92 * sum(len(codec.encode(plane)) for plane in image)


@pytest.mark.parametrize("target", [36, 40, 44])
def test_slices_that_had_a_psnr_keep_what_was_decoded(target: float) -> None:
    codec = NeuralImage(MODEL, target_psnr=target)
    decoded = codec.decode(codec.encode(volume()))

    again = codec.decode(codec.encode(decoded))

    assert psnr(decoded, again, 255) > 50


def test_a_film_that_had_a_psnr_keeps_what_was_decoded(tissue: Image) -> None:
    noise = np.random.default_rng(8).normal(0, 2, (4, 3, 80, 96))
    film = (tissue[:, 60:140, 90:186] + noise).clip(0, 255).astype(np.uint8)
    codec = NeuralImage("he-fast-2", target_psnr=37)

    chunk = codec.encode(film)
    decoded = codec.decode(chunk)

    assert is_predicted(chunk)
    assert psnr(decoded, codec.decode(codec.encode(decoded)), 255) > 50


def test_equal_slices_cost_next_to_nothing(tissue: Image) -> None:
    plane = tissue[1, :96, :112]
    codec = NeuralImage(MODEL, 60)

    chunk = codec.encode(np.stack([plane] * 8))

    assert len(chunk) < 1.3 * len(codec.encode(plane))


def test_independent_noise_is_no_larger_than_without_prediction(
    rng: np.random.Generator, model: DctModel, encoder: DctEncoder
) -> None:
    noise = rng.integers(0, 4096, (5, 1, 64, 80)).astype(np.uint16)

    payload = encode_images(noise, 60, "psnr", model=model, encoder=encoder)

    each = [encode_images(x[None], 60, "psnr", model=model, encoder=encoder) for x in noise]
    assert len(payload) <= sum(len(x) - HEAD.size for x in each) + HEAD.size


def test_slices_unlike_each_other_share_a_stream(
    tissue: Image, model: DctModel, encoder: DctEncoder
) -> None:
    crops = [tissue[1, y : y + 64, x : x + 64] for y, x in ((0, 0), (200, 90), (390, 300))]
    images = np.left_shift(np.stack(crops)[:, None], model.pixel_fraction, dtype=np.uint16)

    payload = encode_images(images, 50, "psnr", model=model, encoder=encoder)

    each = [encode_images(x[None], 50, "psnr", model=model, encoder=encoder) for x in images]
    assert len(payload) < sum(map(len, each)) - 60
    apart = np.concatenate([decoded(x, model, (1, 64, 64)) for x in each])
    together = decoded(payload, model, (3, 64, 64))
    pixel = 1 << model.pixel_fraction
    assert mse(together / pixel, images / pixel) < 1.02 * mse(apart / pixel, images / pixel)


def test_a_film_in_colour_is_predicted_along_axes_of_its_own(tissue: Image) -> None:
    rng = np.random.default_rng(1)
    film = np.stack([tissue[:, 60:140, 90:186]] * 5) + rng.normal(0, 2, (5, 3, 80, 96))
    film = film.round().clip(0, 255).astype(np.uint8)
    codec = NeuralImage("he-fast-2", 50)

    chunk = codec.encode(film)

    assert is_predicted(chunk)
    assert len(chunk) < 0.6 * sum(len(codec.encode(plane)) for plane in film)
    assert mse(film, codec.decode(chunk)) < 20


def test_one_image_is_coded_for_itself() -> None:
    assert not is_predicted(NeuralImage(MODEL, 60).encode(volume(1)))


# What is kept -------------------------------------------------------------------------------------


CONTENTS = {
    "volume": volume(),
    "constant slices": np.arange(0, 250, 40, dtype=np.uint8)[:, None, None].repeat(40, 1),
    "saturated": np.where(volume() > 60, 255, 0).astype(np.uint8),
    "black and a volume": np.concatenate([np.zeros((2, 80, 96), np.uint8), volume(3)]),
    "one pixel": volume(7)[:, :1, :1],
    "one row": volume(7)[:, :1],
    "two slices": volume(2),
    "brightening": (volume(5) * np.linspace(0.2, 1, 5)[:, None, None]).astype(np.uint8),
    "12 bits": volume().astype(np.uint16) * 16,
    "signed": volume().astype(np.int16) * 70 - 9000,
}


@pytest.mark.parametrize("name", CONTENTS)
def test_every_content_is_kept_about_as_well_as_slice_by_slice(
    name: str, model: DctModel, encoder: DctEncoder
) -> None:
    codec = NeuralImage(MODEL, 70)
    image = CONTENTS[name]

    back = np.asarray(codec.decode(codec.encode(image)))

    assert back.shape == image.shape
    assert back.dtype == image.dtype
    span = 255 if image.dtype == np.uint8 else int(image.max()) - int(image.min())
    assert mse(image, back) < (span / 40) ** 2


@hypothesis.settings(max_examples=15, deadline=None)
@hypothesis.given(
    st.tuples(st.integers(2, 7), st.integers(1, 40), st.integers(1, 40)),
    st.integers(0, 100),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 3.0, 60.0]),
)
def test_plain_python_and_numba_agree_on_any_shape(
    shape: tuple[int, int, int], quality: int, seed: int, noise: float
) -> None:
    rng = np.random.default_rng(seed)
    base = np.kron(rng.integers(0, 256, (5, 5)), np.ones((8, 8)))[: shape[1], : shape[2]]
    image = (base + rng.normal(0, noise, shape)).round().clip(0, 255).astype(np.uint8)
    codec = NeuralImage(MODEL, quality)
    with config.set(backend="numba"):
        chunk = codec.encode(image)
        pixels = codec.decode(chunk)

    assert np.asarray(pixels).shape == shape
    if shape[1] * shape[2] <= 256:  # plain Python is slow
        with config.set(backend="numpy"):
            assert codec.encode(image) == chunk
            np.testing.assert_array_equal(codec.decode(chunk), pixels)


def test_torch_gives_the_same_pixels() -> None:
    pytest.importorskip("torch", reason="the torch backend needs torch")
    codec = NeuralImage(MODEL, 60)
    chunk = codec.encode(volume())
    pixels = codec.decode(chunk)

    with config.set(backend="torch", device="cpu"):
        np.testing.assert_array_equal(codec.decode(chunk), pixels)


@pytest.mark.parametrize("quality", [30, 60, 80])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_five_generations_lose_next_to_nothing(dtype: str, quality: int) -> None:
    image = volume().astype(dtype) * (1 if dtype == "uint8" else 16)
    codec = NeuralImage(MODEL, quality, value_range=None if dtype == "uint8" else (0, 4095))
    chunk = codec.encode(image)
    first = later = codec.decode(chunk)

    for _ in range(4):
        later_chunk = codec.encode(later)
        later = codec.decode(later_chunk)

    assert is_predicted(later_chunk)
    assert len(later_chunk) < 1.02 * len(chunk)
    assert mse(image, later) < 1.023 * mse(image, first)  # 0.1 dB


def test_generations_of_a_film_in_colour_lose_next_to_nothing(tissue: Image) -> None:
    rng = np.random.default_rng(1)
    film = np.stack([tissue[:, 60:156, 90:186]] * 4) + rng.normal(0, 2, (4, 3, 96, 96))
    film = film.round().clip(0, 255).astype(np.uint8)
    codec = NeuralImage("he-fast-2", 60)
    chunk = codec.encode(film)
    first = later = codec.decode(chunk)

    for _ in range(4):
        later = codec.decode(codec.encode(later))

    assert is_predicted(chunk)
    assert mse(film, later) < 1.023 * mse(film, first)


@pytest.mark.parametrize("model", [MODEL, "he-fast-2"])
def test_images_that_were_decoded_alone_keep_their_pixels(model: str, tissue: Image) -> None:
    codec = NeuralImage(model, 60)
    crops = [tissue[..., y : y + 96, 40:152] for y in (0, 150, 300)]
    images = crops if model == "he-fast-2" else [crop[1] for crop in crops]
    decoded = np.stack([codec.decode(codec.encode(image)) for image in images])

    again = codec.decode(codec.encode(decoded))

    assert mse(decoded, again) < 0.02


def test_slices_whose_noise_is_hardly_predicted_keep_their_symbols() -> None:
    image = volume(6, 48, 48, noise=8.0)
    codec = NeuralImage(MODEL, 80)
    first = codec.decode(codec.encode(image))

    assert mse(first, codec.decode(codec.encode(first))) < 0.02


# Damage -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def payload(model: DctModel, encoder: DctEncoder) -> bytes:
    """Return that of 5 slices of 2 x 3 blocks."""
    pixels = np.left_shift(volume(5, 32, 48)[:, None], model.pixel_fraction, dtype=np.uint16)
    payload = encode_images(pixels, 60, "psnr", model=model, encoder=encoder)
    assert payload[:2] == b"\0\0"
    return payload


def decoded(payload: bytes, model: DctModel, shape: tuple[int, int, int] = (5, 32, 48)) -> Image:
    return decode_images(payload, shape, model, inverse)


@pytest.mark.parametrize(
    ("place", "field", "says"),
    [
        pytest.param(2, b"\0", "the spacing 0", id="no spacing"),
        pytest.param(2, b"\x11", "the spacing 17", id="a spacing of 17"),
        pytest.param(3, b"\1", "and 1 behind it", id="a field that must be 0"),
        pytest.param(4, b"\0\0", "0 is no step", id="a base of 0"),
        pytest.param(7, b"\0", "0 is no step", id="a chroma of 0"),
    ],
)
def test_a_field_that_is_not_allowed_is_named(
    place: int, field: bytes, says: str, payload: bytes, model: DctModel
) -> None:
    hostile = payload[:place] + field + payload[place + len(field) :]

    with pytest.raises(BitstreamError, match=says):
        decoded(hostile, model)


def test_a_payload_is_refused_wherever_it_ends(payload: bytes, model: DctModel) -> None:
    for end in range(len(payload)):
        with pytest.raises(BitstreamError):
            decoded(payload[:end], model)


def test_bytes_behind_the_symbols_are_refused(payload: bytes, model: DctModel) -> None:
    with pytest.raises(BitstreamError, match="do not end where"):
        decoded(payload + b"\0", model)


@pytest.mark.parametrize("count", [4, 6])
def test_another_number_of_images_is_refused(count: int, payload: bytes, model: DctModel) -> None:
    with pytest.raises(BitstreamError):
        decoded(payload, model, (count, 32, 48))


def test_more_blocks_together_than_there_may_be_are_refused(
    payload: bytes, model: DctModel
) -> None:
    with pytest.raises(BitstreamError, match=r"2 together; allowed are 524288 blocks"):
        decoded(payload, model, (2, 1, 16 * (2**18 + 1)))


def test_a_few_bytes_for_many_images_take_no_time(model: DctModel) -> None:
    hostile = struct.pack("<HBB", 0, 4, 0) + struct.pack("<HBB", 64, 7, 16) + LENGTH.pack(1) + b"\0"

    with pytest.raises(TruncatedChunkError, match="the gains of a chunk end early"):
        decoded(hostile, model, (2**19, 1, 1))


@hypothesis.given(st.data())
def test_any_damage_gives_pixels_or_an_error_by_name(
    payload: bytes, model: DctModel, data: st.DataObject
) -> None:
    hostile = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 4))):
        hostile[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))

    try:
        pixels = decoded(bytes(hostile), model)
    except NeuralCodecError:
        return

    assert pixels.shape == (5, 1, 32, 48)
