"""The mode exact: nothing is lost, or no more than the bound, whatever the samples are."""

import zlib
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from numcodecs_neural import NeuralImage
from numcodecs_neural.errors import ConfigError, DtypeError, NeuralCodecError
from numcodecs_neural.format import Mode, unpack_chunk
from tests.exact.contents import CONTENTS, content

DTYPES = ("uint8", "uint16", "int16", ">u2", ">i2")


@given(
    kind=st.sampled_from(CONTENTS),
    shape=st.lists(st.integers(1, 40), min_size=2, max_size=2)
    | st.lists(st.integers(1, 12), min_size=3, max_size=4),
    dtype=st.sampled_from(DTYPES),
    max_error=st.sampled_from([0, 0, 1, 2, 4, 37, 254]),
    order=st.sampled_from("CF"),
    seed=st.integers(0, 99),
)
@settings(max_examples=150, deadline=None)
def test_every_sample_is_within_the_bound(
    kind: str, shape: list[int], dtype: str, max_error: int, order: str, seed: int
) -> None:
    image = np.array(content(kind, tuple(shape), dtype, seed), order=order)  # type: ignore[call-overload]
    codec = NeuralImage(max_error=max_error, channel_axis=-3 if len(shape) > 2 else None)

    decoded = codec.decode(codec.encode(image))

    assert (decoded.shape, decoded.dtype) == (image.shape, image.dtype)
    assert np.abs(decoded.astype(int) - image.astype(int)).max() <= max_error


@pytest.mark.parametrize("max_error", [0, 3])
def test_the_mode_says_its_bound(max_error: int) -> None:
    image = content("smooth", (60, 70), "uint8", 1)

    header, _ = unpack_chunk(NeuralImage(max_error=max_error).encode(image))

    assert (header.mode, header.max_error) == (Mode.EXACT, max_error)


def test_a_larger_bound_takes_fewer_bytes() -> None:
    image = content("smooth", (3, 64, 64), "uint16", 1)

    sizes = [len(NeuralImage(max_error=k, channel_axis=-3).encode(image)) for k in (0, 1, 2, 4, 8)]

    assert sizes == sorted(sizes, reverse=True)


def test_values_that_do_not_occur_cost_next_to_nothing() -> None:
    image = content("smooth", (64, 64), "uint16", 2)
    plain = len(NeuralImage(max_error=0).encode(image))

    spread = len(NeuralImage(max_error=0).encode((image - 32000) * 16))

    assert spread < plain + 8


def test_channels_tell_of_each_other() -> None:
    first = content("smooth", (64, 64), "uint8", 3)
    image = np.stack([first, first // 2 + 3, first])

    together = NeuralImage(max_error=0, channel_axis=-3).encode(image)
    apart = sum(len(NeuralImage(max_error=0).encode(plane)) for plane in image)

    assert len(together) < 0.7 * apart


def test_weights_of_three_channels_take_a_bound_too() -> None:
    image = np.stack([content("smooth", (40, 50), "uint8", seed) for seed in range(3)])
    codec = NeuralImage("he-fast", max_error=1)

    decoded = codec.decode(codec.encode(image))

    assert np.abs(decoded.astype(int) - image).max() <= 1


def test_noise_is_stored() -> None:
    image = content("noise", (64, 64), "uint8", 3)

    header, _ = unpack_chunk(NeuralImage(max_error=0).encode(image))

    assert header.mode is Mode.STORED


def test_a_codec_made_from_its_configuration_has_the_bound() -> None:
    codec = NeuralImage(max_error=2)

    again = NeuralImage.from_config(codec.get_config())

    assert again.encoder == {"max_error": 2}
    assert again.model == "exact-1"


def test_exact_weights_lose_nothing_unless_told() -> None:
    assert NeuralImage("exact").encoder == {"max_error": 0}


@pytest.mark.parametrize("value", [-1, 65536, 0.5, "0", True])
def test_a_bound_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"max_error is .*whole number from 0 to 65535"):
        NeuralImage(max_error=value)


@pytest.mark.parametrize(
    "aim",
    [{"quality": 60}, {"target_psnr": 40}, {"value_range": (0, 99)}, {"tune": "ssim"}],
    ids=lambda aim: next(iter(aim)),
)
@pytest.mark.parametrize("bound", [{"max_error": 2}, {"model": "exact"}], ids=["bound", "model"])
def test_what_does_not_matter_beside_a_bound_is_refused(
    bound: dict[str, Any], aim: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(aim))} is .* and max_error is"):
        NeuralImage(**bound, **aim)


def test_a_bound_that_holds_always_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_error is 300, and samples of uint8 never differ"):
        NeuralImage(max_error=300).encode(np.zeros((4, 4), np.uint8))


def test_floats_are_refused_with_what_to_use_instead() -> None:
    with pytest.raises(DtypeError, match=r"float32.*scale it to whole numbers.*PCodec"):
        NeuralImage(max_error=0).encode(np.zeros((4, 4), np.float32))


def test_a_chunk_that_does_not_decode_is_not_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    from numcodecs_neural.exact import dec_stream

    decode = dec_stream.decode_levels
    monkeypatch.setattr(dec_stream, "decode_levels", lambda *given: decode(*given) // 2)

    with pytest.raises(NeuralCodecError, match="fault of numcodecs-neural"):
        NeuralImage(max_error=0).encode(content("smooth", (40, 40), "uint8", 1))


def test_labels_are_stored_after_a_deeper_search_where_they_must_be_exact() -> None:
    y, x = np.indices((128, 128))
    labels = ((y // 5 * 37 + x // 7 * 91) % 251).astype(np.uint8)
    chunk = NeuralImage(max_error=0).encode(labels)
    differences = np.diff(labels, axis=1, prepend=np.uint8(0)).tobytes()

    header, (section,) = unpack_chunk(chunk)

    assert header.mode is Mode.STORED
    assert len(section) < 0.9 * len(zlib.compress(differences, 1))
    assert np.array_equal(NeuralImage().decode(chunk), labels)
