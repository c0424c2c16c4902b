"""Chunks and buffers at the edges of what can be coded: empty, vast, of another byte order."""

from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, NeuralImageCodec
from numcodecs_neural.compressai import CompressAIImage
from numcodecs_neural.errors import BitstreamError, ConfigError
from numcodecs_neural.format import ChunkHeader, Mode, pack_chunk

Image = NDArray[Any]
RGB = NeuralImage()
GREY = NeuralImage("grey-fast")
RESEARCH = CompressAIImage(weights="0f" * 32)


@pytest.mark.parametrize(
    ("codec", "shape"),
    [
        pytest.param(RGB, (3, 0, 4), id="no rows"),
        pytest.param(RGB, (0, 3, 4, 4), id="no images"),
        pytest.param(GREY, (0, 4), id="grey"),
        pytest.param(RESEARCH, (3, 4, 0), id="compressai"),
    ],
)
def test_an_empty_array_is_refused(codec: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="holds no samples: choose"):
        codec.encode(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("codec", "shape", "says"),
    [
        pytest.param(RGB, (1,) * 6 + (3, 8, 8), "has 9 axes", id="nine axes"),
        pytest.param(RGB, (3, 20_000, 20_000), "1200000000 bytes", id="vast"),
        pytest.param(GREY, (40_000, 40_000), "1600000000 bytes", id="vast grey"),
        pytest.param(RESEARCH, (1,) * 6 + (3, 8, 8), "has 9 axes", id="compressai"),
    ],
)
def test_an_array_too_large_for_a_chunk_is_refused_before_work(
    codec: Any, shape: tuple[int, ...], says: str
) -> None:
    vast = np.broadcast_to(np.uint8(7), shape)  # takes no memory

    with pytest.raises(ConfigError, match=f"{says}.*choose smaller chunks"):
        codec.encode(vast)


def test_empty_chunks_are_refused_when_an_array_is_created() -> None:
    # Zarr refuses them itself from 3.2 on.
    with pytest.raises(ValueError, match=r"hold no pixels|must be positive"):
        zarr.create_array(
            {},
            shape=(3, 64, 64),
            chunks=(3, 0, 64),
            dtype="uint8",
            serializer=NeuralImageCodec(),
            compressors=None,
        )


@pytest.mark.parametrize("order", ["<", ">"])
def test_out_of_the_other_byte_order_takes_the_same_samples(order: str, tissue: Image) -> None:
    samples = tissue[1, :48, :48].astype(f"{order}u2") * 77
    chunk = GREY.encode(samples)
    out = np.zeros(samples.shape, samples.dtype.newbyteorder("S"))

    GREY.decode(chunk, out=out)

    np.testing.assert_array_equal(out, GREY.decode(chunk))


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 9, 9)], ids=str)
def test_a_decoded_chunk_of_one_colour_can_be_written_to(shape: tuple[int, ...]) -> None:
    decoded = RGB.decode(RGB.encode(np.full(shape, 5, np.uint8)))

    decoded[0] = 9

    assert decoded.ravel()[[0, -1]].tolist() == [9, 5]


def test_a_changed_configuration_changes_no_codec() -> None:
    codec, serializer = NeuralImage(encoder={"effort": [1]}), NeuralImageCodec(encoder={"a": {}})
    metadata: Any = serializer.to_dict()

    codec.get_config()["encoder"]["effort"].append(2)
    metadata["configuration"]["encoder"]["a"]["b"] = 3

    assert codec.encoder == {"effort": [1]}
    assert serializer.encoder == {"a": {}}


@pytest.mark.parametrize(("written", "opened"), [("int16", "uint16"), ("uint8", "int16")])
def test_a_chunk_of_another_dtype_is_an_error(written: str, opened: str, tissue: Image) -> None:
    options: dict[str, Any] = {"shape": (64, 64), "chunks": (64, 64), "fill_value": 9}
    codec = NeuralImageCodec("grey-fast")
    stores: list[dict[str, Any]] = [{}, {}]
    arrays = [
        zarr.create_array(store, dtype=dtype, serializer=codec, compressors=None, **options)
        for store, dtype in zip(stores, (written, opened), strict=True)
    ]
    arrays[0][:] = tissue[0, :64, :64]

    stores[1]["c/0/0"] = stores[0]["c/0/0"]

    with pytest.raises(BitstreamError, match=f"{written}.*{opened}.*another array"):
        arrays[1][:]


def test_a_chunk_that_says_it_is_vast_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options: dict[str, Any] = {"serializer": NeuralImageCodec("grey-fast"), "compressors": None}
    store: dict[str, Any] = {}
    array = zarr.create_array(store, shape=(64, 64), chunks=(64, 64), dtype="uint8", **options)
    sides = (1 << 15, 1 << 15)
    header = ChunkHeader(mode=Mode.CONSTANT, dtype=np.dtype("u1"), shape=sides, box=sides)
    store["c/0/0"] = type(store["zarr.json"]).from_bytes(pack_chunk(header, [b"\7"]))

    def refuse(*_: object) -> None:
        raise AssertionError("a gigabyte was taken for 64 x 64 pixels")

    monkeypatch.setattr(NeuralImage, "decode", refuse)

    with pytest.raises(BitstreamError, match=r"\(32768, 32768\).*\(64, 64\).*another array"):
        array[:]
