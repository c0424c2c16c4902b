"""Work that is done once for a chunk: parse, checksum, look-up of the weights."""

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import zarr

from numcodecs_neural import NeuralImage
from numcodecs_neural.format import ChunkHeader, sections
from numcodecs_neural.format.checksum import crc32c
from numcodecs_neural.weights import resolve
from tests.annotations import Image

Counts = Counter[str]


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Return how often a checksum was computed, a header read, and weights looked up."""
    found: Counts = Counter()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def count(*args: Any) -> Any:
            found[name] += 1
            return function(*args)

        return count

    monkeypatch.setattr(f"{sections.__name__}.crc32c", counted("checksum", crc32c))
    monkeypatch.setattr(ChunkHeader, "unpack", counted("header", ChunkHeader.unpack))
    catalogue = sys.modules[resolve.__module__]
    monkeypatch.setattr(catalogue, "_read", counted("weights", catalogue._read))
    return found


def test_a_chunk_read_by_zarr_is_parsed_once(
    layout: dict[str, Any], write: Callable[..., Any], tissue: Image, counts: Counts
) -> None:
    image = tissue[:, :128, :128]
    path = write(image, layout).store_path
    array: Any = zarr.open_array(path, mode="r")
    array[:]  # makes the codec
    counts.clear()

    array[:]

    assert counts == {"checksum": 1, "header": 1, "weights": 1}


def test_weights_are_looked_up_once_for_a_chunk(tissue: Image, counts: Counts) -> None:
    codec = NeuralImage(quality=40)
    chunk = codec.encode(tissue[:, :64, :64])
    counts.clear()

    codec.encode(tissue[:, :64, :64])

    assert counts == {"checksum": 1, "weights": 1}
    counts.clear()
    codec.decode(chunk)
    assert counts == {"checksum": 1, "header": 1, "weights": 1}
