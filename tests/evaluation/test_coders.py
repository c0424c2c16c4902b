"""Every codec of the tables codes a small crop, at rates and errors that rise with its settings."""

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage
from numcodecs_neural.errors import ConfigError, NeuralCodecError, WeightsError
from numcodecs_neural.evaluation import coders
from numcodecs_neural.evaluation.coders import ImageCoder, neural_entrant
from numcodecs_neural.evaluation.kinds import GREY, GREY16, KINDS, RGB, SPAN, Kind
from numcodecs_neural.evaluation.measures import SSIM
from numcodecs_neural.evaluation.peers import PEERS, peer_entrants
from numcodecs_neural.evaluation.tally import average, measure_chunk
from numcodecs_neural.measure import metrics
from numcodecs_neural.weights import resolve
from tests.annotations import Image, Rng


@pytest.fixture(scope="module")
def crop(tissue: Image) -> Image:
    """Return 128 x 128 pixels of tissue as (y, x, c)."""
    return np.ascontiguousarray(tissue[:, 200:328, 100:228].transpose(1, 2, 0))


def neural_coder(model: str) -> ImageCoder:
    coder = neural_entrant(model).coder_for(RGB)
    assert coder is not None
    return coder


def peer_coder(name: str, kind: Kind = RGB) -> ImageCoder:
    coder = peer_entrants([name])[0].coder_for(kind)
    assert coder is not None
    return coder


@pytest.mark.parametrize("name", PEERS)
def test_peers_rise_from_low_to_high_quality(name: str, crop: Image) -> None:
    coder = peer_coder(name)

    low, high = (measure_chunk(crop, coder, s) for s in (coder.settings[0], coder.settings[-1]))

    assert low.nbytes < 0.5 * high.nbytes
    # None is lossless by accident, and none is broken.
    assert 20 < metrics.psnr_of(low.error / low.samples) < 36
    assert 33 < metrics.psnr_of(high.error / high.samples) < 55


@pytest.mark.parametrize("name", ["jpeg2000", "jpegxl"])
@pytest.mark.parametrize("bits", [12, 16])
def test_peers_code_16_bits_from_low_to_high_quality(name: str, bits: int, crop: Image) -> None:
    coder = peer_coder(name, GREY16)
    wide = crop[..., 1:2].astype(np.uint16) * np.uint16(2 ** (bits - 8))
    options: dict[str, Any] = {"data_range": float(np.ptp(wide)), "span": (0, 2**bits - 1)}

    points = [average([measure_chunk(wide, coder, s, **options)], s) for s in coder.settings]

    assert points[0].psnr < 32
    assert points[-1].psnr > 50


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("jpeg444", GREY, id="grey has no chroma"),
        *[pytest.param(name, GREY16, id=f"{name} has 8 bits") for name in ("jpeg420", "webp")],
        pytest.param("avif", GREY16, id="avif has 8 bits"),
    ],
)
def test_peers_take_no_part_in_what_they_cannot_code(name: str, kind: Kind) -> None:
    assert peer_entrants([name])[0].coder_for(kind) is None


def test_rgb_models_take_no_part_in_grey_images() -> None:
    entrant = neural_entrant("he-fast")

    assert [kind for kind in KINDS if entrant.coder_for(kind)] == [RGB]


class GreyImage:
    """Stands in for a codec with grey weights: remembers how it was called, and stores raw."""

    seen: ClassVar[list[tuple[object, ...]]] = []

    def __init__(self, model: str, quality: int, **options: object) -> None:
        self.model, self.quality, self.options = model, quality, options

    def encode(self, chunk: NDArray[np.uint16]) -> bytes:
        self.seen.append((self.quality, self.options, chunk.shape))
        return chunk.tobytes()

    def decode(self, stored: bytes) -> NDArray[np.uint16]:
        return np.frombuffer(stored, np.uint16).reshape(32, 48)


def test_grey_models_code_two_axes_and_know_the_range_of_16_bits(
    monkeypatch: pytest.MonkeyPatch, rng: Rng
) -> None:
    info = dataclasses.replace(resolve("he-fast-1"), channels=1, dtypes=("uint8", "uint16"))
    monkeypatch.setattr(coders, "resolve", lambda _: info)
    monkeypatch.setattr(coders, "NeuralImage", GreyImage)
    monkeypatch.setattr(GreyImage, "seen", [])
    entrant = neural_entrant("grey", (50,))
    coder = entrant.coder_for(GREY16)
    assert coder is not None

    pixels = rng.integers(100, 4000, (32, 48, 1), np.uint16)
    tally = measure_chunk(pixels, coder, 50, span=(100, 3999))

    assert tally.error == 0
    assert GreyImage.seen == [(50, {"value_range": (100, 3999)}, (32, 48))]
    assert [kind for kind in KINDS if entrant.coder_for(kind)] == [GREY, GREY16]


