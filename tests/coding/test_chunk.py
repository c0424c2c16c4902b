"""One chunk: the mode that suits it, its margins, its layout; and never garbage."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural.coding import dec_lossy, enc_lossy
from numcodecs_neural.coding.dec_chunk import DECODERS, decode_chunk
from numcodecs_neural.coding.enc_chunk import ENCODERS, encode_chunk
from numcodecs_neural.coding.enc_plain import stored_payload
from numcodecs_neural.coding.enc_target import QualityTrials
from numcodecs_neural.coding.enc_task import EncodeParameters
from numcodecs_neural.errors import BitstreamError, ConfigError
from numcodecs_neural.format import Mode, unpack_chunk
from numcodecs_neural.format.modes import RULES
from numcodecs_neural.format.sections import pack_chunk
from tests.annotations import Image, Rng


@dataclass
class Halving:
    """Stands for a network: keeps the upper four bits of each sample."""

    weights_id: bytes = b"halving!"
    channels: int = 3
    pixel_fraction: int = 0

    def encode(self, images: Image, parameters: EncodeParameters) -> bytes:
        flat = images.ravel() >> 4
        flat = np.append(flat, np.zeros(flat.size % 2, np.uint8))
        return bytes(flat[::2] << 4 | flat[1::2])

    def grey_steps(self, parameters: EncodeParameters) -> tuple[()]:
        return ()

    def trials(self, images: Image, parameters: EncodeParameters) -> QualityTrials:
        return QualityTrials(self, images, parameters)

    def decode(self, stream: bytes, shape: tuple[int, int, int], quality: int) -> Image:
        n, h, w = shape
        packed = np.frombuffer(stream, np.uint8)
        flat = np.stack([packed >> 4, packed & 15], 1).ravel()[: n * 3 * h * w]
        return (flat << 4 | 8).astype(np.uint8).reshape(n, 3, h, w)


def encode(array: NDArray[Any], channel_axis: int = -3) -> bytes:
    parameters = EncodeParameters(quality=50, channel_axis=channel_axis)
    return encode_chunk(array, parameters, Halving())


def decode(chunk: bytes) -> NDArray[Any]:
    return decode_chunk(unpack_chunk(chunk), lambda weights_id: Halving(weights_id))


def noise(rng: Rng, *shape: int) -> Image:
    return rng.integers(0, 256, shape, dtype=np.uint8)


def test_every_mode_that_is_read_has_rules_a_decoder_and_an_encoder() -> None:
    assert set(DECODERS) == set(ENCODERS) == set(RULES)


@pytest.mark.parametrize("shape", [(3, 1, 1), (2, 3, 1, 1), (3, 1, 2), (3, 2, 1)], ids=str)
@pytest.mark.parametrize("value", [0, 7, 255])
def test_the_smallest_planes_of_one_value_come_back(shape: tuple[int, ...], value: int) -> None:
    image = np.full(shape, value, np.uint8)

    chunk = encode(image)

    assert unpack_chunk(chunk)[0].mode is Mode.CONSTANT
    np.testing.assert_array_equal(decode(chunk), image, strict=True)


def test_a_constant_chunk_takes_a_few_bytes(rng: Rng) -> None:
    image = np.empty((3, 512, 512), np.uint8)
    image[:] = [[[240]], [[230]], [[235]]]

    chunk = encode(image)

    assert unpack_chunk(chunk)[0].mode is Mode.CONSTANT
    assert len(chunk) < 64
    np.testing.assert_array_equal(decode(chunk), image)


def test_what_deflate_makes_smaller_is_stored_without_loss() -> None:
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8), (3, 64, 256))

    chunk = encode(ramp)

    assert unpack_chunk(chunk)[0].mode is Mode.STORED
    np.testing.assert_array_equal(decode(chunk), ramp)


@pytest.mark.parametrize("kind", ["noise", "ramp", "few-values"])
def test_a_stored_payload_has_the_size_it_may_have_or_is_none(kind: str, rng: Rng) -> None:
    shape = (1, 3, 200, 300)
    image = {
        "noise": noise(rng, *shape),
        "ramp": np.arange(np.prod(shape), dtype=np.uint8).reshape(shape),
        "few-values": noise(rng, *shape) & 3,
    }[kind]
    whole = zlib.compressobj(1, zlib.DEFLATED, -15)
    differences = image.copy()
    differences[..., 1:] -= image[..., :-1]
    expected = whole.compress(differences.tobytes()) + whole.flush()

    assert stored_payload(image, len(expected)) == expected
    assert stored_payload(image, len(expected) - 1) is None
    assert stored_payload(image, 0) is None


def test_tissue_like_chunks_are_lossy(rng: Rng) -> None:
    image = noise(rng, 3, 64, 64)

    chunk = encode(image)

    header, _ = unpack_chunk(chunk)
    assert (header.mode, header.weights_id, header.quality) == (Mode.LOSSY, b"halving!", 50)
    assert np.abs(decode(chunk).astype(int) - image).max() <= 8


@pytest.mark.parametrize("fill", [0, 255])
def test_margins_are_exact_and_cost_nothing(rng: Rng, fill: int) -> None:
    image = np.full((3, 128, 128), fill, np.uint8)
    image[:, :50, :70] = noise(rng, 3, 50, 70) // 2 + 60

    chunk = encode(image)

    header, _ = unpack_chunk(chunk)
    assert (header.box, header.margin_value) == ((50, 70), fill)
    decoded = decode(chunk)
    assert (decoded[:, 50:] == fill).all()
    assert (decoded[:, :, 70:] == fill).all()
    assert len(chunk) < 3 * 50 * 70 // 2 + 64


@given(
    leading=st.lists(st.integers(1, 3), max_size=2),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    channel_axis=st.sampled_from([-4, -3, -1]),
    layout=st.sampled_from(["C", "F", "sliced", "read-only"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_layout_comes_back_in_shape_order_and_dtype(
    leading: list[int], height: int, width: int, channel_axis: int, layout: str, seed: int
) -> None:
    shapes = {-4: (3, 2, height, width), -3: (3, height, width), -1: (height, width, 3)}
    image = noise(np.random.default_rng(seed), *leading, *shapes[channel_axis])
    if layout == "F":
        image = np.asfortranarray(image)
    elif layout == "sliced":
        image = np.repeat(image, 2, -1)[..., ::2]
    elif layout == "read-only":
        image.flags.writeable = False

    decoded = decode(encode(image, channel_axis))

    assert (decoded.shape, decoded.dtype) == (image.shape, image.dtype)
    assert decoded.flags.f_contiguous or layout != "F"
    assert np.abs(decoded.astype(int) - image).max() <= 8


def test_pixels_beyond_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    image = noise(np.random.default_rng(0), 3, 9, 9)
    chunk = encode(image)
    for module in (dec_lossy, enc_lossy):
        monkeypatch.setattr(module, "MAX_LOSSY_PIXELS", 80)

    with pytest.raises(ConfigError, match="81 pixels is larger than the 80"):
        encode(image)
    with pytest.raises(BitstreamError, match="81 pixels; allowed are 80"):
        decode(chunk)


@pytest.mark.parametrize(
    ("mode_of", "payload", "says"),
    [
        pytest.param("constant", b"\1\2", "2 bytes of values; not 3", id="constant too short"),
        pytest.param("stored", b"\xff\xff", "cannot be inflated", id="no deflate"),
        pytest.param("stored", b"\x03\x00", "does not hold exactly", id="deflate of nothing"),
    ],
)
def test_payloads_that_do_not_fit_are_refused(mode_of: str, payload: bytes, says: str) -> None:
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8), (3, 32, 64))
    image = ramp if mode_of == "stored" else np.full((3, 8, 8), 7, np.uint8)
    header, _ = unpack_chunk(encode(image))

    with pytest.raises(BitstreamError, match=says):
        decode(pack_chunk(header, [payload]))


def test_a_stored_payload_with_too_much_in_it_is_refused() -> None:
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8), (3, 32, 64))
    header, (payload,) = unpack_chunk(encode(ramp))

    with pytest.raises(BitstreamError, match="exactly"):
        decode(pack_chunk(header, [payload + b"\0"]))
