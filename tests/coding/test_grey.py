"""Models of one channel on 8- and 16-bit data, through the codec."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.coding.dec_chunk import decode_chunk
from numcodecs_neural.coding.dec_lossy import to_samples
from numcodecs_neural.coding.enc_chunk import encode_chunk
from numcodecs_neural.coding.enc_levels import levels_of, to_pixels
from numcodecs_neural.coding.enc_task import EncodeParameters
from numcodecs_neural.engine.batching import BatchingCoder
from numcodecs_neural.engine.sessions import NetworkCoder
from numcodecs_neural.errors import BitstreamError, ConfigError
from numcodecs_neural.format import Mode, pack_chunk, unpack_chunk
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.weights import load_decoder, resolve
from tests.annotations import FindFile
from tests.models import Small, install

Image = NDArray[Any]
DTYPES = ["uint8", "uint16", "int16", ">u2"]


@pytest.fixture(autouse=True)
def grey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make weights "grey" of one channel available."""
    install(tmp_path, monkeypatch, grey=Small())


@pytest.fixture
def specimen(tissue: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return 96 x 120 numbers with noise in them, 0 to 65535, both ends among them."""
    part = tissue[0, 100:196, 50:170].astype(float)
    noise = np.random.default_rng(0).normal(0, 6, part.shape)
    scaled = (part - part.min() + noise) / np.ptp(part) * 65535
    whole: NDArray[np.int64] = np.rint(scaled).clip(0, 65535).astype(np.int64)
    whole[:16, :24], whole[40:56, 40:64] = 0, 65535
    return whole


def fitted(specimen: NDArray[np.int64], dtype: str) -> Image:
    """Return the specimen over the whole range of `dtype`."""
    limits = np.iinfo(dtype)
    shift = 16 - 8 * limits.dtype.itemsize
    return ((specimen >> shift) + limits.min).astype(dtype)


def loaded() -> NetworkCoder:
    info = resolve("grey")
    return NetworkCoder(info, DecoderModel.from_file(load_decoder(info)), NumpyBackend())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(96, 120), (1, 96, 120), (2, 2, 24, 120)], ids=str)
def test_any_leading_axes_are_a_batch(
    shape: tuple[int, ...], dtype: str, specimen: NDArray[np.int64]
) -> None:
    image = fitted(specimen, dtype).reshape(shape)
    codec = NeuralImage("grey", 40)

    chunk = codec.encode(image)
    decoded = codec.decode(chunk)

    header, _ = unpack_chunk(chunk)
    assert (header.mode, header.channel_axis) == (Mode.LOSSY, 0)
    assert (decoded.shape, decoded.dtype) == (image.shape, image.dtype)
    level = 256 if image.dtype.itemsize > 1 else 1
    error = (decoded.astype(np.int64) - image.astype(np.int64)) / level
    assert np.sqrt((error**2).mean()) < 8


@pytest.mark.parametrize("dtype", DTYPES)
def test_both_ends_of_the_range_come_back(dtype: str, specimen: NDArray[np.int64]) -> None:
    image = fitted(specimen, dtype)
    codec = NeuralImage("grey", 100)

    decoded = codec.decode(codec.encode(image))

    limits = np.iinfo(dtype)
    near = 128 if image.dtype.itemsize > 1 else 0  # half of a grey level
    assert (decoded[:16, :24] <= limits.min + near).all()
    assert (decoded[40:56, 40:64] >= limits.max - near).all()


@pytest.mark.parametrize(
    ("low", "reach", "shift"), [(0, 200, 0), (700, 4000, 4), (60_000, 5000, 5), (3, 65_000, 8)]
)
def test_a_chunk_is_coded_as_finely_as_its_range_allows(
    low: int, reach: int, shift: int, specimen: NDArray[np.int64]
) -> None:
    image = (low + specimen * reach // 65535).astype(np.uint16)
    codec = NeuralImage("grey", 100)

    chunk = codec.encode(image)

    header, _ = unpack_chunk(chunk)
    assert (header.low, header.level_shift) == (low, shift)
    error = codec.decode(chunk).astype(int) - image
    assert np.sqrt((error**2).mean()) < 0.5 * 2**shift
    assert np.abs(error).max() <= 2 * 2**shift


def test_a_value_range_makes_chunks_alike(specimen: NDArray[np.int64]) -> None:
    codec = NeuralImage("grey", 60, value_range=(0, 4095))
    dark, bright, beyond = (
        (specimen * reach // 65535).astype(np.uint16) for reach in (300, 4000, 60_000)
    )

    shifts = [unpack_chunk(codec.encode(x))[0].level_shift for x in (dark, bright, beyond)]

    assert shifts == [4, 4, 8]
    errors = [
        np.sqrt(np.mean((codec.decode(codec.encode(x)).astype(float) - x) ** 2))
        for x in (dark, bright)
    ]
    assert errors[0] < 1.5 * errors[1]
    assert codec.decode(codec.encode(beyond)).max() > 55_000


def test_padding_does_not_widen_the_range(specimen: NDArray[np.int64]) -> None:
    image = np.zeros((128, 128), np.uint16)
    image[:96, :120] = 30_000 + specimen // 256

    header, _ = unpack_chunk(NeuralImage("grey", 80).encode(image))

    assert (header.box, header.low, header.level_shift) == ((96, 120), 30_000, 0)


@pytest.mark.parametrize("value", [0, 1, 40_000, 65_535])
def test_constant_images_are_exact(value: int) -> None:
    image = np.full((2, 40, 50), value, np.uint16)
    codec = NeuralImage("grey", 0)

    chunk = codec.encode(image)

    assert len(chunk) < 64
    np.testing.assert_array_equal(codec.decode(chunk), image)


@pytest.mark.parametrize("high", [1, 2, 40, 65_535])
@pytest.mark.parametrize("quality", [0, 60, 100])
def test_extreme_images_stay_within_their_ends(high: int, quality: int) -> None:
    board = (np.add(*np.indices((64, 64))) // 5 % 2 * high).astype(np.uint16)
    decoded = NeuralImage("grey", quality).decode(
        encode_chunk(board, EncodeParameters(quality=quality), loaded())
    )

    assert np.abs(decoded.astype(int) - board).mean() <= 0.25 * max(high, 256)


def test_numpy_and_torch_give_the_same_bytes_and_samples(specimen: NDArray[np.int64]) -> None:
    pytest.importorskip("torch", reason="the torch backend needs torch")
    image = fitted(specimen, "uint16")
    codec = NeuralImage("grey", 70)
    results = []
    for device in ("numpy", "cpu"):
        with config.set(device=device):
            chunk = codec.encode(image)
            results.append((chunk, codec.decode(chunk)))

    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_chunks_of_different_levels_share_a_batch(specimen: NDArray[np.int64]) -> None:
    alone = loaded()
    batching = BatchingCoder(alone)
    images = [(100 * i + specimen // 2**i).astype(np.uint16) for i in range(8)]

    def chunk_of(image: Image, coder: Any = batching) -> bytes:
        return encode_chunk(image, EncodeParameters(quality=50), coder)

    def pixels_of(chunk: bytes, coder: Any) -> Image:
        return decode_chunk(unpack_chunk(chunk), lambda _: coder)

    with ThreadPoolExecutor(8) as pool:
        chunks = list(pool.map(chunk_of, images))
        decoded = list(pool.map(partial(pixels_of, coder=batching), chunks))

    assert chunks == [chunk_of(image, alone) for image in images]
    assert len({unpack_chunk(chunk)[0].level_shift for chunk in chunks}) == 8
    for image, chunk in zip(decoded, chunks, strict=True):
        np.testing.assert_array_equal(image, pixels_of(chunk, alone))


def test_levels_of_another_chunk_are_refused_by_weights_of_8_bits(
    specimen: NDArray[np.int64], tissue: NDArray[np.uint8]
) -> None:
    _, (payload,) = unpack_chunk(NeuralImage("he-fast").encode(tissue[:, :64, :64]))
    header, _ = unpack_chunk(NeuralImage("grey").encode(fitted(specimen, "uint16")))
    forged = pack_chunk(
        type(header)(
            mode=Mode.LOSSY,
            dtype=np.dtype("<u2"),
            shape=(3, 64, 64),
            box=(64, 64),
            channel_axis=-3,
            weights_id=resolve("he-fast").id,
            quality=60,
        ),
        [payload],
    )

    with pytest.raises(BitstreamError, match=r"3 channels of uint16; .* 3 of uint8"):
        NeuralImage("he-fast").decode(forged)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        pytest.param(np.zeros((8, 8), np.float32), "float32, .* uint8 or uint16", id="float"),
        pytest.param(np.zeros((8, 8), np.uint32), "uint32", id="32 bits"),
        pytest.param(np.zeros((8, 8), np.int8), "int8", id="signed 8 bits"),
        pytest.param(np.zeros(8, np.uint8), "has 1 axes, .* images", id="one axis"),
    ],
)
def test_what_grey_weights_cannot_code_is_refused(array: Image, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        NeuralImage("grey").encode(array)


@pytest.mark.parametrize(
    "name",
    [
        "cellprofiler_bsd3/ExampleSpeckles__images__1-162hrhoe2.tif",
        "neubias_ccby4/image_data__xy_12bit__saturated_plant.tif",
        "neubias_ccby4/image_data__xy_16bit__rat_hippocampal_neuron.tif",
        "neubias_ccby4/image_data__xy_calibrated_16bit__cells_eres_noisy.tif",
        "neubias_ccby4/image_data__xyc_16bit__embryo_transmission_fluorescence.tif",
        "stardist_bsd3/stardist__data__images__img3d.tif",
    ],
)
def test_real_microscopy_comes_back_within_a_level(name: str, shared_file: FindFile) -> None:
    import tifffile

    path = shared_file(f"microscopy/{name}")
    with tifffile.TiffFile(path) as file:
        image = file.pages[0].asarray()
    coder = loaded()

    # Not by the codec: where few levels are used, it would store them without loss.
    levels = levels_of(image)
    pixels = to_pixels(image[None, None], levels, coder.pixel_fraction)
    stream = coder.encode(pixels, EncodeParameters(quality=100))
    decoded = coder.decode(stream, (1, *image.shape), 100)
    back = to_samples(decoded, levels, coder.pixel_fraction, image.dtype)[0, 0]

    level = 2**levels.shift
    error = back.astype(int) - image
    assert np.sqrt((error**2).mean()) < 0.5 * level
    assert np.abs(error).max() <= 2 * level
    chunk = NeuralImage("grey", 50).encode(image)
    assert len(chunk) < 0.6 * image.nbytes
    assert np.abs(NeuralImage("grey").decode(chunk).astype(int) - image).mean() < 4 * level
