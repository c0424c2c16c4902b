"""Speed of a conversion, beside encoding the same chunks of all levels from memory.

An ordinary test by default, on a small slide. Measured, on a generated slide of 6,000 x 6,000
pixels without glass, with reduced levels as scanners write them, and with two workers, by

    pytest tests/benchmarks/test_convert_speed.py --benchmark-enable -s

in a process of its own. Both take turns, round by round, so that whatever else the machine does
slows both.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural import config
from numcodecs_neural.converters.geometry.downsample import halve_again, halve_pixels, to_pixels
from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.options import CHUNK_PX, ConvertOptions
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.sources import open_source
from tests.annotations import Image, ReadFiles
from tests.converters.slides.generate import write_slide

WORKERS = 2
SIDE_PX, SMALL_PX = 6000, 700
ROUNDS = 3
LEAST_RATIO = 0.85


@pytest.fixture(autouse=True)
def as_many_threads_as_workers() -> Iterator[None]:
    with (
        config.set(device="numpy", threads=WORKERS),
        zarr.config.set({"async.concurrency": WORKERS, "threading.max_workers": WORKERS}),
    ):
        yield


@dataclass(frozen=True)
class Seconds:
    """What something took."""

    wall: float
    cpu: float


def test_converting_takes_little_longer_than_encoding(
    tmp_path: Path, files_of: ReadFiles, *, is_measured: bool
) -> None:
    slide, store, copy = tmp_path / "slide.svs", tmp_path / "store", tmp_path / "copy"
    write_slide(slide, SIDE_PX if is_measured else SMALL_PX, levels=3, is_all_tissue=True)
    if is_measured:
        converted(slide, store)  # compiles, and loads weights
    levels = levels_of(slide)

    rounds = []
    for _ in range(ROUNDS if is_measured else 1):
        conversion = timed(converted, slide, store)
        rounds.append((conversion, timed(encoded, emptied(store, copy, len(levels)), levels)))

    # The same chunks indeed, to the last byte.
    for level in range(len(levels)):
        written = files_of(store / str(level))
        assert written == files_of(copy / str(level))
        assert len(written) > 1
    if is_measured:
        report(rounds, sum(level[0].size for level in levels) / 1e6)
        assert ratio(rounds) >= LEAST_RATIO


def converted(slide: Path, store: Path) -> None:
    """Convert the slide as the command line would."""
    with closing(open_source(slide)) as source:
        options = ConvertOptions(codec="neural", workers=WORKERS, overwrite=True)
        convert(source, str(store), options)


def levels_of(slide: Path) -> list[Image]:
    """Return the original pixels of all levels, (c, y, x), reduced as the converter does."""
    with closing(open_source(slide)) as source:
        height, width = source.info.shape
        pixels = source.read_region(Region(0, 0, height, width))
    levels = [np.ascontiguousarray(np.moveaxis(pixels, -1, 0))]
    reduced = halve_pixels(levels[0])
    levels.append(to_pixels(reduced))
    while max(levels[-1].shape) > CHUNK_PX:
        reduced = halve_again(reduced)
        levels.append(to_pixels(reduced))
    return levels


def emptied(store: Path, copy: Path, levels: int) -> list[zarr.Array[Any]]:
    """Return new arrays like those of a store, with nothing in them."""
    shutil.rmtree(copy, ignore_errors=True)
    for level in range(levels):
        (copy / str(level)).mkdir(parents=True)
        shutil.copy(store / str(level) / "zarr.json", copy / str(level) / "zarr.json")
    return [zarr.open_array(copy / str(level), mode="r+") for level in range(levels)]


def encoded(arrays: list[zarr.Array[Any]], levels: list[Image]) -> None:
    """Write all levels shard by shard, from threads."""
    with ThreadPoolExecutor(WORKERS) as pool:
        for array, level in zip(arrays, levels, strict=True):
            assert array.shards is not None
            side = array.shards[-1]
            corners = [
                (slice(None), slice(y, y + side), slice(x, x + side))
                for y in range(0, level.shape[1], side)
                for x in range(0, level.shape[2], side)
            ]
            list(pool.map(lambda place, a=array, p=level: a.__setitem__(place, p[place]), corners))


def timed(work: Callable[..., None], *arguments: Any) -> Seconds:
    wall, cpu = time.perf_counter(), time.process_time()
    work(*arguments)
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def ratio(rounds: list[tuple[Seconds, Seconds]]) -> float:
    """Return the speed of converting over that of encoding: the median of the rounds."""
    return median(encoding.wall / conversion.wall for conversion, encoding in rounds)


def report(rounds: list[tuple[Seconds, Seconds]], megapixels: float) -> None:
    conversion, encoding = zip(*rounds, strict=True)
    cpu = median(e.cpu / c.cpu for c, e in rounds)
    print(
        f"\n{megapixels:.0f} Mpx of all levels, {WORKERS} workers, median of {len(rounds)}: "
        f"converting {megapixels / median(c.wall for c in conversion):.1f} Mpx/s, encoding "
        f"{megapixels / median(e.wall for e in encoding):.1f} Mpx/s; ratio {ratio(rounds):.2f} "
        f"({', '.join(f'{e.wall / c.wall:.2f}' for c, e in rounds)}), of CPU time {cpu:.2f}"
    )