def test_our_rate_is_that_of_the_stored_chunk(crop: Image) -> None:
    tally = measure_chunk(crop, neural_coder("he-fast"), 60)

    assert tally.nbytes == len(NeuralImage("he-fast", 60).encode(crop.transpose(2, 0, 1)))


def test_tallies_count_everything(crop: Image) -> None:
    coder = neural_coder("he-fast")
    decoded = np.asarray(coder.decode(coder.encode(crop, 30, SPAN), 30, crop.shape), np.uint8)

    tally = measure_chunk(crop, coder, 30, measures=[SSIM])
    point = average([tally], 30)

    assert (tally.pixels, tally.samples) == (128 * 128, 3 * 128 * 128)
    assert point.bpp == 8 * tally.nbytes / tally.pixels
    assert point.psnr == pytest.approx(metrics.psnr(crop, decoded))
    assert point.ssim == pytest.approx(metrics.ssim(crop, decoded))


def test_a_set_is_the_mean_of_its_images_in_decibels(crop: Image) -> None:
    coder = neural_coder("he-fast")
    first, second = (measure_chunk(image, coder, 30) for image in (crop, crop[:64, :64]))

    together = average([first, second], 30)

    alone = [average([tally], 30) for tally in (first, second)]
    assert together.psnr == pytest.approx(np.mean([point.psnr for point in alone]))
    assert together.bpp == pytest.approx(np.mean([point.bpp for point in alone]))


def test_chunks_of_an_image_add_up(crop: Image) -> None:
    coder = peer_coder("jpeg420")
    left, right = (measure_chunk(np.ascontiguousarray(crop[:, s]), coder, 80) for s in HALVES)

    both = left + right

    assert both.nbytes == left.nbytes + right.nbytes
    assert (both.error, both.pixels) == (left.error + right.error, 128 * 128)


HALVES = (slice(0, 64), slice(64, 128))


def coder_of_errors(rows: slice) -> ImageCoder:
    """Return a codec that gets those rows of every chunk wrong by 10 and the rest by 1."""

    def decode(_: bytes, _s: float, shape: tuple[int, ...]) -> NDArray[np.generic]:
        pixels = np.ones(shape, np.uint8)
        pixels[rows] = 10
        return pixels

    return ImageCoder(name="off", settings=(1,), encode=lambda _p, _s, _b: b"", decode=decode)


def test_without_a_seam_pixels_are_as_good_at_borders_as_inside() -> None:
    # Errors that stay with the pixels, however they are cut into chunks.
    image = np.indices((256, 320)).sum(0).astype(np.uint8)[..., None]
    coder = ImageCoder(
        name="even",
        settings=(1,),
        encode=lambda pixels, _s, _b: (pixels // 16 * 16).tobytes(),
        decode=lambda stored, _, shape: np.frombuffer(stored, np.uint8).reshape(shape),
    )

    tally = measure_chunk(image, coder, 1)

    assert tally.border_error > 0
    assert average([tally], 1).seam_db == 0


def test_a_seam_is_seen() -> None:
    black = np.zeros((512, 512, 3), np.uint8)

    point = average([measure_chunk(black, coder_of_errors(slice(8)), 1)], 1)

    share = 8 * 256 / (256**2 - 240**2)  # of a frame about the middle, that is its top
    assert point.seam_db == pytest.approx(10 * math.log10(100 * share + 1 - share))


@pytest.mark.parametrize(("side", "is_measured"), [(112, False), (128, True), (144, True)])
def test_seams_are_measured_where_chunks_have_an_inside(side: int, *, is_measured: bool) -> None:
    black = np.zeros((256, side, 3), np.uint8)

    point = average([measure_chunk(black, coder_of_errors(slice(8)), 1)], 1)

    assert (point.seam_db is not None) == is_measured


def test_a_codec_that_changes_the_shape_is_refused() -> None:
    small, large = np.zeros((32, 32, 3), np.uint8), np.zeros((160, 160, 3), np.uint8)
    coder = ImageCoder(
        name="off", settings=(1,), encode=lambda _p, _s, _b: b"", decode=lambda _s, _q, _h: large
    )

    with pytest.raises(NeuralCodecError, match=r"off at 1 decodes \(32, 32, 3\)"):
        measure_chunk(small, coder, 1)


def test_unknown_peers_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'gif'; known are jpeg420"):
        peer_entrants(["avif", "gif"])


def test_unknown_models_are_refused() -> None:
    with pytest.raises(WeightsError, match="no weights called 'he-none'"):
        neural_entrant("he-none")
