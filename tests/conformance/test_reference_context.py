"""The reference decoder decodes chunks of colour axes and DCT as the package does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import reference_decoder as reference
from make_vectors import SPEC, example
from numcodecs_neural import NeuralImage
from numcodecs_neural.coding import enc_slices
from numcodecs_neural.coding.enc_dct import TUNINGS
from numcodecs_neural.format import unpack_chunk
from numcodecs_neural.weights.files import write_weights
from reference_decoder import RefusedError, decode, read_weights, transform_digest
from tests.context_models import SmallContext
from tests.golden.context_example import BEGIN, END, context_example
from tests.models import install

Array = NDArray[Any]

MODEL = "he-fast-2"
LOSSY = 1


def agree(chunk: bytes, codec: NeuralImage, folder: Path = reference.WEIGHTS) -> reference.Decoded:
    """Check that the package and the reference decode a lossy chunk alike."""
    assert chunk[9] == LOSSY
    decoded = decode(chunk, folder)
    np.testing.assert_array_equal(decoded.array, codec.decode(chunk), strict=True)
    return decoded


def test_the_example_is_what_its_bytes_hold() -> None:
    page = SPEC.read_text(encoding="utf-8")
    chunk = example("A chunk of colour axes and DCT")

    assert context_example(chunk) == page.split(BEGIN)[1].split(END)[0].strip("\n") + "\n"
    np.testing.assert_array_equal(NeuralImage().decode(chunk), decode(chunk).array)


def test_the_rounded_numbers_are_those_of_the_page() -> None:
    assert f"`{transform_digest()}`" in SPEC.read_text(encoding="utf-8")


@pytest.mark.parametrize("tune", TUNINGS)
@pytest.mark.parametrize("quality", [0, 60, 100])
def test_chunks_of_every_tuning_are_decoded(quality: int, tune: str, tissue: Array) -> None:
    codec = NeuralImage(MODEL, quality, tune=tune)

    agree(codec.encode(tissue[:, 201:234, 301:350]), codec)


def test_a_batch_is_decoded(tissue: Array) -> None:
    codec = NeuralImage(MODEL, 70)
    batch = np.stack([tissue[:, 10:50, 20:41], tissue[:, 210:250, 320:341]])

    _, parts = agree(codec.encode(batch), codec)

    assert len(parts) == 2 * 33


@pytest.mark.parametrize("dtype", ["|u1", "<u2"])
@pytest.mark.parametrize("spacing", [1, 2, 5, 16])
def test_slices_of_every_spacing_are_decoded(
    spacing: int, dtype: str, tissue: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enc_slices, "SPACING", spacing)
    codec = NeuralImage("grey-fast-2", 60)
    volume = np.stack([tissue[1, 40:80, 100:133]] * 7) // 2
    volume += np.random.default_rng(2).integers(0, 9, volume.shape, np.uint8)

    chunk = codec.encode(volume.astype(dtype))

    assert unpack_chunk(chunk)[1][0][:3] == bytes([0, 0, spacing])
    agree(chunk, codec)


def test_a_film_in_colour_is_decoded(tissue: Array) -> None:
    codec = NeuralImage(MODEL, 60)
    film = np.stack([tissue[:, 40 + y : 80 + y, 100:133] for y in range(4)])

    chunk = codec.encode(film)

    assert unpack_chunk(chunk)[1][0][:2] == b"\0\0"
    agree(chunk, codec)


def test_the_box_of_a_chunk_with_margin_is_decoded(tissue: Array) -> None:
    codec = NeuralImage(MODEL, 80)
    image = np.full((3, 64, 64), 255, np.uint8)
    image[:, :23, :40] = tissue[:, 300:323, 200:240]

    _, parts = agree(codec.encode(image), codec)

    assert parts[0].symbols.shape == (2, 3, 2)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("quality", [0, 50, 100])
def test_arbitrary_weights_of_three_axes_are_followed(
    quality: int, seed: int, tissue: Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SmallContext(channels=3, pixel_fraction=0, width=16 * (1 + seed % 2), seed=seed)
    install(tmp_path, monkeypatch, colour=model)
    codec = NeuralImage("colour", quality, tune="ms-ssim")

    agree(codec.encode(tissue[:, 100:140, 30:90]), codec, tmp_path / "files")


@pytest.mark.parametrize("dtype", ["|u1", "<u2", ">u2", "<i2"])
@pytest.mark.parametrize("quality", [20, 90])
def test_grey_chunks_of_every_dtype_are_decoded(
    quality: int, dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, grey=SmallContext())
    limits = np.iinfo(dtype)
    noise = np.random.default_rng(7).normal(0, 0.02, (2, 40, 53))
    wide = (np.linspace(-0.1, 1.1, 53) + noise).clip(0, 1)  # saturates at both ends
    image = wide * (int(limits.max) - int(limits.min)) + limits.min
    codec = NeuralImage("grey", quality)

    _, parts = agree(codec.encode(image.astype(dtype)), codec, tmp_path / "files")

    assert len(parts) == 2 * 11


@pytest.mark.parametrize(
    ("name", "place", "value", "says"),
    [
        pytest.param("spread", 0, 2**15, "spread is beyond", id="16 bits"),
        pytest.param("layer_bias", 0, 2**31 - 1, "a sum is beyond 2\\^31", id="a sum"),
        pytest.param("elements", 16 * 50 + 14, 999, "a sum of elements", id="a sum of elements"),
        pytest.param("tables", 0, 5, "a table is not 16384", id="a table"),
    ],
)
def test_context_models_beyond_the_bounds_are_refused(
    name: str, place: int, value: int, says: str, tmp_path: Path
) -> None:
    (description, arrays), _ = SmallContext().contents()
    arrays[name].flat[place] = value
    path = tmp_path / "small.decoder.safetensors"
    write_weights(path, description, arrays)

    with pytest.raises(RefusedError, match=says) as caught:
        read_weights(path.read_bytes())

    assert caught.value.kind == "weights"
