"""A machine that computes other numbers is told, and never gets garbage."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from numcodecs_neural.compressai import CompressAIImage
from numcodecs_neural.compressai.architectures import parse_architecture
from numcodecs_neural.compressai.chunks import pack, unpack
from numcodecs_neural.errors import NumericsError
from tests.annotations import Image

Make = Callable[..., CompressAIImage]
# The network of each that computes the scales.
SCALES_OF = {
    "bmshj2018-hyperprior": "_h_s",
    "mbt2018-mean": "_h_s",
    "mbt2018": "_merge",
    "cheng2020-anchor": "_merge",
    "cheng2020-attn": "_merge",
}


def prior_of(codec: CompressAIImage) -> Any:
    from numcodecs_neural.compressai.sessions import session_for

    return session_for(parse_architecture(codec.arch), codec.weights)._prior


@pytest.fixture
def multiply(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that lets a network of a codec's prior give other numbers."""

    def change(codec: CompressAIImage, network: str, factor: float) -> None:
        prior = prior_of(codec)
        compute = getattr(prior, network)
        monkeypatch.setattr(prior, network, lambda x: compute(x) * factor)

    return change


@pytest.mark.parametrize("arch", SCALES_OF)
@pytest.mark.parametrize("factor", [1.01, 1000.0])
def test_other_scales_than_the_writers_are_noticed(
    arch: str, factor: float, make_codec: Make, crop: Image, multiply: Callable[..., None]
) -> None:
    codec = make_codec(arch)
    chunk = codec.encode(crop)

    # What a processor with other sums would do, made large enough to happen in a small chunk.
    multiply(codec, SCALES_OF[arch], factor)

    with pytest.raises(NumericsError, match="other latents than were written"):
        codec.decode(chunk)


def test_numbers_that_are_not_finite_are_noticed(
    make_codec: Make, crop: Image, multiply: Callable[..., None]
) -> None:
    codec = make_codec("mbt2018-mean")
    chunk = codec.encode(crop)

    multiply(codec, "_h_s", float("nan"))

    with pytest.raises(NumericsError):
        codec.decode(chunk)


@pytest.mark.parametrize("arch", ["bmshj2018-factorized", "mbt2018-mean", "mbt2018"])
def test_one_other_symbol_is_noticed(arch: str, make_codec: Make, crop: Image) -> None:
    codec = make_codec(arch)
    other = crop.copy()
    other[:, 40:48, 40:48] ^= 0x80
    ours, theirs = unpack(codec.encode(crop)), unpack(codec.encode(other))

    # Intact by its bytes' checksum: streams that stand for other symbols than it says.
    chunk = pack(replace(ours, streams=theirs.streams))

    with pytest.raises(NumericsError):
        codec.decode(chunk)


@pytest.mark.parametrize("arch", ["bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018"])
@pytest.mark.parametrize("stream", [b"", b"\xff" * 64, b"\x00" * 5, bytes(range(256)) * 4])
def test_foreign_streams_are_noticed_and_read_nothing_behind_them(
    arch: str, stream: bytes, make_codec: Make, crop: Image
) -> None:
    codec = make_codec(arch)
    chunk = unpack(codec.encode(crop))

    foreign = pack(replace(chunk, streams=(stream,) * len(chunk.streams)))

    with pytest.raises(NumericsError):
        codec.decode(foreign)


def test_latents_that_cannot_be_coded_are_refused(
    make_codec: Make, crop: Image, multiply: Callable[..., None]
) -> None:
    codec = make_codec("mbt2018-mean")

    multiply(codec, "_h_a", 1e30)

    with pytest.raises(NumericsError, match="is the model trained"):
        codec.encode(crop)


@pytest.mark.parametrize("arch", ["mbt2018-mean", "mbt2018"])
def test_what_decides_on_symbols_is_computed_in_float64(arch: str, make_codec: Make) -> None:
    import torch

    prior = prior_of(make_codec(arch))

    dtypes = {p.dtype for p in prior._h_s.parameters()}

    assert dtypes == {torch.float64}
