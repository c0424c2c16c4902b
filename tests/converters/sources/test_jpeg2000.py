"""Holes in JPEG 2000 codestreams, told from data that look odd and are whole."""

from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.converters.sources.jpeg2000 import check_jpeg2000
from tests.annotations import Rng

SIDE = 256
FLAT = np.full((SIDE, SIDE, 3), 255, np.uint8)
RAMP = np.tile(np.arange(SIDE, dtype=np.uint8), (SIDE, 1))
CHECKERS = (np.indices((SIDE, SIDE)).sum(axis=0) % 2 * 255).astype(np.uint8)
NOISE = np.random.default_rng(1).integers(0, 4096, (SIDE, SIDE), dtype=np.uint16)


def encoded(pixels: NDArray[Any], **options: Any) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(pixels, **options))


@pytest.mark.parametrize("options", [{}, {"level": 30}, {"codecformat": "J2K"}], ids=str)
@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(FLAT, id="flat"),
        pytest.param(RAMP, id="ramp"),
        pytest.param(CHECKERS, id="checkers"),
        pytest.param(NOISE, id="noise"),
    ],
)
def test_whole_codestreams_are_not_refused(pixels: NDArray[Any], options: dict[str, Any]) -> None:
    stream = encoded(pixels, **options)

    check_jpeg2000(stream)
    check_jpeg2000(stream + b"padding")


def test_many_packets_that_hold_nothing_are_no_hole() -> None:
    """A flat slide of many resolutions and layers has a byte of 0 for each packet."""
    begin, layers = encoded(FLAT, codecformat="J2K"), 40
    style = begin.index(b"\xff\x52")
    head, data = begin.split(b"\xff\x93")
    head = head[: style + 6] + layers.to_bytes(2, "big") + head[style + 8 :]
    packets = bytes(18 * layers)
    size = head.index(b"\xff\x90") + 6

    stream = head[:size] + bytes(4) + head[size + 4 :] + b"\xff\x93" + packets + data[-2:]

    assert len(packets) > 500
    check_jpeg2000(stream)


@pytest.mark.parametrize(
    ("hole", "says"),
    [
        pytest.param(bytes(600), "a hole of zeros from byte", id="zeros"),
        pytest.param(b"\xff" * 600, "is ffff, which no encoder writes there", id="ones"),
        pytest.param(b"a\xff\xd9text" * 100, "is ffd9, which no encoder writes", id="other data"),
    ],
)
def test_a_hole_is_found_and_located(hole: bytes, says: str, rng: Rng) -> None:
    stream = encoded(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
    for place in rng.integers(1000, len(stream) - 1000, 20).tolist():
        with pytest.raises(ValueError, match=says):
            check_jpeg2000(stream[:place] + hole + stream[place + len(hole) :])


def test_a_header_that_is_lost_is_found() -> None:
    stream = bytearray(encoded(NOISE, codecformat="J2K"))
    style = stream.index(b"\xff\x52")
    stream[style : style + 4] = bytes(4)

    with pytest.raises(ValueError, match=f"byte {style} of its JPEG 2000 data is no marker"):
        check_jpeg2000(bytes(stream))


def test_what_is_no_codestream_is_left_to_the_decoder() -> None:
    check_jpeg2000(b"no codestream at all")
