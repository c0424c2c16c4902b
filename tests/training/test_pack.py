"""A folder as one file: the same pixels, the same bytes every time, within its size."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from numcodecs_neural.errors import SourceError
from numcodecs_neural.training.pack import read_pack, write_pack
from numcodecs_neural.training.sources import load_images


def test_a_pack_holds_the_pixels_of_the_folder(folder: Path, tmp_path: Path) -> None:
    pack = tmp_path / "images.pack"

    count = write_pack(folder, pack, 10, channels=3, seed=0)

    packed, plain = load_images(pack), load_images(folder)
    assert count == 20
    assert len(packed.held_back) == len(plain.held_back)
    for source in ("set0", "set1"):
        digests = [
            sorted(image.tobytes() for image in images.sets[source]) for images in (packed, plain)
        ]
        assert digests[0] == digests[1]


def test_the_same_arguments_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one", "two", "other")]

    for file, seed in zip(files, (3, 3, 4), strict=True):
        write_pack(folder, file, 0.2, channels=3, seed=seed)

    one, two, other = (file.read_bytes() for file in files)
    assert one == two
    assert one != other


def test_a_pack_stays_within_its_size_and_takes_evenly(folder: Path, tmp_path: Path) -> None:
    write_pack(folder, tmp_path / "pack", 0.3, channels=3, seed=0)

    sets = read_pack(tmp_path / "pack").sets
    assert 0.2e6 < (tmp_path / "pack").stat().st_size <= 0.3e6
    assert abs(len(sets["set0"]) - len(sets["set1"])) <= 2


def test_grey_of_16_bits_is_packed_without_loss(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    images = [rng.integers(0, 60_000, (130, 600)).astype(np.uint16) for _ in range(2)]
    (tmp_path / "cells").mkdir()
    for number, image in enumerate(images):
        imagecodecs.imwrite(tmp_path / "cells" / f"{number}.png", image)

    count = write_pack(tmp_path, tmp_path / "pack", 10, channels=1, seed=0)

    packed = read_pack(tmp_path / "pack")
    tiles = [*packed.held_back, *packed.sets["cells"]]
    assert count == 2  # what is left at the right is narrower than a crop
    assert {tile.tobytes() for tile in tiles} == {image[:, :512].tobytes() for image in images}


def test_a_damaged_pack_is_refused(folder: Path, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    write_pack(folder, pack, 1, channels=3, seed=0)
    content = bytearray(pack.read_bytes())
    content[5000] ^= 255
    pack.write_bytes(content)

    with pytest.raises(SourceError, match="pack is no pack of images, or damaged"):
        load_images(pack)


def test_a_pack_without_room_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no image below .* fits into a pack of 0.001 MB"):
        write_pack(folder, tmp_path / "pack", 0.001, channels=3, seed=0)

    assert list(tmp_path.iterdir()) == []
