"""Stores that do not hold all of a slide: what is restored of them, what is refused, and why."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from numcodecs_neural.converters.restore.run import restore
from numcodecs_neural.errors import ConfigError, SourceError
from tests.converters.restore.slide_files import archive, scene, stored, write_slide
from tests.jpeg.streams import photo, saved

Store = Path


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    return write_slide(tmp_path / "slide.tif", scene(), tile=(80, 80))


@pytest.fixture
def store(slide: Path, tmp_path: Path) -> Store:
    """Return an archive in Zarr v2, where each chunk of a level is a file: 2 x 3 of level 0."""
    return archive(slide, tmp_path / "store", chunk_px=240, ome_zarr_version="0.4")


def chunk_file(store: Store, level: int, row: int, column: int) -> Path:
    return store / f"{level}" / "0" / f"{row}" / f"{column}"


def pixels_of(path: Path, level: int = 0) -> Any:
    with tifffile.TiffFile(path) as tiff:
        return tiff.series[0].levels[level].asarray()


def test_what_is_not_stored_is_as_glass_and_told(slide: Path, store: Store, tmp_path: Path) -> None:
    chunk_file(store, 0, 1, 0).unlink()

    report = restore(store, tmp_path / "again.tif")

    fill: Any = zarr.open_array(store / "0", mode="r").fill_value
    again, expected = pixels_of(tmp_path / "again.tif"), pixels_of(slide)
    # As near as the steps of the slide's own tables allow.
    assert np.abs(again[240:, :240].astype(int) - fill).max() <= 2
    expected[240:, :240] = again[240:, :240] = 0
    np.testing.assert_array_equal(again, expected)
    assert report.levels[0].absent == 1
    assert any("1 of 6 chunks are not stored (glass)" in line for line in report.lines())


def test_a_lossy_chunk_of_level_0_is_refused(store: Store, tmp_path: Path) -> None:
    array: Any = zarr.open_array(store / "0", mode="r+")
    array[:, :100, :100] = 7

    with pytest.raises(SourceError, match="level 0 cannot be restored: 1 of its 6 chunks are not"):
        restore(store, tmp_path / "again.tif")


def test_a_lossy_level_is_left_out_and_told(store: Store, tmp_path: Path) -> None:
    array: Any = zarr.open_array(store / "1", mode="r+")
    array[...] = 7

    report = restore(store, tmp_path / "again.tif")

    assert [level.number for level in report.levels] == [0]
    assert "level 1 is left out: it is not kept in JPEG tiles" in report.lines()


def test_a_store_of_another_codec_is_refused(slide: Path, tmp_path: Path) -> None:
    stored(slide, tmp_path / "store", codec="zstd", glass="keep")

    with pytest.raises(SourceError, match="level 0 cannot be restored: it is not kept in JPEG"):
        restore(tmp_path / "store", tmp_path / "again.tif")


def test_a_damaged_chunk_is_named_before_anything_is_written(store: Store, tmp_path: Path) -> None:
    file = chunk_file(store, 0, 1, 2)
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    file.write_bytes(content)

    with pytest.raises(SourceError, match="chunk at row 1, column 2 of level 0 is damaged"):
        restore(store, tmp_path / "again.tif")
    assert not list(tmp_path.glob("again*"))


def test_a_picture_that_is_not_all_stored_comes_back_with_new_markers(tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").write_bytes(saved(photo(), optimize=True))
    options = {"use_existing_levels": True, "chunk_px": 64, "ome_zarr_version": "0.4"}
    store = archive(tmp_path / "picture.jpg", tmp_path / "store", **options)
    chunk_file(store, 0, 1, 1).unlink()

    report = restore(store, tmp_path / "again.jpg")

    assert not report.is_same_file
    assert "not all of its pixels are kept" in report.notes[0]


def test_an_output_of_another_kind_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"again.png ends in .png: .* \.tif, \.tiff, \.svs"):
        restore(store, tmp_path / "again.png")


def test_a_file_is_replaced_only_if_asked_for(store: Store, tmp_path: Path) -> None:
    output = tmp_path / "again.tif"
    output.write_bytes(b"mine")

    with pytest.raises(FileExistsError, match="pass --overwrite"):
        restore(store, output)
    assert output.read_bytes() == b"mine"

    restore(store, output, overwrite=True)
    assert output.read_bytes() != b"mine"


def test_a_store_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no such store"):
        restore(tmp_path / "store", tmp_path / "again.tif")


def test_channels_of_their_own_are_refused(tmp_path: Path) -> None:
    planes = np.zeros((2, 64, 64), np.uint8)
    tifffile.imwrite(tmp_path / "stack.ome.tif", planes, metadata={"axes": "ZYX"})
    stored(tmp_path / "stack.ome.tif", tmp_path / "store")

    with pytest.raises(SourceError, match="RGB or grey of 8 bits, without planes"):
        restore(tmp_path / "store", tmp_path / "again.tif")
