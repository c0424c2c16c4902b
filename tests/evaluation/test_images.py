"""Images are found, read, moved off the JPEG grid and cut as the tables say."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.evaluation import images


def write_png(path: Path, pixels: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    imagecodecs.imwrite(path, pixels)
    return path


def grey(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 128, np.uint8)


def test_crops_start_off_the_grid(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (32, 32, 3), np.uint8)

    np.testing.assert_array_equal(images.off_grid(image), image[3:, 5:])


def test_reduction_is_the_rounded_mean(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (7, 9, 3), np.uint8)

    expected = np.floor(image[:6, :8].reshape(3, 2, 4, 2, 3).mean((1, 3)) + 0.5)

    np.testing.assert_array_equal(images.halve(image), expected)


def test_reduced_crops_are_off_the_grid_too(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (32, 32, 3), np.uint8)

    np.testing.assert_array_equal(
        images.at_scale(image, "reduced by 2"), images.halve(image[3:, 5:])
    )


@pytest.mark.parametrize(
    ("size", "shape", "count"),
    [
        pytest.param((512, 512), (512, 512), 1, id="one"),
        pytest.param((1021, 1355), (512, 512), 2, id="the rest is left out"),
        pytest.param((1536, 1024), (512, 512), 6, id="several"),
        pytest.param((382, 381), (368, 368), 1, id="smaller image"),
        pytest.param((510, 1100), (496, 512), 2, id="smaller in one axis"),
        pytest.param((16, 31), (16, 16), 1, id="smallest"),
    ],
)
def test_chunks_are_the_largest_that_fit(
    size: tuple[int, int], shape: tuple[int, int], count: int
) -> None:
    found = images.chunks(np.zeros((*size, 3), np.uint8))

    assert [chunk.shape for chunk in found] == [(*shape, 3)] * count


def test_chunks_tile_the_image(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (64, 96, 3), np.uint8)

    a, b, c, d, e, f = images.chunks(image, side=32)

    np.testing.assert_array_equal(np.block([[[a], [b], [c]], [[d], [e], [f]]]), image)


def test_an_image_without_room_for_a_chunk_is_refused() -> None:
    with pytest.raises(SourceError, match="15 x 40 pixels holds no chunk"):
        images.chunks(np.zeros((15, 40, 3), np.uint8))


def test_every_folder_with_images_is_a_set(tmp_path: Path) -> None:
    for name in ("breast/b.png", "breast/a.PNG", "colon/x/c.png"):
        write_png(tmp_path / name, grey(16, 16))
    (tmp_path / "README.md").write_text("not an image")

    breast, colon = images.find_sets([tmp_path])

    assert (breast.name, [path.name for path in breast.paths]) == ("breast", ["a.PNG", "b.png"])
    assert (colon.name, len(colon.paths)) == ("x", 1)


def test_a_file_is_a_set(tmp_path: Path) -> None:
    path = write_png(tmp_path / "tile.png", grey(16, 16))

    assert images.find_sets([path]) == [images.ImageSet(name="tile", paths=(path,))]


def test_pixels_are_read_as_they_are(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (20, 30, 3), np.uint8)

    np.testing.assert_array_equal(images.read_image(write_png(tmp_path / "a.png", pixels)), pixels)


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        pytest.param(np.zeros((16, 16), np.uint8), "shape \\(16, 16\\)", id="grey"),
        pytest.param(np.zeros((16, 16, 4), np.uint8), "shape \\(16, 16, 4\\)", id="alpha"),
        pytest.param(np.zeros((16, 16, 3), np.uint16), "holds uint16", id="16-bit"),
    ],
)
def test_what_is_not_8_bit_rgb_is_refused(
    pixels: NDArray[np.generic], says: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=says):
        images.read_image(write_png(tmp_path / "a.png", pixels))


def test_what_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not a PNG")

    with pytest.raises(SourceError, match=r"a\.png cannot be read"):
        images.read_image(tmp_path / "a.png")


@pytest.mark.parametrize(("name", "says"), [("", "no images below"), ("none", "does not exist")])
def test_where_there_are_no_images_says_so(name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=says):
        images.find_sets([tmp_path / name])
