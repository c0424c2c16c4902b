"""Every peer codes RGB and what else it can, at rates and errors that rise with its setting."""

import numpy as np
import pytest
from zarr.registry import get_codec_class, register_codec

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.peers.codecs import AVIF, JPEG, JPEG2K, JPEGXL, WEBP, Peer, Samples
from tests.annotations import Image

# A low and a high rate of each.
SETTINGS = [(JPEG, 30, 95), (JPEG2K, 26, 46), (JPEGXL, 8, 0.3), (AVIF, 30, 95), (WEBP, 20, 100)]
KINDS = {
    "rgb": Samples(),
    "grey": Samples(is_rgb=False),
    "6 bits": Samples(is_rgb=False, dtype=np.dtype("uint16"), significant_bits=6),
}


CASES = [
    pytest.param(peer, kind, settings, id=f"{peer.name}, {name}")
    for peer, *settings in SETTINGS
    for name, kind in KINDS.items()
    if kind.dtype.name in peer.dtypes
]


@pytest.mark.parametrize(("peer", "samples", "settings"), CASES)
def test_more_bytes_bring_less_error_and_always_some(
    peer: Peer, samples: Samples, settings: list[float], tissue: Image
) -> None:
    crop = tissue[: 3 if samples.is_rgb else 1, 200:328, 100:228].transpose(1, 2, 0)
    pixels = crop.astype(samples.dtype) >> (2 if samples.dtype.itemsize == 2 else 0)

    streams = [peer.encode(pixels, setting, samples) for setting in settings]

    decoded = [peer.decode(stream, samples) for stream in streams]
    assert {(d.shape, d.dtype) for d in decoded} == {(pixels.shape, pixels.dtype)}
    assert len(streams[0]) < 0.6 * len(streams[1])
    errors = [np.abs(pixels.astype(float) - d).mean() for d in decoded]
    assert 0 < errors[1] < errors[0] / 2


def test_setting_of_a_later_imagecodecs_says_what_to_update() -> None:
    from numcodecs_neural.peers.imagecodecs_zarr import Jpeg

    data = {"name": "imagecodecs_jpeg", "configuration": {"not_yet_known": 1}}

    with pytest.raises((ConfigError, TypeError), match="not_yet_known"):
        Jpeg.from_dict(data)


def test_another_package_with_the_same_codec_name_changes_nothing() -> None:
    from numcodecs_neural.peers.imagecodecs_zarr import Jpeg

    register_codec("imagecodecs_jpeg", type("Rival", (Jpeg,), {}))

    assert get_codec_class("imagecodecs_jpeg") is Jpeg
