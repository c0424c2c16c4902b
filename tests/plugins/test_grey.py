"""Weights of one channel behind numcodecs and Zarr: no channel axis, 8 and 16 bits."""

import json
import pickle
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, NeuralImageCodec
from numcodecs_neural.errors import ConfigError
from tests.annotations import Rng
from tests.models import Small, install

LAYOUTS = [
    pytest.param({"zarr_format": 2, "order": "F"}, id="v2-F"),
    pytest.param({"zarr_format": 3}, id="v3"),
    pytest.param({"zarr_format": 3, "shards": (2, 64, 128)}, id="v3-sharded"),
]


@pytest.fixture(autouse=True)
def grey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make weights "grey" of one channel available."""
    (tmp_path / "weights").mkdir()
    install(tmp_path / "weights", monkeypatch, grey=Small())


@pytest.fixture
def stack(rng: Rng) -> NDArray[np.uint16]:
    """Return (2, 100, 150): a slope of 12 bits with noise on it."""
    slope = np.linspace(100, 3900, 150) + rng.normal(0, 60, (2, 100, 150))
    return slope.clip(0, 4095).astype(np.uint16)


def create(store: Any, codec_options: dict[str, Any] | None = None, **options: Any) -> Any:
    settings: dict[str, Any] = {
        "shape": (2, 100, 150),
        "chunks": (1, 64, 64),
        "dtype": "uint16",
        "zarr_format": 3,
    } | options
    if settings["zarr_format"] == 2:
        codec = NeuralImage("grey", 60, **(codec_options or {}))
        return zarr.create_array(store, compressors=codec, filters=None, **settings)
    serializer = NeuralImageCodec("grey", 60, **(codec_options or {}))
    return zarr.create_array(store, serializer=serializer, compressors=None, **settings)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", ">u2"])
def test_arrays_of_every_layout_and_dtype_come_back(
    layout: dict[str, Any], dtype: str, stack: NDArray[np.uint16], tmp_path: Path
) -> None:
    pixels = (stack >> 4 if dtype == "uint8" else stack).astype(dtype)
    create(tmp_path / "array", dtype=dtype, **layout)[:] = pixels

    array: Any = zarr.open_array(tmp_path / "array")

    found = array[:]
    # A v3 array has no byte order of its own in memory.
    assert found.dtype.newbyteorder("=") == pixels.dtype.newbyteorder("=")
    level = 1 if dtype == "uint8" else 16
    assert np.abs(found.astype(int) - pixels.astype(int)).mean() < 2 * level


def test_the_default_needs_no_channel_axis() -> None:
    codec = NeuralImage("grey")

    assert codec.channel_axis is None
    assert NeuralImage("he-fast").channel_axis == -3
    assert NeuralImage("he-fast", channel_axis=None).channel_axis == -3


@pytest.mark.parametrize("kind", [NeuralImage, NeuralImageCodec])
def test_a_channel_axis_is_refused(kind: Any) -> None:
    with pytest.raises(ConfigError, match=r"'grey-1' code arrays \(\.\.\., y, x\).*leave"):
        kind("grey", channel_axis=-3)


@pytest.mark.parametrize(
    "options", [{}, {"value_range": (0, 4095), "encoder": {"effort": 2}}], ids=["default", "range"]
)
def test_configuration_survives_json_and_pickle(options: dict[str, Any]) -> None:
    codec = NeuralImage("grey", 30, **options)
    stored = json.loads(json.dumps(codec.get_config()))
    v3 = NeuralImageCodec("grey", 30, **options)

    assert numcodecs.get_codec(stored) == codec == pickle.loads(pickle.dumps(codec))
    assert NeuralImageCodec.from_dict(json.loads(json.dumps(v3.to_dict()))) == v3
    assert stored["channel_axis"] is None
    assert v3.encoder == codec.encoder
    assert eval(repr(codec)) == codec


def test_a_range_stands_under_encoder() -> None:
    codec = NeuralImage("grey", value_range=(0, 4095), encoder={"effort": 2})

    assert codec.encoder == {"effort": 2, "value_range": [0, 4095]}
    assert "value_range" not in codec.get_config()


@pytest.mark.parametrize(
    "value_range", [(5, 4), (0, 65536), (0,), (0, 1, 2), 7, "ab", (0.5, 9), (None, 1)], ids=str
)
def test_bad_ranges_are_refused(value_range: Any) -> None:
    with pytest.raises(ConfigError, match="value_range is"):
        NeuralImage("grey", value_range=value_range)


def test_a_range_of_a_later_release_keeps_arrays_readable(stack: NDArray[np.uint16]) -> None:
    chunk = NeuralImage("grey").encode(stack)
    codec = NeuralImage("grey", encoder={"value_range": "automatic"})

    assert codec.decode(chunk).shape == stack.shape
    with pytest.raises(ConfigError, match="value_range is 'automatic'"):
        codec.encode(stack)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param({"dtype": "float32"}, "the array is float32", id="float"),
        pytest.param({"dtype": "uint32"}, "the array is uint32", id="32 bits"),
        pytest.param({"dtype": "float32", "shards": (2, 64, 128)}, "float32", id="in shards"),
        pytest.param({"shape": (100,), "chunks": (10,)}, "has 1 axes", id="one axis"),
    ],
)
def test_what_cannot_be_coded_is_refused_at_creation(
    options: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=says):
        create(tmp_path / "array", **options)

    assert not (tmp_path / "array" / "zarr.json").exists()
