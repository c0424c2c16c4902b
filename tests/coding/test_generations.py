"""Generations: an image that was decoded is coded at the same quality again, and hardly changes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage
from numcodecs_neural.coding.dec_streams import decode_streams
from numcodecs_neural.coding.enc_streams import encode_streams, symbols_and_rows
from numcodecs_neural.format import Mode, unpack_chunk
from numcodecs_neural.measure.metrics import psnr
from numcodecs_neural.networks.backends.numba_kernels import CompiledKernels
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.description import Layer, Source, layers_to_json
from numcodecs_neural.networks.enc_model import EncoderModel
from numcodecs_neural.weights import WeightsFile
from tests.models import CHECKERBOARD, INTERLEAVED, MIXED, WHOLE, Passes, Small, shipped

Image = NDArray[Any]
BACKEND = NumpyBackend(CompiledKernels())
GENERATIONS = 5
SIDE = 256
FRESH, DECODED = 0, 1  # first byte of a lossy section


class Generation(NamedTuple):
    """What one round of coding gave."""

    first_byte: int
    nbytes: int
    psnr: float


def loss(generations: list[Generation]) -> float:
    """What is lost, in dB, from the first generation to the last."""
    return generations[0].psnr - generations[-1].psnr


def crops(channels: int) -> dict[str, Image]:
    """Crops (y, x) or (c, y, x) of images that come with scikit-image."""
    data: Any = skimage.data
    if channels == 1:
        whole = {
            "brick": data.brick(),
            "camera": data.camera(),
            "coins": data.coins(),
            "tissue": data.immunohistochemistry()[..., 0],
        }
    else:
        whole = {
            "astronaut": data.astronaut().transpose(2, 0, 1),
            "coffee": data.coffee().transpose(2, 0, 1),
            "tissue": data.immunohistochemistry().transpose(2, 0, 1),
        }
    return {k: np.ascontiguousarray(x[..., 40:, 40:][..., :SIDE, :SIDE]) for k, x in whole.items()}


class Coder:
    """A pair of models, one stream an image."""

    def __init__(self, models: tuple[DecoderModel, EncoderModel], quality: int) -> None:
        self.quality = quality
        self.decoder, self.encoder = models

    @property
    def models(self) -> dict[str, Any]:
        return {"decoder": self.decoder, "encoder": self.encoder, "backend": BACKEND}

    def encode(self, images: Image) -> list[bytes]:
        return encode_streams(images, len(images), self.quality, **self.models)

    def decode(self, streams: list[bytes]) -> Image:
        shape = (1, SIDE, SIDE)
        return decode_streams(streams, shape, self.quality, decoder=self.decoder, backend=BACKEND)

    def generations(self, original: Image) -> Iterator[Generation]:
        image, peak = original, 255 << self.decoder.pixel_fraction
        for _ in range(1 + GENERATIONS):
            (stream,) = self.encode(image)
            image = self.decode([stream])
            yield Generation(stream[0], len(stream), psnr(image, original, peak))


def pixels(model: Small) -> Image:
    """Pixels of the model, (1, C, SIDE, SIDE)."""
    return pixels_of(crops(3)["tissue"][: model.channels], model.pixel_fraction)


def pixels_of(image: Image, fraction: int) -> Image:
    """An image of 8 bits as a batch of one: (1, C, SIDE, SIDE)."""
    whole = image.reshape(1, -1, SIDE, SIDE).astype(np.uint16 if fraction else np.uint8)
    shifted: Image = np.left_shift(whole, fraction, dtype=whole.dtype)
    return shifted


def generations_of(codec: NeuralImage, original: Image) -> Iterator[Generation]:
    image = original
    for _ in range(1 + GENERATIONS):
        chunk = codec.encode(image)
        header, (section,) = unpack_chunk(chunk)
        assert header.mode is Mode.LOSSY
        image = codec.decode(chunk)
        yield Generation(section[0], len(chunk), psnr(image, original, 255))


@pytest.mark.parametrize("kind", [(1, 4), (3, 0)], ids=["grey", "RGB"])
@pytest.mark.parametrize(
    "passes",
    [
        pytest.param(WHOLE, id="whole"),
        pytest.param(CHECKERBOARD, id="checkerboard"),
        pytest.param(INTERLEAVED, id="interleaved"),
        pytest.param(MIXED, id="mixed"),
    ],
)
def test_small_models_of_any_order_keep_what_they_decoded(
    passes: Passes, kind: tuple[int, int]
) -> None:
    model = Small(channels=kind[0], pixel_fraction=kind[1], passes=passes)
    for quality in (20, 40, 60):  # above, steps are finer than 8 bits of a pixel tell apart
        found = list(Coder(model.load(), quality).generations(pixels(model)))

        assert [g.first_byte for g in found] == [FRESH] + [DECODED] * GENERATIONS
        assert abs(loss(found)) < 0.05
        assert found[-1].nbytes < 1.001 * found[1].nbytes


@pytest.mark.parametrize(
    ("weights", "qualities"),
    [("he-fast-1", (10, 40, 60, 95, 100)), ("grey-fast-1", (10, 30, 60, 80))],
)
def test_shipped_weights_keep_what_they_decoded(weights: str, qualities: tuple[int, ...]) -> None:
    losses = []
    for image in crops(3 if weights == "he-fast-1" else 1).values():
        for quality in qualities:
            generations = list(generations_of(NeuralImage(weights, quality), image))
            assert [g.first_byte for g in generations] == [FRESH] + [DECODED] * GENERATIONS
            losses.append(loss(generations))

    assert np.mean(losses) < 0.02
    assert max(losses) < 0.2


@pytest.mark.parametrize("side", [48, 64])
def test_chunks_of_few_latents_keep_what_they_decoded(side: int) -> None:
    losses = []
    for image in crops(3).values():
        small = image[:, 100 : 100 + side, 100 : 100 + side]
        codecs = [NeuralImage("he-fast-1", quality) for quality in (10, 40, 60)]
        losses += [loss(list(generations_of(codec, small))) for codec in codecs]

    assert np.mean(losses) < 0.2
    assert max(losses) < 1  # where much is black or white: clipping moves latents


@pytest.mark.parametrize("weights", ["he-fast-1", "grey-fast-1"])
def test_another_quality_is_no_generation(weights: str) -> None:
    models = shipped(weights)
    decoder = models[0]
    image = pixels_of(crops(decoder.channels)["tissue"], decoder.pixel_fraction)
    decoded = Coder(models, 40).decode(Coder(models, 40).encode(image))

    first_bytes = {q: Coder(models, q).encode(decoded)[0][0] for q in (10, 39, 40, 41, 47, 60, 90)}

    assert {q for q, byte in first_bytes.items() if byte == DECODED} <= {39, 40, 41}
    assert first_bytes[40] == DECODED


@pytest.mark.parametrize("weights", ["he-fast-1", "grey-fast-1"])
def test_streams_are_what_they_are_alone_whoever_is_beside_them(weights: str) -> None:
    models = shipped(weights)
    coder, decoder = Coder(models, 50), models[0]
    every = list(crops(decoder.channels).values())
    fresh, other = (pixels_of(image, decoder.pixel_fraction) for image in every[:2])
    decoded = coder.decode(coder.encode(other))
    batch = np.concatenate([fresh, decoded, fresh, other])

    together = coder.encode(batch)

    assert [stream[0] for stream in together] == [FRESH, DECODED, FRESH, FRESH]
    assert together == [coder.encode(image[None])[0] for image in batch]
    back = coder.decode(together)
    for image, stream in zip(back, together, strict=True):
        np.testing.assert_array_equal(image[None], coder.decode([stream]))
    np.testing.assert_allclose(back[1].astype(int), decoded[0], atol=1 << decoder.pixel_fraction)


def test_a_stream_of_fresh_and_decoded_images_keeps_both() -> None:
    coder = Coder(shipped("he-fast-1"), 50)
    every = crops(3)
    fresh, other = every["tissue"][None], every["coffee"][None]
    decoded = coder.decode(coder.encode(other))

    coded = symbols_and_rows(np.concatenate([decoded, fresh]), 1, 50, **coder.models)
    (stream,) = encode_streams(np.concatenate([decoded, fresh]), 1, 50, **coder.models)
    back = decode_streams([stream], (2, SIDE, SIDE), 50, decoder=coder.decoder, backend=BACKEND)

    assert coded.codes_all == [True]
    assert stream[0] == DECODED
    assert psnr(back[:1], decoded, 255) > 60
    alone = coder.decode(coder.encode(fresh))
    assert psnr(back[1:], fresh, 255) > psnr(alone, fresh, 255)  # nothing of it is skipped


def test_images_of_a_first_pass_with_means_are_taken_as_fresh() -> None:
    contents = Small().contents()
    (description, arrays), (encoder, encoder_arrays) = contents
    description["has_mean"][0] = True
    mean = Layer(name="mean1", op="conv", inputs=(Source("h1"),))
    description["networks"]["pass1"] += layers_to_json([mean])
    for key in ("weight", "bias", "shift", "low", "high"):
        arrays[f"mean1.{key}"] = np.zeros_like(arrays[f"index1.{key}"])
    file = WeightsFile(sha256="0" * 64, description=description, arrays=arrays)
    other = replace(file, description=encoder, arrays=encoder_arrays)
    coder = Coder((DecoderModel.from_file(file), EncoderModel.from_file(other, "0" * 64)), 40)

    found = list(coder.generations(pixels(Small())))

    assert {g.first_byte for g in found} == {FRESH}
    assert found[0].psnr == pytest.approx(
        next(Coder(Small().load(), 40).generations(pixels(Small()))).psnr
    )


@pytest.mark.parametrize("weights", ["he-fast-1", "grey-fast-1", "small"])
def test_a_price_saves_bits_and_costs_error(weights: str) -> None:
    models = Small().load() if weights == "small" else shipped(weights)
    decoder, encoder = models
    assert encoder.price > 0
    image = pixels_of(crops(decoder.channels)["tissue"], decoder.pixel_fraction)
    peak = 255 << decoder.pixel_fraction

    sizes, qualities = [], []
    for price in (0, encoder.price, 2 * encoder.price):
        coder = Coder((decoder, replace(encoder, price=price)), 50)
        (stream,) = coder.encode(image)
        sizes.append(len(stream))
        qualities.append(psnr(coder.decode([stream]), image, peak))

    assert sizes == sorted(set(sizes), reverse=True)
    assert qualities == sorted(set(qualities), reverse=True)
    assert sizes[1] < 0.95 * sizes[0]
