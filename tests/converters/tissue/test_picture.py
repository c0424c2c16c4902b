"""A tissue mask that somebody drew."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.converters.tissue import Overview, find_tissue
from numcodecs_neural.errors import ConfigError

SLIDE = Overview(np.zeros((50, 75, 3), np.uint8), (400, 600))


def drawn(path: Path, pixels: NDArray[np.generic]) -> str:
    imagecodecs.imwrite(path, pixels)
    return str(path)


@pytest.mark.parametrize("kind", ["grey", "RGB", "RGBA", "label", "jpeg", "16 bit"])
def test_what_is_not_black_is_tissue(kind: str, tmp_path: Path) -> None:
    mask = np.zeros((100, 150), np.uint8)
    mask[20:40, 30:90] = 255
    pictures: dict[str, NDArray[np.generic]] = {
        "grey": mask,
        "jpeg": mask,
        "label": mask // 255,
        "16 bit": mask.astype(np.uint16),
        "RGB": mask[..., None] * np.array([1, 0, 0], np.uint8),
        "RGBA": np.stack([mask, mask, mask, np.full_like(mask, 255)], axis=-1),
    }
    suffix = ".jpg" if kind == "jpeg" else ".png"

    found = find_tissue(SLIDE, drawn(tmp_path / f"mask{suffix}", pictures[kind]))

    wanted = np.zeros((50, 75), bool)
    wanted[10:20, 15:45] = True
    assert (found == wanted).all()


@pytest.mark.parametrize("shape", [(4, 6), (400, 600), (133, 200), (7, 11)])
def test_a_picture_may_have_any_size(shape: tuple[int, int], tmp_path: Path) -> None:
    picture = np.zeros(shape, np.uint8)
    picture[shape[0] // 2, shape[1] // 2] = 1

    found = find_tissue(SLIDE, drawn(tmp_path / "mask.png", picture))

    # Every pixel of the overview that the picture's one pixel touches.
    rows, columns = (np.flatnonzero(found.any(axis)) for axis in (1, 0))
    for indices, size, at, have in zip(
        (rows, columns), (50, 75), (shape[0] // 2, shape[1] // 2), shape, strict=True
    ):
        assert indices[0] == at * size // have
        assert indices[-1] == -(-(at + 1) * size // have) - 1


def test_a_picture_of_other_proportions_is_refused(tmp_path: Path) -> None:
    path = drawn(tmp_path / "mask.png", np.ones((600, 400), np.uint8))

    with pytest.raises(ConfigError, match=r"600 x 400 .* 400 x 600 .* proportions"):
        find_tissue(SLIDE, path)


def test_a_picture_that_is_all_black_is_refused(tmp_path: Path) -> None:
    path = drawn(tmp_path / "mask.png", np.zeros((400, 600), np.uint8))

    with pytest.raises(ConfigError, match="black all over"):
        find_tissue(SLIDE, path)


def test_a_picture_that_is_absent_is_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.png.*threshold, network"):
        find_tissue(SLIDE, str(tmp_path / "nowhere.png"))


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"not a picture")

    with pytest.raises(ConfigError, match=r"mask.png does not open"):
        find_tissue(SLIDE, str(path))
