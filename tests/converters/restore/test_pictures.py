"""From a JPEG file to a store and back: byte for byte, or with equal coefficients."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pictures

from numcodecs_neural.converters.restore.run import restore
from numcodecs_neural.errors import SourceError
from numcodecs_neural.jpeg.reading import read_jpeg
from tests.converters.restore.slide_files import archive, scene, write_slide
from tests.jpeg.streams import PROGRESSIVE, SEQUENTIAL, encoded, equal, photo, saved

PROFILE = bytes(range(256)) * 300
KINDS = {name: {"quality": 80, **options} for name, options in (SEQUENTIAL | PROGRESSIVE).items()}


def again(data: bytes, folder: Path, **options: Any) -> tuple[bytes, Any]:
    """Return the file that is restored from an archive of another, and the report."""
    source = folder / "picture.jpg"
    source.write_bytes(data)
    store = archive(source, folder / "store", use_existing_levels=True, chunk_px=64, **options)
    report = restore(store, folder / "again.jpg")
    return (folder / "again.jpg").read_bytes(), report


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_a_file_comes_back_byte_for_byte(options: dict[str, Any], tmp_path: Path) -> None:
    data = saved(photo(147, 189), **options)

    found, report = again(data, tmp_path)

    assert found == data
    assert report.is_same_file


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (65, 8), (128, 129)], ids=str)
def test_files_of_odd_sizes_come_back(size: tuple[int, int], tmp_path: Path) -> None:
    data = saved(photo(*size))

    assert again(data, tmp_path)[0] == data


@pytest.mark.parametrize("sampling", ["444", "422", "440", "411"])
def test_files_of_all_samplings_come_back(sampling: str, tmp_path: Path) -> None:
    data = encoded(photo(), 80, subsampling=sampling)

    assert again(data, tmp_path)[0] == data


def test_a_grey_file_comes_back(tmp_path: Path) -> None:
    data = saved(photo()[..., 1])

    assert again(data, tmp_path)[0] == data


def test_a_file_whose_markers_tell_of_people_comes_back_with_new_ones(tmp_path: Path) -> None:
    exif = Pictures.Exif()
    exif[0x010E] = "J. Doe"
    data = saved(photo(), exif=exif, icc_profile=PROFILE, progressive=True)

    found, report = again(data, tmp_path)

    assert b"J. Doe" not in found
    assert not report.is_same_file
    assert "markers of the source's file were not kept" in report.notes[0]
    assert equal(read_jpeg(found)[1], read_jpeg(data)[1])
    with Pictures.open(tmp_path / "again.jpg") as picture:
        assert picture.info["icc_profile"] == PROFILE


def test_such_a_file_comes_back_byte_for_byte_where_that_is_wanted(tmp_path: Path) -> None:
    data = saved(photo(), comment=b"J. Doe")

    assert again(data, tmp_path, confidential=True)[0] == data


def test_one_jpeg_is_no_tiff_of_tiles(tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").write_bytes(saved(photo()))
    store = archive(
        tmp_path / "picture.jpg", tmp_path / "store", use_existing_levels=True, chunk_px=64
    )

    with pytest.raises(SourceError, match=r"go on over 147 pixels .* name the output \.jpg"):
        restore(store, tmp_path / "again.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture.jpg", "store"]


def test_tiles_whose_borders_show_are_no_one_jpeg(tmp_path: Path) -> None:
    store = archive(write_slide(tmp_path / "slide.tif", scene()), tmp_path / "store")

    with pytest.raises(SourceError, match=r"enlarges tile by tile.* name the output \.tif"):
        restore(store, tmp_path / "again.jpg")


def test_tiles_whose_borders_do_not_show_are_joined(tmp_path: Path) -> None:
    slide = write_slide(tmp_path / "slide.tif", scene(), sampling=(1, 1))

    restore(archive(slide, tmp_path / "store"), tmp_path / "again.jpg")

    with Pictures.open(tmp_path / "again.jpg") as picture:
        assert picture.size == (500, 390)
