"""target_psnr: each chunk gets the quality that reaches it, or is stored without loss."""

import json
from typing import Any

import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.coding.enc_bracket import Bracket
from numcodecs_neural.coding.enc_dct_trials import DctTrials
from numcodecs_neural.coding.enc_target import peak_of
from numcodecs_neural.coding.enc_task import EncodeParameters
from numcodecs_neural.engine.sessions import coder_for
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.format import ChunkHeader, Mode, unpack_chunk
from numcodecs_neural.measure.metrics import psnr
from numcodecs_neural.weights import resolve
from tests.annotations import FindFile, Image, Rng

ABOVE_DB = 0.2
TARGETS = 32, 38, 44, 50
RGB, GREY = "he-fast-2", "grey-fast-2"


def header_of(chunk: bytes) -> ChunkHeader:
    return unpack_chunk(chunk).header


def psnr_of(codec: NeuralImage, image: NDArray[Any], chunk: bytes) -> float:
    noted = codec.encoder.get("value_range")
    return psnr(image, codec.decode(chunk), peak_of(image.dtype, noted))


def images() -> dict[str, Image]:
    data: Any = skimage.data
    whole = {
        "astronaut": data.astronaut().transpose(2, 0, 1),
        "coffee": data.coffee().transpose(2, 0, 1),
        "tissue": data.immunohistochemistry().transpose(2, 0, 1),
        "camera": data.camera(),
        "coins": data.coins(),
        "brick": data.brick(),
    }
    return {k: np.ascontiguousarray(x[..., 40:296, 40:296]) for k, x in whole.items()}


