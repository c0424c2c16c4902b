"""Markers of a JPEG file in a store: what is kept, what is not, and why."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from PIL import Image

from numcodecs_neural.converters.store.source_markers import (
    JPEG_MARKERS,
    SourceMarkers,
    markers_of,
    read_markers,
    write_markers,
)
from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.folder import Folder
from numcodecs_neural.jpeg.reading import read_jpeg
from numcodecs_neural.jpeg.writing import rewrite_jpeg
from tests.jpeg.streams import PROGRESSIVE, SEQUENTIAL, photo, saved


def kept(data: bytes, folder: Path, version: str) -> SourceMarkers:
    """Return the markers of a file after they were in a store."""
    description, _ = read_jpeg(data)
    name = write_markers(Folder(str(folder)), data, description, version)
    return read_markers(zarr.open_array(folder / name, mode="r"))


def reason(data: bytes, *, confidential: bool = False) -> str | None:
    found = markers_of(data, confidential=confidential)
    return found if isinstance(found, str) else None


def with_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "J. Doe"
    return saved(photo(), exif=exif)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("options", [*SEQUENTIAL.values(), *PROGRESSIVE.values()], ids=str)
def test_a_file_comes_back_from_its_kept_markers(
    options: dict[str, Any], version: str, tmp_path: Path
) -> None:
    data = saved(photo(), **options)

    found = kept(data, tmp_path, version)

    assert reason(data) is None
    again = rewrite_jpeg(found.description, read_jpeg(data)[1])
    assert again == data
    assert found.is_file(again)


def test_another_file_is_not_taken_for_it(tmp_path: Path) -> None:
    found = kept(saved(photo()), tmp_path, "0.5")

    assert not found.is_file(saved(photo(), quality=20))


def test_a_profile_and_what_tells_the_colours_are_kept_without_being_asked() -> None:
    assert reason(saved(photo(), icc_profile=b"\0" * 1000)) is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(saved(photo(), comment=b"J. Doe"), "it has a comment, which", id="comment"),
        pytest.param(with_exif(), r"a segment APP1 \(Exif\), which", id="exif"),
        pytest.param(saved(photo()) + b"J. Doe", "it has data behind its end", id="behind"),
    ],
)
def test_what_may_identify_a_patient_is_kept_only_if_that_is_wanted(data: bytes, says: str) -> None:
    found = reason(data)
    assert found is not None
    assert re.search(says, found)
    assert reason(data, confidential=True) is None


def test_large_markers_are_not_kept(rng: np.random.Generator) -> None:
    profile = rng.bytes(70_000)

    found = reason(saved(photo(), icc_profile=profile))

    assert found is not None
    assert "bytes deflated, more than 65536" in found


def test_a_file_that_its_coefficients_do_not_tell_is_not_kept() -> None:
    data = bytearray(saved(photo(16, 16)))
    # The last byte of the data is filled up with ones; any other bits are as good for a decoder.
    last = data.rindex(b"\xff\xd9") - 1
    data[last] &= 0xFE

    found = reason(bytes(data))

    assert found == "its encoder wrote codes that its coefficients do not tell"


def test_a_file_that_breaks_the_standard_is_not_kept() -> None:
    data = saved(photo())

    found = reason(data[:-2])

    assert found is not None
    assert found.startswith("it is not quite what the standard says (JPEG stream ends at byte")


def test_damaged_markers_are_a_named_error(tmp_path: Path) -> None:
    kept(saved(photo()), tmp_path, "0.5")
    array = zarr.open_array(tmp_path / JPEG_MARKERS, mode="r+")
    array[0] = 0

    with pytest.raises(SourceError, match="kept markers of the JPEG file are damaged"):
        read_markers(array)
