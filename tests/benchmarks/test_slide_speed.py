"""Speed of random patches of a slide, on eight threads, beside OpenSlide on its source.

An ordinary test by default, on a generated slide. Measured, on the slide of the shared data, by

    pytest tests/benchmarks/test_slide_speed.py --benchmark-enable -s -m slow

in a process of its own. What is reported is CPU time of the process for each patch, since that is
what other work on the machine changes least. All readers take turns, round by round.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray
from openslide import OpenSlide, OpenSlideCache

from numcodecs_neural.converters import cli
from numcodecs_neural.slide import ChunkCache, OmeZarrSlide, PatchReader
from tests.annotations import FindFile

THREADS = 8
SIDE_PX = 256
PATCHES, COLD_PATCHES, BATCH = 512, 32, 32
ROUNDS = 5
SLIDE = "aperio-svs/CMU-1-Small-Region.svs"

Places = list[tuple[int, int]]
ReadAll = Callable[[Places], object]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], dict[str, Path]]:
    """Return a function that converts a slide: exactly, by the learned codec, by JPEG XL."""
    options = {
        "archive": ["--archive"],
        "neural": ["--codec", "neural", "--levels", "1"],
        "jpegxl": ["--codec", "jpegxl", "--quality", "90", "--levels", "1"],
    }

    def convert(source: Path) -> dict[str, Path]:
        folder = tmp_path_factory.mktemp("stores")
        for name, chosen in options.items():
            target = folder / f"{name}.ome.zarr"
            assert cli.main([str(source), "-o", str(target), "-q", *chosen]) == 0
        return {name: folder / f"{name}.ome.zarr" for name in options}

    return convert


@pytest.mark.slow
def test_patch_speed_beside_openslide(
    shared_slide: FindFile,
    stores: Callable[[Path], dict[str, Path]],
    rng: np.random.Generator,
    *,
    is_measured: bool,
) -> None:
    source = shared_slide(SLIDE)
    found = stores(source)
    width, height = OpenSlide(source).dimensions
    xs = rng.integers(0, width - SIDE_PX, PATCHES)
    ys = rng.integers(0, height - SIDE_PX, PATCHES)
    places = [(int(x), int(y)) for x, y in zip(xs, ys, strict=True)]
    if not is_measured:
        places = places[:16]

    readers = {name: (read, places) for name, read in warm_readers(source, found).items()}
    for name, read in cold_readers(source, found).items():
        readers[name] = (read, places[:COLD_PATCHES])
    # Compiles what is compiled, and fills the caches.
    for read, some in readers.values():
        read(some)
    times: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(ROUNDS if is_measured else 1):
        for name, (read, some) in readers.items():
            start = time.process_time()
            read(some)
            times[name].append((time.process_time() - start) / len(some) * 1e3)
    medians = {name: median(values) for name, values in times.items()}

    with OmeZarrSlide(found["archive"]) as ours, OpenSlide(source) as theirs:
        for place in places[:16]:
            size = (SIDE_PX, SIDE_PX)
            assert ours.read_region(place, 0, size) == theirs.read_region(place, 0, size)
    if is_measured:
        for name, value in medians.items():
            print(f"{name:30} {value:8.3f} ms of CPU time a patch")
        print("bytes:", {name: nbytes(folder) for name, folder in found.items()})
        assert medians["slide, exact, warm"] <= medians["openslide, warm"]
        assert medians["patches, exact, warm"] <= medians["openslide, warm"] / 2


def nbytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def warm_readers(source: Path, stores: dict[str, Path]) -> dict[str, ReadAll]:
    """Return readers that hold the slide, decoded, from one round to the next."""
    openslide = OpenSlide(source)
    openslide.set_cache(OpenSlideCache(2**28))
    readers: dict[str, ReadAll] = {"openslide, warm": one_by_one(openslide)}
    for name, kind in (("archive", "exact"), ("neural", "learned")):
        slide = OmeZarrSlide(stores[name])
        patches = PatchReader(stores[name])
        readers[f"slide, {kind}, warm"] = one_by_one(slide)
        readers[f"patches, {kind}, warm"] = in_batches(patches)
    return readers


def cold_readers(source: Path, stores: dict[str, Path]) -> dict[str, ReadAll]:
    """Return readers that keep nothing from one patch to the next, or from batch to batch."""
    openslide = OpenSlide(source)
    openslide.set_cache(OpenSlideCache(0))
    readers: dict[str, ReadAll] = {"openslide, cold": one_by_one(openslide)}
    for name, kind in (("archive", "exact"), ("neural", "learned")):
        slide = OmeZarrSlide(stores[name])
        slide.set_cache(ChunkCache(0))
        readers[f"slide, {kind}, cold"] = one_by_one(slide)
        readers[f"patches, {kind}, cold"] = in_batches(
            PatchReader(stores[name], cache=ChunkCache(0))
        )
    array: Any = zarr.open_group(stores["jpegxl"], mode="r")["0"]
    readers["zarr and JPEG XL, cold"] = through_zarr(array)
    return readers


def one_by_one(slide: OpenSlide | OmeZarrSlide) -> ReadAll:
    def read(place: tuple[int, int]) -> NDArray[np.uint8]:
        return np.asarray(slide.read_region(place, 0, (SIDE_PX, SIDE_PX)))

    return lambda places: on_threads(read, places)


def in_batches(patches: PatchReader) -> ReadAll:
    def read(batch: Places) -> NDArray[np.uint8]:
        return patches.read(0, [x for x, _ in batch], [y for _, y in batch], SIDE_PX)

    return lambda places: on_threads(
        read, [places[first : first + BATCH] for first in range(0, len(places), BATCH)]
    )


def through_zarr(array: Any) -> ReadAll:
    def read(place: tuple[int, int]) -> object:
        x, y = place
        return array[:, y : y + SIDE_PX, x : x + SIDE_PX]

    return lambda places: on_threads(read, places)


def on_threads(read: Callable[..., object], items: Sequence[Any]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(read, items):
            pass
