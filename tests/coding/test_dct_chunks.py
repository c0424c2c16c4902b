"""Chunks of colour axes and DCT: what they keep, how they are refused, and that all paths agree."""

import struct
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.coding import enc_dct
from numcodecs_neural.coding.dec_dct import MAX_BLOCKS, DctModel, decode_images
from numcodecs_neural.coding.enc_dct import TUNINGS, DctEncoder, encode_images
from numcodecs_neural.coding.enc_dct_task import targets_of
from numcodecs_neural.dct.context.model import ContextModel
from numcodecs_neural.dct.dec_inverse import inverse
from numcodecs_neural.dct.steps import Quantisation
from numcodecs_neural.errors import (
    BitstreamError,
    ConfigError,
    NeuralCodecError,
    TruncatedChunkError,
    WeightsError,
)
from numcodecs_neural.format import Mode, pack_chunk, unpack_chunk
from numcodecs_neural.weights import load_decoder, load_encoder, resolve
from numcodecs_neural.weights.files import WeightsFile
from tests.annotations import Psnr
from tests.context_models import SmallContext

Image = NDArray[Any]

MODEL = "he-fast-2"
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
HEAD, ANGLES, LENGTH = 4, 12, 4
STREAM = HEAD + ANGLES + LENGTH  # where the stream of the first image begins
STATES = 4 + 8 * 4


@pytest.fixture(scope="module")
def model() -> DctModel:
    return DctModel.from_file(load_decoder(resolve(MODEL)))


@pytest.fixture(scope="module")
def encoder() -> DctEncoder:
    info = resolve(MODEL)
    return DctEncoder.from_file(load_encoder(info), info.sha256)


@pytest.fixture(scope="module")
def payload(tissue: Image, model: DctModel, encoder: DctEncoder) -> bytes:
    """Return that of 2 x 3 blocks of tissue."""
    image = tissue[None, :, 150:182, 220:268]
    return encode_images(image, 60, "psnr", model=model, encoder=encoder)


def decoded(payload: bytes, model: DctModel, shape: tuple[int, int, int] = (1, 32, 48)) -> Image:
    return decode_images(payload, shape, model, inverse)


