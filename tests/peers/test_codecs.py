"""Every peer codes RGB and what else it can, at rates and errors that rise with its setting."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from zarr.registry import get_codec_class, register_codec

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.peers.codecs import AVIF, JPEG, JPEG2K, JPEGXL, WEBP, Peer, Samples

# A low and a high rate of each.
SETTINGS = [(JPEG, 30, 95), (JPEG2K, 26, 46), (JPEGXL, 8, 0.3), (AVIF, 30, 95), (WEBP, 20, 100)]
GREY = Samples(is_rgb=False)


@pytest.fixture(scope="module")
def crop(tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 128 x 128 pixels of tissue as (y, x, c)."""
    return np.ascontiguousarray(tissue[:, 200:328, 100:228].transpose(1, 2, 0))


def error_of(peer: Peer, stream: bytes, pixels: NDArray[Any], samples: Samples) -> float:
    """Return the root of the mean squared error."""
    decoded = peer.decode(stream, samples)
    assert (decoded.shape, decoded.dtype) == (pixels.shape, pixels.dtype)
    return float(np.sqrt(np.mean((pixels.astype(float) - decoded) ** 2)))


@pytest.mark.parametrize(
    ("peer", "low", "high"), SETTINGS, ids=lambda value: getattr(value, "name", "")
)
@pytest.mark.parametrize("samples", [Samples(), GREY], ids=["rgb", "grey"])
def test_peers_code_8_bits(
    peer: Peer, low: float, high: float, samples: Samples, crop: NDArray[np.uint8]
) -> None:
    pixels = crop if samples.is_rgb else crop[..., 1:2]

    small, large = (peer.encode(pixels, setting, samples) for setting in (low, high))

    assert len(small) < 0.6 * len(large)
    assert 3 < error_of(peer, small, pixels, samples) < 25
    # None is lossless by accident.
    assert 0.4 < error_of(peer, large, pixels, samples) < 6


@pytest.mark.parametrize(("peer", "low", "high"), [(JPEG2K, 26, 71), (JPEGXL, 8, 0.015)])
def test_peers_code_16_bits_of_which_few_are_used(
    peer: Peer, low: float, high: float, crop: NDArray[np.uint8]
) -> None:
    dark = crop[..., 1:2].astype(np.uint16) >> np.uint16(2)
    samples = Samples(is_rgb=False, dtype=dark.dtype, significant_bits=6)

    small, large = (peer.encode(dark, setting, samples) for setting in (low, high))

    assert len(small) < len(large)
    assert error_of(peer, small, dark, samples) > error_of(peer, large, dark, samples)


def test_setting_of_a_later_imagecodecs_says_what_to_update() -> None:
    from numcodecs_neural.peers.imagecodecs_zarr import Jpeg

    data = {"name": "imagecodecs_jpeg", "configuration": {"not_yet_known": 1}}

    with pytest.raises((ConfigError, TypeError), match="not_yet_known"):
        Jpeg.from_dict(data)


def test_another_package_with_the_same_codec_name_changes_nothing() -> None:
    from numcodecs_neural.peers.imagecodecs_zarr import Jpeg

    register_codec("imagecodecs_jpeg", type("Rival", (Jpeg,), {}))

    assert get_codec_class("imagecodecs_jpeg") is Jpeg
