"""From a file to the chunks of all levels that are to be exact."""

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import plan_levels
from numcodecs_neural.converters.tissue.regions.exact import exact_chunks, no_chunks
from numcodecs_neural.errors import ConfigError

GRIDS = plan_levels((300, 400), levels=3, chunk_px=64, region_px=64)
FINEST = np.zeros((5, 7), bool)
FINEST[1:3, 2:4] = True  # y 64 to 192, x 128 to 256


def boxes(folder: Path, *rows: str) -> str:
    path = folder / "boxes.csv"
    path.write_text("\n".join(rows))
    return str(path)


def label(path: Path, mask: NDArray[Any], version: int = 3) -> str:
    """Write a label with two levels, of which the second says something else."""
    group = zarr.create_group(path, zarr_format=2 if version == 2 else 3)
    for name, values in (("0", mask), ("1", np.zeros_like(mask[..., ::2, ::2]))):
        array: Any = group.create_array(name, shape=values.shape, dtype=values.dtype)
        array[...] = values
    multiscales = [{"datasets": [{"path": "0"}, {"path": "1"}]}]
    if version == 2:
        group.attrs.update({"multiscales": multiscales, "image-label": {}})
    else:
        group.attrs["ome"] = {"multiscales": multiscales, "image-label": {}}
    return str(path)


def small_mask() -> NDArray[np.uint8]:
    """Return a mask of a quarter of the slide's size, that marks `FINEST`."""
    mask = np.zeros((75, 100), np.uint8)
    mask[17:47, 33:63] = 200
    return mask


def test_boxes_mark_level_0_and_nothing_else(tmp_path: Path) -> None:
    found = exact_chunks(boxes(tmp_path, "130,70,100,100"), GRIDS)

    np.testing.assert_array_equal(found[0], FINEST)
    assert not any(chunks.any() for chunks in found[1:])
    assert [chunks.shape for chunks in found] == [grid.chunk_grid for grid in GRIDS]


def test_all_levels_are_marked_over_the_same_chunks(tmp_path: Path) -> None:
    found = exact_chunks(boxes(tmp_path, "130,70,100,100"), GRIDS, all_levels=True)

    expected = np.zeros((3, 4), bool)
    expected[:2, 1] = True
    np.testing.assert_array_equal(found[1], expected)
    assert found[2].sum() == 1


@pytest.mark.parametrize("samples", [(), (3,), (4,)], ids=["grey", "RGB", "RGBA"])
def test_a_picture_marks_what_is_not_black(samples: tuple[int, ...], tmp_path: Path) -> None:
    mask = small_mask()
    picture = np.repeat(mask[..., None], samples[0], axis=-1) if samples else mask
    if samples == (4,):
        picture[..., 3] = 255
    path = tmp_path / "mask.png"
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(picture)))

    np.testing.assert_array_equal(exact_chunks(str(path), GRIDS)[0], FINEST)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("leading", [(), (1, 1)], ids=["yx", "more axes"])
@pytest.mark.parametrize("part", ["", "/0"], ids=["label", "array"])
def test_a_label_marks_what_is_not_0(
    part: str, leading: tuple[int, ...], version: int, tmp_path: Path
) -> None:
    mask = small_mask().astype(np.int32).reshape(*leading, 75, 100)
    path = label(tmp_path / "slide.ome.zarr", mask, version)

    np.testing.assert_array_equal(exact_chunks(path + part, GRIDS)[0], FINEST)


def test_a_mask_of_the_slides_own_size_is_exact_to_the_pixel(tmp_path: Path) -> None:
    mask = np.zeros((300, 400), np.uint8)
    mask[127, 63] = mask[128, 64] = 1
    path = label(tmp_path / "label", mask)

    found = exact_chunks(path, GRIDS)[0]

    assert np.argwhere(found).tolist() == [[1, 0], [2, 1]]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["400,10,5,5"], r"line 1 of .* lies outside of the slide: x from 400 to 405 and y"),
        (["10,10,5,5", "10,300,5,5"], r"line 2 of .*the slide has 400 x 300 pixels"),
        (["-10,10,5,5"], "outside"),
        (["10,-10,5,5"], "outside"),
    ],
)
def test_a_box_outside_of_the_slide_is_refused(rows: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says):
        exact_chunks(boxes(tmp_path, *rows), GRIDS)


def test_a_box_that_reaches_beyond_the_slide_counts_inside(tmp_path: Path) -> None:
    found = exact_chunks(boxes(tmp_path, "390,290,500,500"), GRIDS)[0]

    assert np.argwhere(found).tolist() == [[4, 6]]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        exact_chunks(str(tmp_path / "boxes.csv"), GRIDS)


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (np.ones((75, 75), np.uint8), "75 x 75 pixels and the slide 300 x 400"),
        (np.zeros((75, 100), np.uint8), "marks nothing"),
    ],
    ids=["shape", "empty"],
)
def test_masks_of_another_shape_and_empty_ones_are_refused(
    mask: NDArray[np.uint8], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(imagecodecs.png_encode(mask))

    for file in (str(path), label(tmp_path / "label", mask)):
        with pytest.raises(ConfigError, match=says):
            exact_chunks(file, GRIDS)


def test_a_picture_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"GIF")

    with pytest.raises(ConfigError, match="does not open as a picture of the exact regions"):
        exact_chunks(str(path), GRIDS)


def test_folders_that_are_no_label_are_refused(tmp_path: Path) -> None:
    image = zarr.create_group(tmp_path / "image")
    image.create_group("labels/tissue")
    zarr.create_group(tmp_path / "group")
    zarr.create_array(tmp_path / "floats", shape=(3, 4), dtype="f4")
    (tmp_path / "folder").mkdir()

    for name, says in (
        ("image", r"is an image.*image/labels/tissue"),
        ("group", "it has no multiscales"),
        ("floats", "holds float32"),
        ("folder", "does not open as a label"),
    ):
        with pytest.raises(ConfigError, match=says):
            exact_chunks(str(tmp_path / name), GRIDS)


def test_without_regions_there_are_no_chunks() -> None:
    assert [(chunks.shape, bool(chunks.any())) for chunks in no_chunks(GRIDS)] == [
        (grid.chunk_grid, False) for grid in GRIDS
    ]
