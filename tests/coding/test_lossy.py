"""The lossy mode with the shipped weights: quality, sizes, devices, damage."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.format import unpack_chunk
from numcodecs_neural.format.sections import pack_chunk
from tests.annotations import Image, Psnr

SIZES = [(1, 1), (1, 40), (17, 16), (100, 75), (64, 64), (65, 129)]


@pytest.mark.parametrize("weights", ["he-fast", "grey-fast"])
def test_rate_and_distortion_rise_with_every_five_of_quality(
    weights: str, tissue: Image, psnr: Psnr
) -> None:
    image = tissue[:, 100:356, 100:356] if weights == "he-fast" else tissue[1, 100:356, 100:356]
    sizes, qualities = [], []
    for quality in range(0, 101, 5):
        codec = NeuralImage(weights, quality)
        chunk = codec.encode(image)
        sizes.append(len(chunk))
        qualities.append(psnr(codec.decode(chunk), image))

    assert sizes == sorted(set(sizes))
    assert qualities == sorted(set(qualities))


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_any_size_can_be_coded(size: tuple[int, int], tissue: Image, psnr: Psnr) -> None:
    image = tissue[:, 200 : 200 + size[0], 200 : 200 + size[1]]
    codec = NeuralImage("he-fast", 80)

    decoded = codec.decode(codec.encode(image))

    assert decoded.shape == image.shape
    assert psnr(decoded, image) > 30


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_numpy_and_torch_give_the_same_bytes_and_pixels(
    size: tuple[int, int], tissue: Image
) -> None:
    pytest.importorskip("torch", reason="the torch backend needs torch")
    image = tissue[:, 200 : 200 + size[0], 200 : 200 + size[1]]
    codec = NeuralImage("he-fast", 60)
    results: list[tuple[bytes, Any]] = []
    for device in ("numpy", "cpu"):
        with config.set(device=device):
            chunk = codec.encode(image)
            results.append((chunk, codec.decode(chunk)))

    (chunk_a, pixels_a), (chunk_b, pixels_b) = results
    assert chunk_a == chunk_b
    np.testing.assert_array_equal(pixels_a, pixels_b)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((3, 128, 128), np.uint8), id="black"),
        pytest.param(np.full((3, 128, 128), 255, np.uint8), id="white"),
        pytest.param(np.random.default_rng(1).integers(0, 256, (3, 128, 128)), id="noise"),
        pytest.param(np.indices((3, 128, 128)).sum(0) % 2 * 255, id="checkerboard"),
        pytest.param(
            (np.arange(128) // 16 % 2 * 255)[None, None].repeat(128, 1).repeat(3, 0), id="bars"
        ),
    ],
)
def test_no_image_explodes(image: NDArray[Any]) -> None:
    image = image.astype(np.uint8)
    codec = NeuralImage("he-fast", 100)

    chunk = codec.encode(image)

    assert len(chunk) < 1.15 * image.size + 64
    assert codec.decode(chunk).shape == image.shape


def test_images_of_one_chunk_are_as_good_and_as_small_as_alone(tissue: Image, psnr: Psnr) -> None:
    images = np.stack([tissue[:, :96, :96], tissue[:, 300:396, 200:296]])
    codec = NeuralImage("he-fast", 50)

    chunk = codec.encode(images)

    # One path leads through all images of a chunk, so that single samples may differ.
    alone = [codec.encode(image) for image in images]
    assert len(chunk) < sum(map(len, alone))
    for image, decoded, other in zip(images, codec.decode(chunk), alone, strict=True):
        assert psnr(decoded, image) == pytest.approx(psnr(codec.decode(other), image), abs=0.1)


def test_an_edge_chunk_does_not_ring_at_its_padding(tissue: Image, psnr: Psnr) -> None:
    padded = np.zeros((3, 256, 256), np.uint8)
    padded[:, :133, :77] = tissue[:, :133, :77]
    codec = NeuralImage("he-fast", 60)

    chunk = codec.encode(padded)

    alone = codec.encode(np.ascontiguousarray(padded[:, :133, :77]))
    assert abs(len(chunk) - len(alone)) < 8
    decoded = codec.decode(chunk)
    assert not decoded[:, 133:].any()
    assert not decoded[:, :, 77:].any()
    assert psnr(decoded[:, :133, :77], padded[:, :133, :77]) > 32


@pytest.mark.parametrize("where", [0, 1, 4, 8, 40, 200, -1])
def test_a_changed_stream_is_an_error_even_under_a_right_checksum(
    where: int, tissue: Image
) -> None:
    codec = NeuralImage("he-fast", 40)
    header, (stream,) = unpack_chunk(codec.encode(tissue[:, :64, :64]))
    broken = bytearray(stream)
    broken[where] ^= 0x55

    with pytest.raises(BitstreamError):
        codec.decode(pack_chunk(header, [bytes(broken)]))


@pytest.mark.parametrize("keep", [0, 4, 30, -2])
def test_a_shortened_stream_is_an_error(keep: int, tissue: Image) -> None:
    codec = NeuralImage("he-fast", 40)
    header, (stream,) = unpack_chunk(codec.encode(tissue[:, :64, :64]))

    with pytest.raises(BitstreamError):
        codec.decode(pack_chunk(header, [stream[:keep]]))


@pytest.mark.parametrize("value", [0, 7, 255], ids=["black", "ink", "white"])
def test_flat_colours_far_from_tissue_come_back(value: int, tissue: Image) -> None:
    image = tissue.copy()
    image[:, 128:384, 128:384] = value
    codec = NeuralImage("he-fast", 60)

    inside = codec.decode(codec.encode(image))[:, 160:352, 160:352].astype(int)

    assert np.abs(inside.mean((1, 2)) - value).max() < 1


@pytest.mark.parametrize("is_second", [False, True], ids=["first generation", "second"])
def test_the_first_byte_says_what_is_coded_and_nothing_else(
    tissue: Image, *, is_second: bool
) -> None:
    codec = NeuralImage("he-fast-1", 40)
    image = tissue[:, :128, :128]
    if is_second:
        image = codec.decode(codec.encode(image))
    header, (section,) = unpack_chunk(codec.encode(image))

    assert section[0] == is_second
    for byte in {0, 1, 2, 255} - {int(is_second)}:
        with pytest.raises(BitstreamError):
            codec.decode(pack_chunk(header, [bytes([byte]) + section[1:]]))
