"""What is read of a folder, what is passed over and why, and what is held back."""

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.training.images import image_paths, planes_of
from numcodecs_neural.training.sources import load_images
from numcodecs_neural.training.split import held_back_of, is_held_back
from tests.annotations import FindFile, Image, Rng

GREY_STACK = np.random.default_rng(1).integers(0, 4000, (40, 48, 64)).astype(np.uint16)


def test_one_image_in_about_sixteen_is_held_back(folder: Path) -> None:
    images = load_images(folder)

    assert sorted(images.sets) == ["set0", "set1"]
    assert sum(map(len, images.sets.values())) + len(images.held_back) == 20
    assert 1 <= len(images.held_back) <= 4


def test_the_name_alone_decides_what_is_held_back() -> None:
    names = [Path(f"{kind}{n}.tif") for kind in ("cell", "lung", "embryo") for n in range(400)]

    share = sum(map(is_held_back, names)) / len(names)

    assert share == pytest.approx(0.25, abs=0.03)
    for name in names[:50]:
        assert is_held_back(name) == is_held_back(Path("elsewhere") / name.with_suffix(".png"))


@pytest.mark.parametrize("name", ["embryo_z{:04}.tif", "film-t{}.tif", "Film_T{:02}.TIF"])
def test_planes_of_a_stack_stay_together(name: str) -> None:
    assert len({is_held_back(Path(name.format(number))) for number in range(30)}) == 1


def test_of_two_files_one_is_held_back_and_of_one_none() -> None:
    paths = [Path("a_5.png"), Path("b_5.png")]

    assert len(held_back_of(paths, one_in=10**9)) == 1
    assert len(held_back_of(paths, one_in=1)) == 1
    assert held_back_of(paths[:1], one_in=1) == frozenset()


def test_a_stack_gives_planes_spread_over_it(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, GREY_STACK, photometric="minisblack")

    planes = planes_of(path, 1)

    assert len(planes) == 16
    assert all(plane.shape == (48, 64, 1) and plane.dtype == np.uint16 for plane in planes)
    np.testing.assert_array_equal(planes[0][..., 0], GREY_STACK[0])
    np.testing.assert_array_equal(planes[-1][..., 0], GREY_STACK[-1])


def test_colour_with_equal_channels_is_grey(tmp_path: Path) -> None:
    grey = GREY_STACK[0].astype(np.uint8)
    imagecodecs.imwrite(tmp_path / "grey.png", np.repeat(grey[..., None], 3, 2))

    (plane,) = planes_of(tmp_path / "grey.png", 1)

    np.testing.assert_array_equal(plane[..., 0], grey)


def test_an_alpha_channel_is_left_out(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 255, (32, 32, 4)).astype(np.uint8)
    imagecodecs.imwrite(tmp_path / "alpha.png", pixels)

    (plane,) = planes_of(tmp_path / "alpha.png", 3)

    np.testing.assert_array_equal(plane, pixels[..., :3])


@pytest.mark.parametrize(
    ("array", "channels", "reason"),
    [
        pytest.param(np.zeros((32, 32), np.float32), 1, "float32 samples", id="float"),
        pytest.param(np.eye(32, dtype=np.uint8), 3, "1 channel", id="grey-for-colour"),
        pytest.param(
            np.arange(3072, dtype=np.uint8).reshape(32, 32, 3),
            1,
            "3 channels",
            id="colour-for-grey",
        ),
    ],
)
def test_other_kinds_are_named(
    tmp_path: Path, array: NDArray[np.generic], channels: int, reason: str
) -> None:
    tifffile.imwrite(tmp_path / "image.tif", array)

    with pytest.raises(SourceError, match=f"^{reason}$"):
        planes_of(tmp_path / "image.tif", channels)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")

    with pytest.raises(SourceError, match="no 8-bit RGB images to train on in"):
        load_images(tmp_path)


def test_what_is_passed_over_is_counted(tmp_path: Path, make_image: Callable[[Rng], Image]) -> None:
    image = make_image(np.random.default_rng(3))
    for number in range(3):
        imagecodecs.imwrite(tmp_path / f"good{number}.png", image)
    imagecodecs.imwrite(tmp_path / "small.png", image[:40].copy())
    imagecodecs.imwrite(tmp_path / "grey.png", image[..., 0].copy())
    (tmp_path / "broken.png").write_bytes(b"no image")

    images = load_images(tmp_path, smallest_px=64)

    assert dict(images.skipped) == {
        "smaller than 64 x 64 pixels": 1,
        "1 channel": 1,
        "not readable": 1,
    }
    assert "skipped: 1 x 1 channel, 1 x not readable, 1 x smaller" in str(images)


def test_grey_images_for_a_colour_model_are_refused_by_what_was_found(tmp_path: Path) -> None:
    for number in range(2):
        imagecodecs.imwrite(tmp_path / f"{number}.png", np.eye(64, dtype=np.uint8))

    with pytest.raises(SourceError, match=r"no 8-bit RGB images .*; found: 2 x 1 channel"):
        load_images(tmp_path)


def test_a_missing_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_images(tmp_path / "nowhere")


def test_microscopy_gives_planes_of_8_and_16_bits_and_keeps_some_aside(
    shared_file: FindFile,
) -> None:
    images = load_images([shared_file("microscopy"), shared_file("xray")], 1, 128)

    planes = [plane for planes in images.sets.values() for plane in planes]
    assert {plane.dtype for plane in planes} == {np.dtype(np.uint8), np.dtype(np.uint16)}
    assert 0.15 < len(images.held_back) / (len(planes) + len(images.held_back)) < 0.35


def test_czi_gives_planes(shared_file: FindFile) -> None:
    pytest.importorskip("czifile", reason="czifile, which reads CZI, is not installed")
    (path,) = (p for p in image_paths(shared_file("microscopy")) if p.suffix == ".czi")

    planes = planes_of(path, 1)

    assert [plane.shape for plane in planes] == [(251, 251, 1)] * 4