def file_of(described: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> WeightsFile:
    return WeightsFile(sha256="0" * 64, description=described, arrays=arrays)


def with_stream(payload: bytes, stream: bytes) -> bytes:
    """Return the payload with another stream behind its length."""
    return payload[: STREAM - LENGTH] + struct.pack("<I", len(stream)) + stream


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Give what tells, behind the block, how much memory was allocated at most."""
    peaks: list[int] = []
    tracemalloc.start()
    try:
        yield lambda: peaks[0]
    finally:
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()


# Damage -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "field", "says"),
    [
        pytest.param(0, b"\0\0", "the spacing 7 and 16 behind it", id="a base of 0"),
        pytest.param(3, b"\0", "0 is no step", id="a chroma of 0"),
        pytest.param(4, b"\0\4", "the angle 1024", id="the first angle"),
        pytest.param(14, b"\xff\xff", "the angle 65535", id="the last angle"),
        pytest.param(STREAM + 4, bytes(4), "begin with the state 0", id="the first state"),
        pytest.param(STREAM + 32, b"\xff\xff\0\0", "the state 65535", id="the last state"),
    ],
)
def test_a_field_that_is_not_allowed_is_named(
    place: int, field: bytes, says: str, payload: bytes, model: DctModel
) -> None:
    hostile = payload[:place] + field + payload[place + len(field) :]

    with pytest.raises(BitstreamError, match=says):
        decoded(hostile, model)


def test_a_payload_is_truncated_wherever_it_ends(payload: bytes, model: DctModel) -> None:
    for end in range(len(payload)):
        with pytest.raises(TruncatedChunkError):
            decoded(payload[:end], model)


def test_a_stream_that_is_cut_is_refused_wherever_it_ends(payload: bytes, model: DctModel) -> None:
    stream = payload[STREAM:]

    for end in range(len(stream)):
        with pytest.raises(BitstreamError, match="coefficients"):
            decoded(with_stream(payload, stream[:end]), model)


def test_bytes_behind_the_images_are_refused(payload: bytes, model: DctModel) -> None:
    with pytest.raises(BitstreamError, match="2 bytes behind its images"):
        decoded(payload + b"??", model)


def test_bytes_behind_the_symbols_are_refused(payload: bytes, model: DctModel) -> None:
    with pytest.raises(BitstreamError, match="do not end where"):
        decoded(with_stream(payload, payload[STREAM:] + b"\0"), model)


@pytest.mark.parametrize(("change", "error"), [(-1, BitstreamError), (1, BitstreamError)])
def test_another_number_of_words_is_refused(
    change: int, error: type[BitstreamError], payload: bytes, model: DctModel
) -> None:
    stream = payload[STREAM:]
    words = struct.unpack_from("<I", stream)[0] + change

    with pytest.raises(error, match="coefficient"):
        decoded(with_stream(payload, struct.pack("<I", words) + stream[4:]), model)


@pytest.mark.parametrize("words", [10_000, 2**32 - 1])
def test_words_that_are_not_there_are_refused(words: int, payload: bytes, model: DctModel) -> None:
    stream = struct.pack("<I", words) + payload[STREAM + 4 :]

    with pytest.raises(TruncatedChunkError, match=f"and {words} words"):
        decoded(with_stream(payload, stream), model)


def test_a_flipped_bit_of_states_or_words_is_found(payload: bytes, model: DctModel) -> None:
    (words,) = struct.unpack_from("<I", payload, STREAM)

    for place in range(STREAM + 4, STREAM + STATES + 2 * words):
        hostile = bytearray(payload)
        hostile[place] ^= 1 << place % 8
        with pytest.raises(BitstreamError):
            decoded(bytes(hostile), model)


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

    assert pixels.shape == (1, 3, 32, 48)
    assert pixels.dtype == np.uint8


@hypothesis.given(st.binary(max_size=300))
def test_any_stream_gives_pixels_or_an_error_by_name(
    payload: bytes, model: DctModel, stream: bytes
) -> None:
    try:
        pixels = decoded(with_stream(payload, stream), model)
    except NeuralCodecError:
        return

    assert pixels.shape == (1, 3, 32, 48)


def test_a_chunk_that_is_damaged_behind_a_right_checksum_is_refused(tissue: Image) -> None:
    codec = NeuralImage(MODEL, 60)
    header, (section,) = unpack_chunk(codec.encode(tissue[:, :32, :32]))

    with pytest.raises(BitstreamError, match="the spacing 7"):
        codec.decode(pack_chunk(header, [b"\0\0" + section[2:]]))


# Size ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [5_000, 2**13])
def test_more_blocks_than_the_words_can_hold_take_no_memory(
    side: int, payload: bytes, model: DctModel
) -> None:
    with (
        traced() as peak,
        pytest.raises(BitstreamError, match=r"which cannot hold .* expected \d+ or more"),
    ):
        decoded(payload, model, (1, side, side))

    assert peak() < 1e5


def test_a_thin_image_of_too_many_blocks_is_refused(payload: bytes, model: DctModel) -> None:
    with pytest.raises(BitstreamError, match=f"allowed are {MAX_BLOCKS} blocks"):
        decoded(payload, model, (1, 1, 16 * MAX_BLOCKS + 1))


def test_a_thin_image_of_too_many_blocks_is_not_encoded(
    model: DctModel, encoder: DctEncoder
) -> None:
    strip = np.broadcast_to(np.uint8(9), (1, 3, 1, 16 * MAX_BLOCKS + 1))

    with pytest.raises(ConfigError, match="choose chunks that are less thin"):
        encode_images(strip, 60, "psnr", model=model, encoder=encoder)


def test_the_cheapest_symbols_of_any_weights_stay_within_the_bound() -> None:
    # With one table of almost certain symbols for all, nothing is smaller.
    small = SmallContext(channels=1)
    (described, arrays), (about, base) = small.contents()
    row = np.array([16369] + [1] * 15, np.int32)
    arrays["tables"] = np.tile(row, (576, 1))
    arrays["tables"][256:] = np.roll(row, 7)
    arrays["flag_tables"][:] = 1
    arrays["raw_bits"][:] = 0
    model = DctModel(pixel_fraction=0, context=ContextModel.from_file(file_of(described, arrays)))
    encoder = DctEncoder.from_file(file_of(about, base), "0" * 64)
    grey = np.full((1, 1, 1600, 2000), 128, np.uint8)

    payload = encode_images(grey, 0, "psnr", model=model, encoder=encoder)

    np.testing.assert_array_equal(decoded(payload, model, (1, 1600, 2000)), grey)
    (words,) = struct.unpack_from("<I", payload, HEAD + LENGTH)
    symbols = 10 * 100 * 125
    assert 0.4 < symbols / ((8 + words) << 14) <= 1


def test_decoding_takes_less_than_sixty_bytes_a_pixel(tissue: Image) -> None:
    codec = NeuralImage(MODEL, 60)
    chunk = codec.encode(tissue)
    codec.decode(chunk)

    with traced() as peak:
        pixels = codec.decode(chunk)

    assert np.asarray(pixels).shape == tissue.shape
    assert peak() < 60 * 512 * 512


# What is kept -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tune", TUNINGS)
def test_size_and_quality_rise_together(tune: str, psnr: Psnr) -> None:
    folder = DATA / "train-he"
    if not folder.is_dir():
        pytest.skip("the training images are not there (../shared/data/train-he)")
    with Pillow.open(next(iter(sorted(folder.glob("*/*.webp"))))) as file:
        pixels = np.asarray(file.convert("RGB"))[:256, :256]
    image = np.ascontiguousarray(pixels.transpose(2, 0, 1))

    sizes, fidelities = [], []
    for quality in range(0, 101, 10):
        codec = NeuralImage(MODEL, quality, tune=tune)
        chunk = codec.encode(image)
        assert unpack_chunk(chunk)[0].mode is Mode.LOSSY
        sizes.append(len(chunk))
        fidelities.append(psnr(image, np.asarray(codec.decode(chunk))))

    assert sizes == sorted(set(sizes))
    assert fidelities == sorted(set(fidelities))


@pytest.mark.parametrize("highest", [2, 16, 256])
def test_noise_at_the_finest_quality_is_kept_or_stored(
    highest: int, rng: np.random.Generator, psnr: Psnr
) -> None:
    noise = rng.integers(0, highest, (3, 128, 128), dtype=np.uint8)
    codec = NeuralImage(MODEL, 100)

    chunk = codec.encode(noise)

    assert psnr(noise, np.asarray(codec.decode(chunk))) >= 40
    assert len(chunk) < 1.02 * noise.nbytes


def gradients() -> Image:
    y, x = np.indices((70, 90))
    return np.stack([2 * x + y, 255 - x - y, 3 * y]).clip(0, 255).astype(np.uint8)


def text() -> Image:
    rng = np.random.default_rng(5)
    strokes = np.repeat(np.repeat(rng.random((20, 40)) < 0.4, 4, 0), 2, 1)
    return np.where(strokes, 0, 255).astype(np.uint8)[None].repeat(3, 0)


def edge() -> Image:
    image = np.zeros((3, 48, 48), np.uint8)
    image[0, :, 19:] = image[1, 21:] = image[2, :30, :9] = 255
    return image


IMAGES = {
    "gradients": gradients(),
    "text": text(),
    "edge": edge(),
    "black": np.zeros((3, 40, 40), np.uint8),
    "white": np.full((3, 17, 33), 255, np.uint8),
    "one pixel": np.array([200, 10, 90], np.uint8)[:, None, None],
    "one row": gradients()[:, :1],
    "one column": gradients()[:, :, :1],
}


@pytest.mark.parametrize("name", IMAGES)
def test_images_unlike_tissue_are_kept(
    name: str, model: DctModel, encoder: DctEncoder, psnr: Psnr
) -> None:
    # By this mode alone: the codec would store most of them.
    image = IMAGES[name]
    shape = (1, *image.shape[1:])
    fidelities = []
    for quality in (0, 50, 100):
        payload = encode_images(image[None], quality, "psnr", model=model, encoder=encoder)
        fidelities.append(psnr(image[None], decoded(payload, model, shape)))

    assert fidelities == sorted(fidelities)
    assert fidelities[0] > 20
    assert fidelities[2] > 44


@pytest.mark.parametrize("name", IMAGES)
def test_the_codec_keeps_images_unlike_tissue(name: str, psnr: Psnr) -> None:
    codec = NeuralImage(MODEL, 90)

    pixels = codec.decode(codec.encode(IMAGES[name]))

    assert psnr(IMAGES[name], np.asarray(pixels)) > 42


# All paths agree ----------------------------------------------------------------------------------


def test_threads_write_the_same_bytes(tissue: Image) -> None:
    codec = NeuralImage(MODEL, 60)
    crops = [tissue[:, y : y + 70, y : y + 90] for y in range(0, 400, 50)]
    alone = [codec.encode(crop) for crop in crops]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(codec.encode, crops))
        pixels = list(pool.map(codec.decode, together))

    assert together == alone
    for chunk, found in zip(alone, pixels, strict=True):
        np.testing.assert_array_equal(found, codec.decode(chunk))


def test_images_of_other_colours_have_the_same_bytes_in_a_batch(
    tissue: Image, model: DctModel, encoder: DctEncoder
) -> None:
    batch = np.stack([tissue[:, 10:170, 20:180], tissue[[2, 0, 1], 210:370, 320:480]])

    together, one, other = (
        encode_images(images, 60, "ssim", model=model, encoder=encoder)
        for images in (batch, batch[:1], batch[1:])
    )

    assert together == one + other[HEAD:]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(("quality", "tune"), [(20, "psnr"), (95, "ms-ssim")])
def test_every_backend_gives_the_same_bytes_and_pixels(
    quality: int, tune: str, backend: str, tissue: Image
) -> None:
    if backend == "torch":
        pytest.importorskip("torch", reason="the torch backend needs torch")
    codec = NeuralImage(MODEL, quality, tune=tune)
    image = tissue[:, 300:333, 200:220]
    with config.set(backend="numba", device="auto"):
        chunk = codec.encode(image)
        pixels = codec.decode(chunk)

    with config.set(backend=backend, device="cpu" if backend == "torch" else "auto"):
        assert codec.encode(image) == chunk
        np.testing.assert_array_equal(codec.decode(chunk), pixels)


# Weights ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        pytest.param("spread", 0, 2**15, id="16 bits"),
        pytest.param("layer_bias", 0, 2**31 - 1, id="a sum"),
        pytest.param("elements", 16 * 50 + 14, 999, id="a sum of elements"),
        pytest.param("floors", 3, 0, id="no floor"),
        pytest.param("tables", 0, 5, id="a table"),
        pytest.param("flag_tables", 3, 16384, id="a certain flag"),
        pytest.param("raw_bits", 3, 13, id="many plain bits"),
    ],
)
def test_models_beyond_their_bounds_are_refused(name: str, place: int, value: int) -> None:
    (described, arrays), _ = SmallContext().contents()
    arrays[name].flat[place] = value

    with pytest.raises(WeightsError, match=f"numbers of '{name.split('_bias')[0]}"):
        ContextModel.from_file(file_of(described, arrays))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"version": 2}, "no context model of version 1", id="another version"),
        pytest.param({"axes": 2}, "axes other than 1 or 3", id="two axes"),
        pytest.param({"axes": None}, "axes other than 1 or 3", id="no axes"),
        pytest.param({"axes": 3}, "has the shape", id="arrays of fewer axes"),
    ],
)
def test_models_of_another_shape_are_refused(change: dict[str, Any], says: str) -> None:
    (described, arrays), _ = SmallContext().contents()

    with pytest.raises(WeightsError, match=says):
        ContextModel.from_file(file_of(described | change, arrays))


@pytest.mark.parametrize("quality", [20, 60, 90])
def test_five_generations_lose_next_to_nothing(quality: int, tissue: Image, psnr: Psnr) -> None:
    codec = NeuralImage(MODEL, quality)
    image = np.ascontiguousarray(tissue[:, :256, :256])
    first = later = codec.decode(codec.encode(image))

    for _ in range(4):
        later = codec.decode(codec.encode(later))

    assert psnr(image, first) - psnr(image, later) < 0.02


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_grey_generations_lose_next_to_nothing(dtype: str, tissue: Image) -> None:
    image = tissue[1, :256, :256].astype(dtype) * (1 if dtype == "uint8" else 16)
    codec = NeuralImage("grey-fast-2", 60)
    first = later = codec.decode(codec.encode(image))

    for _ in range(4):
        later = codec.decode(codec.encode(later))

    errors = [((x.astype(float) - image) ** 2).mean() for x in (first, later)]
    assert errors[1] < 1.023 * errors[0]  # 0.1 dB


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_targets_are_rounded_to_even_and_limited(backend: str) -> None:
    values = np.array([3, -3, 5, -5, 16384, -16384, 7, 0] * 32, np.int32)
    steps = np.array([96, 32, 32, 32, 1, 1, 1, 9] * 32, np.int64)

    with config.set(backend=backend):
        targets = targets_of(np.tile(values, 3).reshape(1, 1, 3, 256), np.tile(steps, (3, 1)))

    # 0.5, -1.5, 2.5 and -2.5 sixteenths.
    assert targets[0, 0, 2, :8].tolist() == [0, -2, 2, -2, 262144, -262144, 112, 0]
    assert targets.dtype == np.int32


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_targets_are_the_same_on_both_paths(backend: str) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(-60000, 60000, (2, 3, 1, 256)).astype(np.int32)
    steps = rng.integers(1, 40, (1, 256))

    with config.set(backend=backend):
        targets = targets_of(values, steps)

    exact = np.rint(values * (16 / steps)).clip(-524272, 524272)
    assert np.abs(exact).max() == 524272
    np.testing.assert_array_equal(targets, exact)


# Dim grey images ----------------------------------------------------------------------------------


def dim_image() -> Image:
    """Return soft spots of 30 grey levels on a slope, with noise of half a level."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:256, :256]
    spots = 14 + 8 * np.sin(x / 9) * np.sin(y / 11) + x / 40
    image: Image = np.rint(spots + rng.normal(0, 0.5, spots.shape)).astype(np.uint8)
    return image


def quantisation_in(chunk: bytes) -> Quantisation:
    _, (payload,) = unpack_chunk(chunk)
    return Quantisation(*np.frombuffer(payload, np.dtype("<u2, u1, u1"), 1)[0].item())


def test_dim_images_get_finer_steps_than_others() -> None:
    codec = NeuralImage("grey-fast-2", 60)

    dim, bright = (codec.encode(image) for image in (dim_image(), 7 * dim_image()))

    assert 4 * quantisation_in(dim).base == quantisation_in(bright).base
    assert quantisation_in(dim).slope > quantisation_in(bright).slope


def test_a_value_range_keeps_the_steps_of_all_chunks_alike() -> None:
    codec = NeuralImage("grey-fast-2", 60, value_range=(0, 255))

    dim, bright = (codec.encode(image) for image in (dim_image(), 7 * dim_image()))

    assert quantisation_in(dim) == quantisation_in(bright)


def test_dim_images_that_were_decoded_keep_their_steps_and_pixels() -> None:
    codec = NeuralImage("grey-fast-2", 40)
    once = codec.encode(dim_image())
    pixels = np.asarray(codec.decode(once))

    again = codec.encode(pixels)

    assert quantisation_in(again) == quantisation_in(once)
    assert np.abs(np.asarray(codec.decode(again)).astype(int) - pixels).max() <= 1


@pytest.mark.parametrize("contrast", [16, 40, 100])
def test_quality_of_dim_images_rises_with_the_number(contrast: int, psnr: Psnr) -> None:
    dim = dim_image()
    image = (dim * (contrast / dim.max())).astype(np.uint8)
    codecs = [NeuralImage("grey-fast-2", quality) for quality in range(0, 101, 20)]

    chunks = [codec.encode(image) for codec in codecs]

    sizes = [len(chunk) for chunk in chunks]
    fidelities = [psnr(image, np.asarray(codecs[0].decode(chunk))) for chunk in chunks]
    assert sizes == sorted(set(sizes))
    assert fidelities == sorted(set(fidelities))


# Bits where a measure sees them -------------------------------------------------------------------


@pytest.mark.parametrize("tune", ["ssim", "ms-ssim"])
def test_quiet_blocks_are_kept_better_where_busy_ones_cost_more(
    tune: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = rng.normal(0, 1, (3, 128, 256))
    noise[..., :128] *= 8
    noise[..., 128:] *= 40
    image = (128 + noise).clip(0, 255).astype(np.uint8)
    codec = NeuralImage(MODEL, 70, tune=tune)

    def errors() -> tuple[float, float]:
        missed = np.asarray(codec.decode(codec.encode(image))).astype(float) - image
        return float((missed[..., :128] ** 2).mean()), float((missed[..., 128:] ** 2).mean())

    quiet, busy = errors()
    plain = replace(TUNINGS[tune], masking=0)
    monkeypatch.setattr(enc_dct, "TUNINGS", {tune: plain})
    quiet_before, busy_before = errors()

    assert quiet < 0.98 * quiet_before
    assert busy > busy_before