IMAGES = images()


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that takes the base steps of all encodings that are made."""
    made: list[int] = []
    encode = DctTrials._encode

    def noted(self: DctTrials, base: int, octaves: int) -> Any:
        made.append(base)
        return encode(self, base, octaves)

    monkeypatch.setattr(DctTrials, "_encode", noted)
    return made


# What is reached ----------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", IMAGES)
def test_a_chunk_has_its_target_and_at_most_a_fifth_of_a_decibel_more(
    name: str, target: float
) -> None:
    image = IMAGES[name]
    codec = NeuralImage(RGB if image.ndim == 3 else GREY, target_psnr=target)

    chunk = codec.encode(image)

    assert header_of(chunk).mode is Mode.LOSSY
    assert target <= psnr_of(codec, image, chunk) <= target + ABOVE_DB


def test_a_target_takes_about_two_encodings(encodings: list[int]) -> None:
    for image in IMAGES.values():
        for target in TARGETS:
            NeuralImage(RGB if image.ndim == 3 else GREY, target_psnr=target).encode(image)

    assert len(encodings) <= 2.2 * len(IMAGES) * len(TARGETS)


@pytest.mark.parametrize("tune", ["ssim", "ms-ssim"])
def test_a_target_is_reached_with_steps_of_any_shape(tune: str) -> None:
    codec = NeuralImage(RGB, target_psnr=37.5, tune=tune)

    chunk = codec.encode(IMAGES["tissue"])

    assert 37.5 <= psnr_of(codec, IMAGES["tissue"], chunk) <= 37.5 + ABOVE_DB


@pytest.mark.parametrize("value_range", [None, (0, 4095), (100, 3000)])
@pytest.mark.parametrize("dtype", ["u2", "i2"])
def test_samples_of_16_bits_are_measured_against_their_range(
    dtype: str, value_range: tuple[int, int] | None, rng: Rng
) -> None:
    fine = IMAGES["camera"].astype(np.int32) * 16 + rng.integers(0, 16, (256, 256))
    image = fine.astype(dtype)
    target = 65.0 if value_range is None else 40.0
    codec = NeuralImage(GREY, target_psnr=target, value_range=value_range)

    chunk = codec.encode(image)

    assert target <= psnr_of(codec, image, chunk) <= target + ABOVE_DB


def test_padding_does_not_count() -> None:
    padded = np.full((3, 256, 256), 255, np.uint8)
    padded[:, :100, :70] = IMAGES["tissue"][:, :100, :70]
    codec = NeuralImage(RGB, target_psnr=36)

    chunk = codec.encode(padded)

    box = padded[:, :100, :70]
    assert 36 <= psnr(box, codec.decode(chunk)[:, :100, :70]) <= 36 + ABOVE_DB


def test_images_of_one_chunk_reach_it_together() -> None:
    batch = np.stack([IMAGES["tissue"], IMAGES["coffee"]])
    codec = NeuralImage(RGB, target_psnr=40)

    assert 40 <= psnr_of(codec, batch, codec.encode(batch)) <= 40 + ABOVE_DB


def test_the_quality_in_the_header_is_the_nearest_one() -> None:
    image = IMAGES["tissue"]
    at = {q: NeuralImage(RGB, q) for q in (39, 40, 41)}
    reached = psnr_of(at[40], image, at[40].encode(image))

    chunk = NeuralImage(RGB, target_psnr=reached - ABOVE_DB / 2).encode(image)

    assert header_of(chunk).quality in at


@pytest.mark.parametrize("model", ["he-fast-1", "he-perceptual-1"])
def test_networks_get_a_quality_that_reaches_it_and_is_hardly_better(model: str) -> None:
    image = np.ascontiguousarray(IMAGES["tissue"][:, :128, :128])
    target = psnr_of(NeuralImage(model, 30), image, NeuralImage(model, 30).encode(image)) - 0.01
    codec = NeuralImage(model, target_psnr=target)

    chunk = codec.encode(image)

    quality = header_of(chunk).quality
    coarser = NeuralImage(model, quality - 1)
    above = psnr_of(codec, image, chunk) - target
    assert chunk == NeuralImage(model, quality).encode(image)
    assert above >= 0
    assert above <= ABOVE_DB or psnr_of(coarser, image, coarser.encode(image)) < target


# What is not reached ------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["he-fast-1", RGB])
def test_what_no_quality_brings_so_far_is_stored_without_loss(model: str, rng: Rng) -> None:
    image = rng.integers(0, 256, (3, 64, 64), np.uint8)
    codec = NeuralImage(model, target_psnr=100)

    chunk = codec.encode(image)

    np.testing.assert_array_equal(codec.decode(chunk), image)


def test_what_is_better_at_quality_0_is_coded_at_quality_0(rng: Rng) -> None:
    image = rng.integers(120, 123, (3, 64, 64), np.uint8)

    chunk = NeuralImage(RGB, target_psnr=30).encode(image)

    assert chunk == NeuralImage(RGB, 0).encode(image)


def test_one_colour_is_exact() -> None:
    image = np.full((3, 512, 512), 200, np.uint8)

    chunk = NeuralImage(RGB, target_psnr=20).encode(image)

    assert header_of(chunk).mode is Mode.CONSTANT


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    kind=st.sampled_from(["noise", "ramp", "two values", "outlier", "checkers"]),
    dtype=st.sampled_from(["u1", "u2", "i2", ">u2"]),
    target=st.floats(20, 100),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_chunk_is_below_its_target(
    shape: tuple[int, int], kind: str, dtype: str, target: float, seed: int
) -> None:
    limits, generator = np.iinfo(dtype), np.random.default_rng(seed)
    y, x = np.indices(shape)
    fraction = {
        "noise": generator.random(shape),
        "ramp": (x + y) / (sum(shape) - 1),
        "two values": (generator.random(shape) < 0.1).astype(float),
        "outlier": ((x == 0) & (y == 0)).astype(float),
        "checkers": (x + y) % 2.0,
    }[kind]
    image = (limits.min + fraction * (limits.max - limits.min)).astype(dtype)
    codec = NeuralImage(GREY, target_psnr=target)

    decoded = codec.decode(codec.encode(image))

    assert psnr(image.astype("i4"), decoded.astype("i4"), limits.max - limits.min) >= target


# Generations --------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [32, 40])
@pytest.mark.parametrize("name", ["tissue", "coffee", "camera", "coins"])
def test_what_was_decoded_is_hardly_changed_by_the_same_target(name: str, target: float) -> None:
    original = IMAGES[name]
    codec = NeuralImage(RGB if original.ndim == 3 else GREY, target_psnr=target)
    first = image = codec.decode(codec.encode(original))

    for _ in range(5):
        image = codec.decode(codec.encode(image))

    assert psnr(original, image) > psnr(original, first) - 0.15


def test_a_lower_target_is_not_held_up_by_finer_steps_of_before() -> None:
    fine = NeuralImage(RGB, target_psnr=46)
    decoded = fine.decode(fine.encode(IMAGES["tissue"]))
    codec = NeuralImage(RGB, target_psnr=32)

    assert 32 <= psnr_of(codec, decoded, codec.encode(decoded)) <= 32 + ABOVE_DB


# Everywhere the same ------------------------------------------------------------------------------


def test_backends_find_the_same_chunk() -> None:
    image = np.ascontiguousarray(IMAGES["tissue"][:, :48, :64])
    codec = NeuralImage(RGB, target_psnr=36)
    usual = codec.encode(image)

    with config.set(backend="numpy"):
        assert codec.encode(image) == usual


# Parameters ---------------------------------------------------------------------------------------


def test_the_target_is_a_note_of_the_encoder_and_survives_json() -> None:
    codec = NeuralImage(RGB, target_psnr=38)

    described = json.loads(json.dumps(codec.get_config()))

    assert described["encoder"] == {"target_psnr": 38.0}
    assert described["quality"] == 60
    again = NeuralImage.from_config(described)
    assert again == codec
    image = np.ascontiguousarray(IMAGES["tissue"][:, :64, :64])
    assert again.encode(image) == codec.encode(image) != NeuralImage(RGB).encode(image)


def test_a_target_beside_a_quality_is_refused() -> None:
    with pytest.raises(ConfigError, match="quality is 60 and target_psnr is 38: leave one"):
        NeuralImage(RGB, 60, target_psnr=38)


@pytest.mark.parametrize("target", [19.9, 100.1, float("nan"), float("inf"), "38", True, [38]])
def test_a_target_that_is_no_number_of_decibels_is_refused(target: Any) -> None:
    with pytest.raises(ConfigError, match="it must be a number of decibels from 20 to 100"):
        NeuralImage(RGB, target_psnr=target)


# The search ---------------------------------------------------------------------------------------


def steps_taken(decibels: NDArray[np.float64], aim: float, first: int, slope: float) -> int:
    """Look for a number of decibels until one rung is left; return how many were looked at."""
    bracket, count = Bracket(len(decibels), aim, first=first, slope=slope), 0
    while not bracket.is_closed:
        rung = bracket.next()
        bracket.note(rung, float(decibels[rung]), is_enough=bool(decibels[rung] >= aim))
        count += 1
    return count


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=300).map(sorted),
    st.floats(-10, 110),
    st.integers(0, 299),
    st.floats(0.01, 5),
)
def test_a_bracket_closes_on_any_curve(
    curve: list[float], aim: float, first: int, slope: float
) -> None:
    taken = steps_taken(np.array(curve), aim, min(first, len(curve) - 1), slope)

    assert taken <= 6 + int(np.ceil(np.log2(len(curve) + 1)))


def test_a_bracket_closes_where_nothing_is_lost() -> None:
    curve = np.r_[np.linspace(30, 60, 50), np.full(1000, np.inf)]

    assert steps_taken(curve, 90, 10, 0.1) <= 20


@pytest.mark.parametrize("error", [1.0, 4.0, 16.0, 64.0])
@pytest.mark.parametrize("name", ["tissue", "coffee", "astronaut"])
def test_a_forecast_is_near_the_error(name: str, error: float) -> None:
    batch = IMAGES[name][None]
    trials = coder_for(resolve(RGB)).trials(batch, EncodeParameters(quality=60))

    rung, _ = trials.guess(error)

    found = np.square(trials.at(rung).pixels - batch.astype(np.float64)).mean() - 1 / 12
    assert abs(10 * np.log10(found / error)) < 0.4


# Real images --------------------------------------------------------------------------------------


def test_every_chunk_of_real_microscopy_is_at_its_target(shared_file: FindFile) -> None:
    import tifffile

    paths = sorted(shared_file("microscopy/neubias_ccby4").glob("*xy_*16bit*.tif"))
    codec = NeuralImage(GREY, target_psnr=60)
    for path in paths:
        image = np.ascontiguousarray(np.atleast_3d(tifffile.imread(path))[:256, :256, 0])

        chunk = codec.encode(image)

        header = header_of(chunk)
        above = psnr_of(codec, image, chunk) - 60
        assert above >= 0
        assert above <= ABOVE_DB or header.quality in (0, 100), path.name
    assert len(paths) >= 3
