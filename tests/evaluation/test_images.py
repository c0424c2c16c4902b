"""Images are found, read as they are, and sorted by kind."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.evaluation import images
from numcodecs_neural.evaluation.kinds import GREY, GREY16, RGB
from tests.annotations import Image, Rng


def write_png(path: Path, pixels: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    imagecodecs.imwrite(path, pixels)
    return path


def grey(height: int, width: int) -> Image:
    return np.full((height, width, 3), 128, np.uint8)


def names(image_set: images.ImageSet) -> list[str]:
    return [Path(image.name).name for image in image_set.images]


def test_every_folder_with_images_is_a_set(tmp_path: Path) -> None:
    for name in ("breast/b.png", "breast/a.PNG", "colon/x/c.png"):
        write_png(tmp_path / name, grey(16, 16))
    (tmp_path / "README.md").write_text("not an image")

    breast, colon = images.find_sets([tmp_path])

    assert (breast.name, names(breast)) == ("breast", ["a.PNG", "b.png"])
    assert (colon.name, len(colon.images)) == ("x", 1)


def test_a_file_is_a_set(tmp_path: Path) -> None:
    path = write_png(tmp_path / "tile.png", grey(16, 16))

    (found,) = images.find_sets([path])

    assert (found.name, names(found)) == ("tile", ["tile.png"])


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        pytest.param((20, 30, 3), np.uint8, id="RGB"),
        pytest.param((20, 30), np.uint8, id="grey"),
        pytest.param((20, 30), np.uint16, id="16 bit"),
    ],
)
def test_pixels_are_read_as_they_are(
    shape: tuple[int, ...], dtype: type[np.uint8], tmp_path: Path, rng: Rng
) -> None:
    pixels = rng.integers(0, np.iinfo(dtype).max, shape, dtype)
    path = write_png(tmp_path / "a.png", pixels)

    found = images.ImageFile(path=path).read()

    assert found.dtype == dtype
    np.testing.assert_array_equal(found, pixels.reshape(20, 30, -1))


def test_a_folder_is_sorted_by_kind(tmp_path: Path) -> None:
    write_png(tmp_path / "mixed" / "a.png", np.zeros((16, 16), np.uint16))
    write_png(tmp_path / "mixed" / "b.png", grey(16, 16))
    write_png(tmp_path / "mixed" / "c.png", np.zeros((16, 16), np.uint8))
    write_png(tmp_path / "mixed" / "d.png", grey(16, 16))

    parts, notes = images.sorted_by_kind(images.find_sets([tmp_path])[0])

    assert [(kind, part.name, names(part)) for kind, part in parts] == [
        (RGB, "mixed (RGB)", ["b.png", "d.png"]),
        (GREY, "mixed (grey)", ["c.png"]),
        (GREY16, "mixed (grey, 16 bit)", ["a.png"]),
    ]
    assert notes == []


def test_a_set_of_one_kind_keeps_its_name(tmp_path: Path) -> None:
    write_png(tmp_path / "colon" / "a.png", grey(16, 16))

    ((kind, part),), _ = images.sorted_by_kind(images.find_sets([tmp_path])[0])

    assert (kind, part.name) == (RGB, "colon")


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        pytest.param(np.zeros((16, 16, 4), np.uint8), "shape (16, 16, 4)", id="alpha"),
        pytest.param(np.zeros((16, 16, 3), np.uint16), "holds uint16", id="16-bit RGB"),
    ],
)
def test_other_kinds_are_passed_over_by_name(
    pixels: NDArray[np.generic], says: str, tmp_path: Path
) -> None:
    path = write_png(tmp_path / "a.png", pixels)

    parts, (note,) = images.sorted_by_kind(images.find_sets([path])[0])

    assert parts == []
    assert note.startswith(f"{path} was passed over")
    assert says in note


def test_what_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not a PNG")

    with pytest.raises(SourceError, match=r"a\.png cannot be read"):
        images.ImageFile(path=tmp_path / "a.png").read()


@pytest.mark.parametrize(("name", "says"), [("", "no images below"), ("none", "does not exist")])
def test_where_there_are_no_images_says_so(name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=says):
        images.find_sets([tmp_path / name])
