"""Which levels a store has, in which chunks, and which of them are exact."""

from typing import Any

import pytest

from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.levels import plan_store_levels
from numcodecs_neural.converters.sources import JpegTiles
from numcodecs_neural.errors import ConfigError
from tests.converters.conftest import slide_info

SHAPES = ((5000, 9000), (1250, 2250), (312, 562))
NOT_JPEG = JpegTiles(reason="its pixels are not JPEG")


class Tiled:
    """A slide of three levels, of which only its structure is known."""

    def __init__(self, *levels: JpegTiles) -> None:
        self.info = slide_info(level_shapes=SHAPES[: len(levels)])
        self._levels = levels

    def jpeg_tiles(self, level: int = 0) -> JpegTiles:
        return self._levels[level]


def tiles(height: int, width: int, unit: int = 8) -> JpegTiles:
    rows, columns = -(-SHAPES[0][0] // height), -(-SHAPES[0][1] // width)
    return JpegTiles(tile=(height, width), unit=(unit, unit), grid=(rows, columns))


def planned(source: Any, **options: Any) -> list[tuple[int, str]]:
    levels = plan_store_levels(source, ConvertOptions(**options))
    return [(level.grid.chunk_px, level.coding) for level in levels]


@pytest.mark.parametrize(
    ("its", "chunk_px"),
    [
        pytest.param(tiles(240, 240), 480, id="Aperio"),
        pytest.param(tiles(256, 256, 16), 512, id="tiles of 256"),
        pytest.param(tiles(512, 512), 512, id="tiles of 512"),
        pytest.param(tiles(1024, 1024), 512, id="parts of tiles of 1024"),
        pytest.param(tiles(8, 1024), 512, id="pieces of NDPI in several columns"),
        pytest.param(tiles(300, 300, 4), 1200, id="a multiple of 16"),
    ],
)
def test_chunks_are_whole_tiles_of_about_512_pixels(its: JpegTiles, chunk_px: int) -> None:
    assert its.fits(chunk_px)
    assert planned(Tiled(its))[0] == (chunk_px, "jpeg")


def test_each_level_has_chunks_of_its_own() -> None:
    found = planned(Tiled(tiles(240, 240), tiles(256, 256), tiles(512, 512)))

    assert found == [(480, "jpeg"), (512, "jpeg"), (512, "jpeg"), (512, "lossy")]


def test_levels_end_before_the_first_that_cannot_be_kept() -> None:
    found = planned(Tiled(tiles(512, 512), NOT_JPEG, tiles(512, 512)))

    assert [coding for _, coding in found] == ["jpeg", *["lossy"] * 5]


def test_slides_that_are_not_jpeg_are_reduced_as_by_the_neural_codec() -> None:
    source = Tiled(NOT_JPEG, tiles(512, 512))

    assert planned(source) == planned(source, codec="neural") == [(512, "lossy")] * 6


def test_shards_that_are_asked_for_hold_whole_chunks() -> None:
    source = Tiled(tiles(240, 240))

    assert planned(source, shard_px=1440)[0] == (480, "jpeg")
    assert planned(source, shard_px=720)[0] == (720, "jpeg")
    assert planned(source, shard_px=2048)[0] == (512, "lossy")
    assert planned(Tiled(NOT_JPEG), shard_px=720)[0] == (240, "lossy")


def test_tiles_that_no_chunk_holds_are_coded_with_loss() -> None:
    (level, *_) = plan_store_levels(Tiled(tiles(5000, 2056)), ConvertOptions())

    assert level.coding == "lossy"
    assert level.why == "its JPEG tiles have 2056 x 5000 pixels, which no chunk up to 2048 holds"


def test_an_archive_has_all_levels_whatever_they_are() -> None:
    source = Tiled(tiles(512, 512), NOT_JPEG, tiles(240, 240))

    assert planned(source, archive=True) == [(512, "jpeg"), (512, "lossless"), (480, "jpeg")]


def test_an_archive_refuses_chunks_and_shards_that_cut_tiles() -> None:
    source = Tiled(tiles(512, 512), tiles(240, 240))

    with pytest.raises(ConfigError, match="level 1 of slide cannot be kept exactly: its JPEG"):
        planned(source, archive=True, chunk_px=512)
    with pytest.raises(ConfigError, match="which shards of 2048 cut: leave shard out"):
        planned(source, archive=True, shard_px=2048)


def test_options_of_the_pyramid_come_before_the_slide_s_own_levels() -> None:
    source = Tiled(tiles(512, 512), tiles(512, 512))

    assert [coding for _, coding in planned(source, levels=3)] == ["jpeg", "lossy", "lossy"]
    assert len(planned(source, downsample=4)) == 4
    assert planned(source, use_existing_levels=True) == [(512, "jpeg")] * 2
