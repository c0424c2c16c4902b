"""Arrays to write with either codec, and the codecs in either format of Zarr."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, NeuralImageCodec

CHUNK = (3, 128, 128)


@pytest.fixture(
    params=[
        pytest.param({"zarr_format": 2, "order": "C"}, id="v2-C"),
        pytest.param({"zarr_format": 2, "order": "F"}, id="v2-F"),
        pytest.param({"zarr_format": 3}, id="v3"),
        pytest.param({"zarr_format": 3, "shards": (3, 256, 256)}, id="v3-sharded"),
    ]
)
def layout(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the options that tell the supported kinds of Zarr arrays apart."""
    options: dict[str, Any] = request.param
    return options


@pytest.fixture
def create(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that creates an array on disk, coded by us, with chunks of 128 pixels."""

    def create_array(
        shape: tuple[int, ...], layout: dict[str, Any], *, quality: int = 60, **options: Any
    ) -> Any:
        if layout["zarr_format"] == 2:
            codec: dict[str, Any] = {"compressors": NeuralImage(quality=quality)}
        else:
            codec = {"serializer": NeuralImageCodec(quality=quality), "compressors": None}
        defaults: dict[str, Any] = {"chunks": CHUNK, "dtype": "uint8", "fill_value": 255}
        store = tmp_path / f"array-{len(list(tmp_path.iterdir()))}.zarr"
        return zarr.create_array(store, shape=shape, **(defaults | layout | codec | options))

    return create_array


@pytest.fixture
def write(create: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that writes an image to such an array, and returns the array."""

    def write_array(image: NDArray[Any], layout: dict[str, Any], **options: Any) -> Any:
        array = create(image.shape, layout, **options)
        array[:] = image
        return array

    return write_array
