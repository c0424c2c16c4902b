"""Real slides to archives and back, where the shared data stand beside the checkout."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from numcodecs_neural.converters.restore.run import restore
from tests.annotations import FindFile, Rng
from tests.converters.restore.slide_files import archive, tile_coefficients
from tests.jpeg.streams import equal

REGIONS = 1000
# With its file as the restored one is called, and how large that may be.
SLIDES = [
    ("aperio-svs/CMU-1-Small-Region.svs", "again.svs"),
    ("tiled-tiff/CMU-1-Small-Region.jpeg.tiff", "again.tif"),
    ("ome-tiff/OS-2-ndpi.ome.tif", "again.tif"),
    ("hamamatsu-ndpi/test3-DAPI-2-387.ndpi", "again.tif"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "output"), SLIDES, ids=lambda value: Path(value).name)
def test_a_slide_comes_back_with_every_pixel(
    shared_slide: FindFile, tmp_path: Path, name: str, output: str
) -> None:
    slide = shared_slide(name)

    restore(archive(slide, tmp_path / "store"), tmp_path / output)

    with tifffile.TiffFile(slide) as one, tifffile.TiffFile(tmp_path / output) as again:
        for level in again.series[0].levels:
            found = next(own for own in one.series[0].levels if own.shape == level.shape)
            np.testing.assert_array_equal(level.asarray(), found.asarray())
        assert level_nbytes(again) <= 1.05 * level_nbytes(one)


def level_nbytes(tiff: tifffile.TiffFile) -> int:
    """Return the bytes of the tiles of level 0."""
    page: Any = tiff.series[0].levels[0].keyframe
    return sum(page.databytecounts)


@pytest.mark.slow
def test_an_aperio_slide_is_the_same_to_openslide(
    shared_slide: FindFile, tmp_path: Path, rng: Rng
) -> None:
    openslide = pytest.importorskip("openslide", reason="OpenSlide is not installed")
    slide = shared_slide("aperio-svs/CMU-1-Small-Region.svs")
    output = tmp_path / "again.svs"

    restore(archive(slide, tmp_path / "store", label=True, macro=True, confidential=True), output)

    for one, again in zip(tile_coefficients(slide), tile_coefficients(output), strict=True):
        assert equal(one, again)
    with openslide.OpenSlide(slide) as one, openslide.OpenSlide(output) as again:
        # The thumbnail is a new one, and the resolution is stated twice now.
        new = ("openslide.associated.thumbnail", "openslide.quickhash-1", "tiff.")
        for key, value in one.properties.items():
            assert key.startswith(new) or again.properties.get(key) == value, key
        assert set(again.associated_images) == set(one.associated_images)
        width, height = one.dimensions
        for _ in range(REGIONS):
            place = int(rng.integers(width)), int(rng.integers(height))
            size = int(rng.integers(1, 600)), int(rng.integers(1, 600))
            found = again.read_region(place, 0, size).tobytes()
            assert found == one.read_region(place, 0, size).tobytes(), (place, size)
