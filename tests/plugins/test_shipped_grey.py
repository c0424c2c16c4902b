"""The shipped weights of one channel behind Zarr: 8 and 16 bits, errors that suit the quality."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, NeuralImageCodec
from numcodecs_neural.format import unpack_chunk

Image = NDArray[Any]
DTYPES = ["uint8", "uint16", "int16"]
LAYOUTS = [
    pytest.param({"zarr_format": 2}, id="v2"),
    pytest.param({"zarr_format": 3}, id="v3"),
    pytest.param({"zarr_format": 3, "shards": (2, 256, 256)}, id="v3-sharded"),
]


def specimen(tissue: NDArray[np.uint8], dtype: str) -> Image:
    """Two images (2, 200, 256): 8 bits, or 12 of 16 with noise in the lowest, some below 0."""
    image = np.stack([tissue[1, :200, :256], tissue[2, 200:400, 100:356]]).astype(int)
    if dtype == "uint8":
        return image.astype(dtype)
    finer = 16 * image + np.random.default_rng(0).integers(0, 16, image.shape)
    return (finer - (2000 if dtype == "int16" else 0)).astype(dtype)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_come_back_within_the_error_of_their_quality(
    layout: dict[str, Any], dtype: str, tissue: NDArray[np.uint8], tmp_path: Path
) -> None:
    image = specimen(tissue, dtype)
    level, errors = 1 if dtype == "uint8" else 16, []
    for quality in (30, 60, 90):
        kind = NeuralImage if layout["zarr_format"] == 2 else NeuralImageCodec
        codec = kind("grey-fast", quality)
        name = "compressors" if layout["zarr_format"] == 2 else "serializer"
        options = {"compressors": None, name: codec, "fill_value": 0, **layout}
        store = tmp_path / f"{quality}.zarr"
        array: Any = zarr.create_array(
            store, shape=image.shape, chunks=(1, 128, 128), dtype=dtype, **options
        )
        array[:] = image

        reopened: Any = zarr.open_array(store, mode="r")
        found = reopened[:]

        assert (found.dtype, found.shape) == (image.dtype, image.shape)
        error = (found.astype(int) - image) / level
        errors.append(float(np.sqrt((error**2).mean())))
        assert abs(error.mean()) < 0.2
        assert reopened.nbytes_stored() < image.nbytes / (2 * level**0.25)

    assert errors == sorted(errors, reverse=True)
    for error, limit in zip(errors, (6, 3.5, 1.5), strict=True):  # in grey levels
        assert error < limit


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_a_value_range_decides_how_fine_dark_images_are(
    dtype: str, tissue: NDArray[np.uint8]
) -> None:
    dark = (specimen(tissue, "uint8")[0].astype(int) - (100 if dtype == "int16" else 0)).astype(
        dtype
    )
    low = int(dark.min())
    ranged = NeuralImage("grey-fast", 60, value_range=(low, low + 4095))
    free = NeuralImage("grey-fast", 60)

    chunks = [codec.encode(dark) for codec in (free, ranged)]

    assert [unpack_chunk(chunk)[0].level_shift for chunk in chunks] == [0, 4]
    assert len(chunks[1]) < len(chunks[0]) / 3  # a quarter of a level is nothing worth coding
    errors = [np.abs(free.decode(chunk).astype(int) - dark).mean() for chunk in chunks]
    assert errors[0] < 3
    assert errors[0] < errors[1] < 16


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
@pytest.mark.parametrize("quality", [20, 60, 80])
def test_generations_within_a_value_range_lose_nothing(
    dtype: str, quality: int, tissue: NDArray[np.uint8]
) -> None:
    image = specimen(tissue, dtype)[:, :192]  # whole blocks of 16 x 16
    low = -2000 if dtype == "int16" else 0
    codec = NeuralImage("grey-fast", quality, value_range=(low, low + 4095))

    errors, decoded = [], image
    for _ in range(5):
        decoded = np.asarray(codec.decode(codec.encode(decoded)))
        errors.append(float(np.mean((decoded.astype(float) - image) ** 2)))

    assert 10 * np.log10(errors[-1] / errors[0]) < 0.1


@pytest.mark.parametrize("dtype", DTYPES)
def test_both_ends_of_a_narrow_range_are_kept(dtype: str) -> None:
    low, high = np.iinfo(dtype).min + 3, np.iinfo(dtype).min + 250
    image = np.full((128, 128), low, dtype)
    image[32:96, 32:96] = high
    image[:32, :32] = np.random.default_rng(1).integers(low, high, (32, 32))

    found = NeuralImage("grey-fast", 100).decode(NeuralImage("grey-fast", 100).encode(image))

    assert np.abs(found[48:80, 48:80].astype(int) - high).max() <= 3
    assert np.abs(found[100:, 100:].astype(int) - low).max() <= 3
