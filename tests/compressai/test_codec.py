"""CompressAIImage as numcodecs uses it: the pixels of the model, configuration as JSON."""

import json
import pickle
from collections.abc import Callable
from typing import Any

import numcodecs
import numpy as np
import pytest

from numcodecs_neural.compressai import CompressAIImage
from numcodecs_neural.compressai.architectures import ARCHITECTURES
from numcodecs_neural.compressai.chunks import unpack
from numcodecs_neural.errors import ConfigError
from tests.annotations import Image

Make = Callable[..., CompressAIImage]
DIGEST = "0f" * 32


def reconstruction(net: Any, image: Image) -> tuple[Image, list[bytes]]:
    """Return what CompressAI itself makes of an image padded to 64, and its streams."""
    import torch

    net.update(force=True)
    height, width = image.shape[1:]
    padded = np.pad(image, ((0, 0), (0, -height % 64), (0, -width % 64)), mode="edge")
    with torch.no_grad():
        coded = net.compress(torch.from_numpy(padded[None]).float() / 255)
        x_hat = net.decompress(**coded)["x_hat"]
    pixels = (x_hat * 255).round().to(torch.uint8).numpy()
    return pixels[0, :, :height, :width], [strings[0] for strings in coded["strings"]]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_decoded_pixels_are_the_models_own_reconstruction(
    arch: str, make_codec: Make, make_net: Callable[..., Any], crop: Image
) -> None:
    codec = make_codec(arch)

    chunk = codec.encode(crop)
    decoded = codec.decode(chunk)

    expected, streams = reconstruction(make_net(arch), crop)
    assert expected.std() > 1
    assert (decoded.shape, decoded.dtype) == (crop.shape, crop.dtype)
    # The library computes means in float32, which may move a pixel that lies between two levels.
    assert np.abs(decoded.astype(int) - expected).max() <= 1
    assert (decoded != expected).mean() < 1e-3
    assert [len(s) for s in unpack(chunk).streams] == [len(s) for s in streams]


def test_streams_are_those_of_the_library(
    make_codec: Make, make_net: Callable[..., Any], crop: Image
) -> None:
    chunk = unpack(make_codec("bmshj2018-factorized").encode(crop))

    _, streams = reconstruction(make_net("bmshj2018-factorized"), crop)
    assert list(chunk.streams) == streams


@pytest.mark.parametrize("arch", ["bmshj2018-factorized", "mbt2018-mean", "mbt2018"])
@pytest.mark.parametrize(
    "rearrange",
    [
        pytest.param(lambda a: a[:, :64, :64], id="64 pixels"),
        pytest.param(lambda a: a[:, :1, :1], id="one pixel"),
        pytest.param(lambda a: a[:, :37, :65], id="odd sides"),
        pytest.param(lambda a: a[:, :70:2, ::-2], id="not contiguous"),
        pytest.param(lambda a: np.stack([a[:, :64, :64], a[:, 30:94, 60:124]]), id="batch of two"),
        pytest.param(lambda a: np.full_like(a[:, :64, :64], 9), id="constant"),
    ],
)
def test_any_layout_comes_back_as_it_was(
    arch: str, rearrange: Callable[[Image], Image], make_codec: Make, crop: Image
) -> None:
    image, codec = rearrange(crop), make_codec(arch)

    decoded = codec.decode(codec.encode(image))

    assert (decoded.shape, decoded.dtype) == (image.shape, image.dtype)
    np.testing.assert_array_equal(decoded, codec.decode(codec.encode(image.copy())))


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_is_kept_and_changes_no_pixel(
    order: Any, make_codec: Make, crop: Image
) -> None:
    codec = make_codec()

    decoded = codec.decode(codec.encode(np.asarray(crop, order=order)))

    assert decoded.flags.f_contiguous == (order == "F")
    np.testing.assert_array_equal(decoded, codec.decode(codec.encode(crop)))


@pytest.mark.parametrize("arch", ["bmshj2018-hyperprior", "mbt2018"])
def test_the_images_of_a_batch_are_coded_like_single_ones(
    arch: str, make_codec: Make, crop: Image
) -> None:
    codec = make_codec(arch)
    batch = np.stack([crop[:, :64, :64], crop[:, 30:94, 60:124]])

    decoded = codec.decode(codec.encode(batch))

    for found, image in zip(decoded, batch, strict=True):
        alone = codec.decode(codec.encode(image))
        assert np.abs(found.astype(int) - alone).max() <= 1


