"""Chunks that coverage says were stored, and that are not there: errors, never glass."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural.errors import SourceError
from numcodecs_neural.omezarr.coverage import COVERAGE_GROUP, ELIDED, STORED
from numcodecs_neural.reading.reader import ImageReader
from tests.annotations import Image
from tests.reading.images import OWN_CODEC, OWN_CODEC_2, PLAIN, SHARDED, WriteImage

LAYOUTS = [
    pytest.param(PLAIN, id="plain"),
    pytest.param(PLAIN | SHARDED, id="plain in shards"),
    pytest.param(OWN_CODEC, id="own codec"),
    pytest.param(OWN_CODEC | SHARDED, id="own codec in shards"),
    pytest.param(OWN_CODEC_2, id="own codec of version 2"),
]


def covered(path: Path) -> Path:
    """Write coverage as the converter does: chunk (1, 1) is elided, all others are stored."""
    group: Any = zarr.open_group(path, mode="a")
    coverage = np.full((3, 4), STORED, np.uint8)
    coverage[1, 1] = ELIDED
    group.create_array(f"{COVERAGE_GROUP}/0", data=coverage)
    group.update_attributes({"numcodecs_neural": {"schema_version": 1}})
    return path


def lose(path: Path) -> None:
    """Delete the file of the first chunk, or of its shard."""
    files = [path / "0" / name for name in ("c/0/0/0", "0.0.0")]
    next(file for file in files if file.exists()).unlink()


@pytest.fixture
def glass(pixels: Image) -> Image:
    pixels[:, 32:64, 32:64] = 255
    return pixels


@pytest.mark.parametrize("options", LAYOUTS)
def test_a_lost_chunk_is_an_error(
    options: dict[str, Any], glass: Image, write_image: WriteImage
) -> None:
    path = covered(write_image(glass, **options))
    lose(path)

    with (
        ImageReader(path) as image,
        pytest.raises(SourceError, match="chunk 0/0/0 of level 0, at row 0, column 0, was stored"),
    ):
        image.chunk(0, (0, 0, 0))


@pytest.mark.parametrize("options", LAYOUTS)
def test_an_elided_chunk_is_glass(
    options: dict[str, Any], glass: Image, write_image: WriteImage
) -> None:
    path = covered(write_image(glass, **options))

    with ImageReader(path) as image:
        assert (image.chunk(0, (0, 1, 1)) == 255).all()


def test_a_stored_chunk_of_the_fill_value_is_no_loss(
    pixels: Image, write_image: WriteImage
) -> None:
    pixels[:, :32, :32] = 255
    path = covered(write_image(pixels, config={"write_empty_chunks": True}))

    with ImageReader(path) as image:
        assert (image.chunk(0, (0, 0, 0)) == 255).all()


def test_a_store_without_coverage_has_no_lost_chunks(glass: Image, write_image: WriteImage) -> None:
    path = write_image(glass, **OWN_CODEC)
    lose(path)

    with ImageReader(path) as image:
        assert (image.chunk(0, (0, 0, 0)) == 255).all()


def test_lost_coverage_is_an_error(glass: Image, write_image: WriteImage) -> None:
    path = covered(write_image(glass, **OWN_CODEC))
    (path / COVERAGE_GROUP / "0" / "c" / "0" / "0").unlink()

    with (
        ImageReader(path) as image,
        pytest.raises(SourceError, match="coverage of level 0 is lost"),
    ):
        image.chunk(0, (0, 1, 1))
