"""Slides converted without loss beside OpenSlide on their sources: equal pixels and properties."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from openslide import OpenSlide

from numcodecs_neural.converters import cli
from numcodecs_neural.slide import OmeZarrSlide
from tests.annotations import FindFile, Image, Rng

WIDTH, HEIGHT, TILE = 960, 720, 240
REDUCTIONS = (1, 2, 4)
APERIO = (
    "Aperio Image Library v12.0.15\r\n960x720 [0,0 960x720] (240x240) JPEG/RGB Q=90"
    "|AppMag = 20|MPP = 0.4990"
)
# They describe the file itself, which is another one.
OF_THE_FILE = ("openslide.vendor", "tile-height", "tile-width")

Archived = Callable[[Path], Path]


@pytest.fixture(scope="module")
def svs(tissue: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file like Aperio's, of JPEG tiles, whose levels are smaller by whole factors."""
    path = tmp_path_factory.mktemp("source") / "generated.svs"
    whole = np.concatenate([tissue, tissue[:, :, ::-1]], axis=2)
    whole = np.concatenate([whole, whole[:, ::-1]], axis=1)[:, :HEIGHT, :WIDTH]
    slide = np.ascontiguousarray(np.moveaxis(whole, 0, -1))
    tiles: dict[str, Any] = {
        "tile": (TILE, TILE),
        "compression": "jpeg",
        "compressionargs": {"level": 90},
        "metadata": None,
        "photometric": "rgb",
        "description": APERIO,
    }
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(slide, **tiles)
        tiff.write(slide[::10, ::10], description=APERIO, photometric="rgb", metadata=None)
        for reduction in REDUCTIONS[1:]:
            tiff.write(np.ascontiguousarray(slide[::reduction, ::reduction]), **tiles)
    return path


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Archived:
    """Return a function that converts a slide without loss."""

    def convert(source: Path) -> Path:
        target = tmp_path_factory.mktemp("archive") / f"{source.stem}.ome.zarr"
        assert cli.main([str(source), "-o", str(target), "--archive", "--label", "-q"]) == 0
        return target

    return convert


@pytest.fixture(scope="module")
def store(svs: Path, archived: Archived) -> Path:
    return archived(svs)


@pytest.mark.parametrize("level", range(len(REDUCTIONS)))
def test_regions_on_whole_pixels_are_equal(level: int, store: Path, svs: Path, rng: Rng) -> None:
    with OmeZarrSlide(store) as ours, OpenSlide(svs) as theirs:
        assert ours.level_downsamples == theirs.level_downsamples
        compare(ours, theirs, level, 1000, rng, step=REDUCTIONS[level])


def test_what_both_say_of_the_slide_is_equal(store: Path, svs: Path) -> None:
    with OmeZarrSlide(store) as ours, OpenSlide(svs) as theirs:
        both = {*ours.properties} & {*theirs.properties}
        both = {name for name in both if not name.endswith(OF_THE_FILE)}

        assert {name: ours.properties[name] for name in both} == {
            name: theirs.properties[name] for name in both
        }
        assert {"openslide.mpp-x", "openslide.objective-power", "aperio.MPP"} <= both


@pytest.mark.parametrize("downsample", [0.5, 1, 1.9, 2, 3, 4, 40])
def test_the_best_level_is_equal(downsample: float, store: Path, svs: Path) -> None:
    with OmeZarrSlide(store) as ours, OpenSlide(svs) as theirs:
        expected = theirs.get_best_level_for_downsample(downsample)

        assert ours.get_best_level_for_downsample(downsample) == expected


def test_between_pixels_the_nearest_stands_for_the_mean(store: Path, svs: Path) -> None:
    with OmeZarrSlide(store) as ours, OpenSlide(svs) as theirs:
        left = np.asarray(ours.read_region((100, 100), 1, (64, 64)), int)
        found = np.asarray(ours.read_region((101, 100), 1, (64, 64)), int)
        right = np.asarray(ours.read_region((102, 100), 1, (64, 64)), int)
        mean = np.asarray(theirs.read_region((101, 100), 1, (64, 64)), int)

    np.testing.assert_array_equal(found, right)
    assert np.abs(mean - (left + right) / 2).max() <= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["CMU-1-Small-Region.svs", "TCGA-CR-7395-01A-01-TS1.svs"], ids=["jpeg", "jpeg 2000"]
)
def test_a_real_slide_has_equal_regions(
    name: str, shared_slide: FindFile, archived: Archived, rng: Rng
) -> None:
    source = shared_slide(f"aperio-svs/{name}")

    with OmeZarrSlide(archived(source)) as ours, OpenSlide(source) as theirs:
        compare(ours, theirs, 0, 1000, rng)


def compare(
    ours: OmeZarrSlide, theirs: OpenSlide, level: int, count: int, rng: Rng, *, step: int = 1
) -> None:
    """Compare random rectangles inside, across and beyond the borders."""
    width, height = theirs.level_dimensions[level]
    for _ in range(count):
        # Left of the image and above it, OpenSlide rounds to whole pixels itself.
        x, y = (
            at * step + (int(rng.integers(step)) if at < 0 else 0)
            for at in map(int, (rng.integers(-100, end + 100) for end in (width, height)))
        )
        size = int(rng.integers(1, 300)), int(rng.integers(1, 300))
        found = np.asarray(ours.read_region((x, y), level, size))
        expected = np.asarray(theirs.read_region((x, y), level, size))
        np.testing.assert_array_equal(found, expected, err_msg=f"{x}, {y}, {level}, {size}")