def test_channels_can_come_last(make_codec: Make, crop: Image) -> None:
    first = make_codec()
    last = CompressAIImage(first.arch, weights=first.weights, channel_axis=-1)

    decoded = last.decode(last.encode(np.moveaxis(crop, 0, -1)))

    np.testing.assert_array_equal(np.moveaxis(decoded, -1, 0), first.decode(first.encode(crop)))


def test_the_margin_that_zarr_adds_is_exact_and_takes_no_bits(
    make_codec: Make, crop: Image
) -> None:
    codec = make_codec("mbt2018-mean")
    padded = np.full((3, 256, 256), 255, np.uint8)
    padded[:, :64, :64] = crop[:, :64, :64]

    chunk = codec.encode(padded)
    decoded = codec.decode(chunk)

    assert (decoded[:, 64:] == 255).all()
    assert (decoded[:, :, 64:] == 255).all()
    assert len(chunk) == len(codec.encode(crop[:, :64, :64]))


def test_out_is_filled(make_codec: Make, crop: Image) -> None:
    codec = make_codec()
    chunk, out = codec.encode(crop), np.zeros_like(crop)

    returned = codec.decode(chunk, out=out)

    assert returned is out
    np.testing.assert_array_equal(out, codec.decode(chunk))


def test_encoding_twice_gives_the_same_bytes(make_codec: Make, crop: Image) -> None:
    codec = make_codec("mbt2018-mean")

    assert codec.encode(crop) == codec.encode(crop)


def test_coding_leaves_the_settings_of_torch_alone(make_codec: Make, crop: Image) -> None:
    import torch

    torch.manual_seed(5)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()

    codec = make_codec()
    codec.decode(codec.encode(crop))

    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("array", "says"),
    [
        pytest.param(np.zeros((3, 64, 64), np.uint16), "uint16", id="dtype"),
        pytest.param(np.zeros((4, 64, 64), np.uint8), "length 4 at channel_axis=-3", id="channels"),
        pytest.param(np.zeros((64, 64, 3), np.uint8), "pass channel_axis=-1", id="channel-last"),
        pytest.param(np.zeros((64, 64), np.uint8), "has 2 axes", id="grey"),
    ],
)
def test_what_no_model_can_code_is_refused(array: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        CompressAIImage(weights=DIGEST).encode(array)


def test_configuration_names_the_model_by_digest_and_no_path(make_codec: Make) -> None:
    codec = make_codec("mbt2018-mean")

    config = json.loads(json.dumps(codec.get_config()))

    assert config == {
        "id": "compressai_image",
        "arch": "mbt2018-mean",
        "weights": codec.weights,
        "channel_axis": -3,
    }
    assert numcodecs.get_codec(config) == codec
    assert len(bytes.fromhex(codec.weights)) == 32


def test_a_used_codec_pickles_small_and_equal(make_codec: Make, crop: Image) -> None:
    codec = make_codec()
    chunk = codec.encode(crop)

    data = pickle.dumps(codec)
    copied = pickle.loads(data)

    assert copied == codec
    assert hash(copied) == hash(codec)
    assert len(data) < 1000
    np.testing.assert_array_equal(copied.decode(chunk), codec.decode(chunk))


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"arch": "bmshj2018", "weights": DIGEST}, "arch is 'bmshj2018'; it can be bmshj2018-fac"),
        ({"arch": None, "weights": DIGEST}, "arch is None"),
        ({}, "either checkpoint"),
        ({"checkpoint": "a.pth", "weights": DIGEST}, "either checkpoint"),
        ({"weights": "abc"}, "weights is 'abc'"),
        ({"weights": DIGEST, "channel_axis": 0}, "channel_axis is 0"),
    ],
    ids=str,
)
def test_bad_parameters_are_refused(parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        CompressAIImage(**parameters)


@pytest.mark.gpu
@pytest.mark.parametrize("arch", ["bmshj2018-factorized", "mbt2018-mean"])
def test_cuda_reads_what_the_cpu_wrote(arch: str, make_codec: Make, crop: Image) -> None:
    import torch

    from numcodecs_neural import config

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    codec = make_codec(arch)
    with config.set(device="cpu"):
        chunk = codec.encode(crop)
        expected = codec.decode(chunk)

    with config.set(device="cuda"):
        decoded = codec.decode(chunk)

    assert np.abs(decoded.astype(int) - expected).max() <= 1
