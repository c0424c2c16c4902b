"""Regions of Zarr arrays are images, whatever the order of the axes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.evaluation import find_sets, zarr_source
from numcodecs_neural.evaluation.zarr_source import regions
from tests.annotations import Image, Rng

ALL = 10**9


def write(path: Path, pixels: NDArray[Any], **options: Any) -> Path:
    array = zarr.create_array(path, shape=pixels.shape, dtype=pixels.dtype, **options)
    array[...] = pixels
    return path


@pytest.fixture
def image(rng: Rng) -> Image:
    """Return pixels (H, W, C)."""
    return rng.integers(0, 256, (40, 50, 3), np.uint8)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param("cyx", id="channels first"),
        pytest.param("yxc", id="channels last"),
        pytest.param(".cyx", id="a leading axis"),
        pytest.param(".c.yx", id="time and depth of OME"),
    ],
)
@pytest.mark.parametrize("version", [2, 3])
def test_arrays_are_read_in_any_order(
    order: str, version: int, image: Image, tmp_path: Path
) -> None:
    letters = order.replace(".", "")
    pixels = image.transpose(["yxc".index(letter) for letter in letters])
    for place, letter in enumerate(order):
        if letter == ".":
            pixels = np.expand_dims(pixels, place)
    path = write(tmp_path / "a.zarr", pixels, zarr_format=version)

    (region,) = regions(path, max_pixels=ALL)

    np.testing.assert_array_equal(region.read(), image)


@pytest.mark.parametrize("shape", [(40, 50), (1, 40, 50), (40, 50, 1), (1, 1, 1, 40, 50)])
def test_grey_arrays_have_one_channel(shape: tuple[int, ...], tmp_path: Path, rng: Rng) -> None:
    pixels = rng.integers(0, 60000, (40, 50, 1), np.uint16)
    path = write(tmp_path / "a.zarr", pixels.reshape(shape))

    (region,) = regions(path, max_pixels=ALL)

    np.testing.assert_array_equal(region.read(), pixels)


def test_regions_hold_no_more_than_asked_for(tmp_path: Path, image: Image) -> None:
    path = write(tmp_path / "a.zarr", np.tile(image, (8, 8, 1)))

    found = regions(path, max_pixels=4000)

    shapes = [region.read().shape for region in found]
    assert sum(height * width for height, width, _ in shapes) <= 4000
    # On the grid of the source's JPEG.
    assert {(r.rows.start % 16, r.columns.start % 16) for r in found} == {(0, 0)}


def test_regions_are_spread_over_the_array(
    tmp_path: Path, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zarr_source, "PITCH_PX", 32)
    path = write(tmp_path / "a.zarr", np.tile(image, (4, 3, 1)))

    found = regions(path, max_pixels=5 * 48 * 48)

    # Of rows 0, 32, 64, 96 and columns 0 to 96: in the order of their numbers' reversed bits.
    corners = [(region.rows.start, region.columns.start) for region in found]
    assert corners == [(0, 0), (64, 0), (32, 0), (96, 0), (0, 64)]
    assert {region.read().shape for region in found} == {(48, 48, 3)}


def test_a_small_array_is_covered(
    tmp_path: Path, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zarr_source, "PITCH_PX", 32)
    path = write(tmp_path / "a.zarr", np.tile(image, (2, 2, 1)))

    found = regions(path, max_pixels=ALL)

    assert sorted((r.rows.start, r.columns.start) for r in found) == [
        (y, x) for y in (0, 32) for x in (0, 32)
    ]


def test_what_was_not_stored_is_passed_over(tmp_path: Path, image: Image) -> None:
    pixels = np.full((160, 160, 3), 255, np.uint8)
    pixels[100:140, 100:150] = image
    path = write(tmp_path / "a.zarr", pixels, fill_value=255, chunks=(40, 40, 3))

    found = regions(path, max_pixels=48 * 48)

    assert found
    assert all(region.rows.stop > 100 and region.columns.stop > 100 for region in found)


def ome(version: str) -> dict[str, Any]:
    multiscales = [{"datasets": [{"path": "full"}, {"path": "half"}]}]
    return (
        {"ome": {"multiscales": multiscales}} if version == "0.5" else {"multiscales": multiscales}
    )


@pytest.mark.parametrize(("version", "zarr_format"), [("0.4", 2), ("0.5", 3)])
def test_level_0_of_an_ome_zarr_is_taken(
    version: str, zarr_format: Any, image: Image, tmp_path: Path
) -> None:
    path = tmp_path / "a.zarr"
    zarr.create_group(path, zarr_format=zarr_format, attributes=ome(version))
    write(path / "half", image[::2, ::2], zarr_format=zarr_format)
    write(path / "full", image, zarr_format=zarr_format)

    (found,) = find_sets([path])

    assert found.name == "a.zarr"
    np.testing.assert_array_equal(found.images[0].read(), image)


def test_an_array_in_a_group_is_called_by_both_names(image: Image, tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "slide.zarr")
    write(tmp_path / "slide.zarr" / "1", image)

    (found,) = find_sets([tmp_path / "slide.zarr" / "1"])

    assert found.name == "slide.zarr/1"


def test_a_group_of_one_array_stands_for_it(image: Image, tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "a.zarr")
    write(tmp_path / "a.zarr" / "tissue", image)

    (region,) = regions(tmp_path / "a.zarr", max_pixels=ALL)

    np.testing.assert_array_equal(region.read(), image)


def test_groups_without_one_array_are_refused(image: Image, tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "a.zarr")
    with pytest.raises(SourceError, match=r"is a group and no array; arrays in it: none"):
        regions(tmp_path / "a.zarr", max_pixels=ALL)

    for name in "xy":
        write(tmp_path / "a.zarr" / name, image)
    with pytest.raises(SourceError, match=r"arrays in it: x, y\. Name one array"):
        regions(tmp_path / "a.zarr", max_pixels=ALL)


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        pytest.param(np.ones((40, 50, 3), np.float32), "holds float32 samples", id="floats"),
        pytest.param(np.ones((4, 40, 50), np.uint8), r"shape \(4, 40, 50\)", id="four channels"),
        pytest.param(np.ones((9, 3, 40, 50), np.uint8), "measured are", id="a stack"),
        pytest.param(np.ones(50, np.uint8), "measured are", id="a line"),
        pytest.param(np.full((40, 50, 3), 7, np.uint8), "is of one colour", id="one colour"),
    ],
)
def test_arrays_that_are_no_image_are_refused(
    pixels: NDArray[Any], says: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.zarr", pixels)

    with pytest.raises(SourceError, match=says):
        regions(path, max_pixels=ALL)


def test_damaged_metadata_are_refused(tmp_path: Path) -> None:
    (tmp_path / "zarr.json").write_text("{")

    with pytest.raises(SourceError, match="cannot be opened by Zarr"):
        regions(tmp_path, max_pixels=ALL)


def test_a_codec_that_is_not_installed_is_told(image: Image, tmp_path: Path) -> None:
    path = write(tmp_path / "a.zarr", image, compressors=None)
    metadata = json.loads((path / "zarr.json").read_text())
    metadata["codecs"].append({"name": "nobodys_codec", "configuration": {}})
    (path / "zarr.json").write_text(json.dumps(metadata))

    with pytest.raises(SourceError, match="nobodys_codec"):
        regions(path, max_pixels=ALL)


def test_a_damaged_chunk_is_refused(image: Image, tmp_path: Path) -> None:
    path = write(tmp_path / "a.zarr", image)
    (path / "c" / "0" / "0" / "0").write_bytes(b"damaged")

    with pytest.raises(SourceError, match=r"a\.zarr at \(0, 0\) cannot be read"):
        regions(path, max_pixels=ALL)
