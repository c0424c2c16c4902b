"""Batches of patches: their pixels, chunks decoded once, and workers of a DataLoader."""

import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numcodecs_neural.codec import NeuralImage
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.slide import OmeZarrSlide, PatchReader, SlideError
from tests.annotations import Image, Rng
from tests.slide.conftest import OWN_CODEC, WriteSlide

torch = pytest.importorskip("torch", reason="torch is not installed")


@pytest.fixture
def patches(store: Path) -> PatchReader:
    return PatchReader(store)


def test_patches_are_slices(patches: PatchReader, levels: list[Image], rng: Rng) -> None:
    xs, ys = rng.integers(0, 236, 40), rng.integers(0, 186, 40)

    found = patches.read(0, xs, ys, 64)

    assert found.shape == (40, 3, 64, 64)
    assert found.dtype == np.dtype(np.uint8)
    for patch, x, y in zip(found, xs, ys, strict=True):
        np.testing.assert_array_equal(patch, levels[0][:, y : y + 64, x : x + 64])


@pytest.mark.parametrize("level", range(4))
def test_places_mean_what_they_mean_in_a_slide(
    level: int, levels: list[Image], write_slide: WriteSlide, rng: Rng
) -> None:
    path = write_slide(levels)
    xs, ys = rng.integers(-60, 320, 20), rng.integers(-60, 270, 20)

    with PatchReader(path, outside=7) as patches, OmeZarrSlide(path) as slide:
        found = patches.read(level, xs, ys, 48)

        for patch, x, y in zip(found, xs, ys, strict=True):
            region = np.asarray(slide.read_region((x, y), level, (48, 48)))
            inside = region[..., 3] > 0
            expected = np.where(inside, np.moveaxis(region[..., :3], -1, 0), 7)
            np.testing.assert_array_equal(patch, expected)


def test_each_chunk_of_a_batch_is_decoded_once(
    levels: list[Image], write_slide: WriteSlide, monkeypatch: pytest.MonkeyPatch
) -> None:
    patches = PatchReader(write_slide([levels[1]], **OWN_CODEC))
    decoded = []
    decode = NeuralImage.decode_parsed

    def recorded(self: NeuralImage, chunk: Any) -> Any:
        decoded.append(threading.get_ident())
        return decode(self, chunk)

    monkeypatch.setattr(NeuralImage, "decode_parsed", recorded)
    for _ in range(2):
        patches.read(0, [0, 10, 70, 90], [0, 5, 0, 60], 50)

    assert len(decoded) == 5


def test_no_patches_are_an_empty_array(patches: PatchReader) -> None:
    assert patches.read(0, [], [], 32).shape == (0, 3, 32, 32)


@pytest.mark.parametrize(
    ("xs", "ys", "size", "says"),
    [([1, 2], [1], 8, "2 xs, 1 ys"), ([1], [1], 0, "size of at least 1")],
    ids=["places", "size"],
)
def test_a_batch_that_does_not_fit_together_is_refused(
    xs: list[int], ys: list[int], size: int, says: str, patches: PatchReader
) -> None:
    with pytest.raises(ConfigError, match=says):
        patches.read(0, xs, ys, size)


def test_a_level_that_is_not_there_is_an_error(patches: PatchReader) -> None:
    with pytest.raises(SlideError, match="no level 4"):
        patches.read(4, [0], [0], 8)


def test_a_colour_beyond_eight_bits_is_refused(store: Path) -> None:
    with pytest.raises(ConfigError, match="outside is 256"):
        PatchReader(store, outside=256)


def test_patches_pickle(patches: PatchReader) -> None:
    with pickle.loads(pickle.dumps(patches)) as copy:
        np.testing.assert_array_equal(copy.read(1, [3], [4], 9), patches.read(1, [3], [4], 9))


def test_patches_come_as_a_tensor(patches: PatchReader) -> None:
    found = patches.read_torch(0, [3], [4], 9, device="cpu")

    assert found.dtype == torch.uint8
    np.testing.assert_array_equal(found.numpy(), patches.read(0, [3], [4], 9))


def test_a_data_set_has_patches_by_number(patches: PatchReader) -> None:
    from numcodecs_neural.slide import PatchDataset

    data = PatchDataset(patches, 0, [3, 50], [4, 60], 16, transform=lambda patch: patch.float())

    assert len(data) == 2
    assert data[1].dtype == torch.float32
    np.testing.assert_array_equal(data[1].numpy(), patches.read(0, [50], [60], 16)[0])


def test_a_data_set_of_uneven_places_is_refused(patches: PatchReader) -> None:
    from numcodecs_neural.slide import PatchDataset

    with pytest.raises(ConfigError, match="1 xs and 2 ys"):
        PatchDataset(patches, 0, [1], [1, 2], 8)


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_workers_of_a_loader_read_what_the_parent_has_open(
    start: str, patches: PatchReader, levels: list[Image]
) -> None:
    from numcodecs_neural.slide import PatchDataset

    xs, ys = list(range(0, 200, 25)), list(range(0, 160, 20))
    patches.read(0, xs, ys, 64)
    data = PatchDataset(patches, 0, xs, ys, 64)

    loader = torch.utils.data.DataLoader(
        data, batch_size=4, num_workers=2, multiprocessing_context=start
    )
    found = torch.cat(list(loader)).numpy()

    expected = [levels[0][:, y : y + 64, x : x + 64] for x, y in zip(xs, ys, strict=True)]
    np.testing.assert_array_equal(found, np.stack(expected))
    np.testing.assert_array_equal(patches.read(0, xs, ys, 64), found)
