"""The fingerprint: what makes another store changes it, and nothing else does."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numcodecs_neural.converters.codecs import codec_for
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline import fingerprint
from numcodecs_neural.converters.pipeline.fingerprint import fingerprint_of
from numcodecs_neural.converters.pipeline.levels import plan_store_levels
from numcodecs_neural.converters.pipeline.plan import plan_conversion
from numcodecs_neural.converters.sources import Channel, Compression, JpegTiles, SlideInfo
from tests.converters.conftest import slide_info

PLAIN = ConvertOptions(workers=2)
INFO = slide_info(level_shapes=((800, 900),), mpp=(0.5, 0.5), size_bytes=7000)
STORED: dict[str, Any] = {
    "codec": "jpegxl",
    "model": "he-perceptual",
    "quality": 61,
    "tune": "ssim",
    "levels_quality": 50,
    "target_psnr": 38,
    "chunk_psnr": 37,
    "max_error": 0,
    "archive": True,
    "chunk_px": 256,
    "shard_px": 512,
    "levels": 3,
    "downsample": 4,
    "use_existing_levels": True,
    "ome_zarr_version": "0.4",
    "glass": "keep",
    "tissue": "network",
    "margin_um": 49.0,
    "bright_field": "yes",
    "name": "other",
    "label": True,
    "macro": True,
    "confidential": True,
    "embed_weights": True,
}
NOT_STORED: dict[str, Any] = {
    "workers": 3,
    "scheduler": "tcp://host:8786",
    "scratch": "/fast",
    "overwrite": True,
    "resume": True,
}
DESCRIBED: dict[str, Any] = {
    "name": "other",
    "level_shapes": ((800, 901),),
    "mpp": None,
    "history": (Compression(method="jpeg", quality=80),),
    "size_bytes": 7001,
    "dtype": np.dtype(np.uint16),
    "samples": 1,
    "frames": (("z", 2),),
    "channels": (Channel(label="DAPI"),),
    "spacing": {"z": 0.3},
    "magnification": 40.0,
    "significant_bits": 7,
    "series": 1,
    "series_count": 2,
    "icc_profile": b"profile",
    "ome_xml": "<OME/>",
    "description": "Aperio Image Library v12",
}


class Described:
    """A slide of which there is nothing but its description."""

    def __init__(self, info: SlideInfo, tiles: JpegTiles) -> None:
        self.info, self._tiles = info, tiles

    def jpeg_tiles(self, level: int = 0) -> JpegTiles:
        return self._tiles


NOT_JPEG = JpegTiles(reason="its pixels are not JPEG")


def digest(
    options: ConvertOptions = PLAIN, info: SlideInfo = INFO, tiles: JpegTiles = NOT_JPEG
) -> str:
    found: str = plan_conversion(Described(info, tiles), options).fingerprint
    return found


@pytest.mark.parametrize("name", STORED)
def test_an_option_that_changes_the_store_changes_the_fingerprint(name: str) -> None:
    assert digest(replace(PLAIN, **{name: STORED[name]})) != digest()


def test_a_quality_of_jpeg_data_changes_it_where_they_are_kept() -> None:
    coarser = replace(PLAIN, jpeg_quality=90)
    tiles = JpegTiles(tile=(256, 256), unit=(16, 16), grid=(4, 4))

    assert digest(coarser, tiles=tiles) != digest(tiles=tiles)
    assert digest(coarser) == digest()


def test_the_chunks_of_exact_regions_change_it(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("600,10,5,5\n")
    regions = replace(PLAIN, exact_regions=str(path))

    found = {digest(), digest(regions), digest(replace(regions, exact_all_levels=True))}

    assert len(found) == 3


@pytest.mark.parametrize("name", NOT_STORED)
def test_who_does_the_work_does_not_change_the_fingerprint(name: str) -> None:
    assert digest(replace(PLAIN, **{name: NOT_STORED[name]})) == digest()


@pytest.mark.parametrize("name", DESCRIBED)
def test_another_slide_changes_the_fingerprint(name: str) -> None:
    options = replace(PLAIN, codec="zstd")  # which codes them all

    assert digest(options, replace(INFO, **{name: DESCRIBED[name]})) != digest(options)


def test_quality_beside_a_psnr_does_not_change_the_fingerprint(array_source: Any) -> None:
    chosen = replace(PLAIN, target_psnr=38)
    plan, other = (plan_conversion(array_source, replace(chosen, quality=q)) for q in (40, 60))

    assert plan.fingerprint == other.fingerprint
    assert plan.fingerprint != plan_conversion(array_source, PLAIN).fingerprint


def test_the_content_of_the_picture_of_tissue_counts_and_its_place_does_not(tmp_path: Path) -> None:
    pictures = [tmp_path / name for name in ("here.png", "there.png", "other.png")]
    for path, content in zip(pictures, (b"one", b"one", b"other"), strict=True):
        path.write_bytes(content)

    here, there, other = (digest(replace(PLAIN, tissue=str(path))) for path in pictures)

    assert here == there
    assert here != other


def test_stores_of_other_arithmetic_are_not_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest()
    monkeypatch.setattr(fingerprint, "_PIXELS", 1)

    assert digest() != before


def test_weights_of_the_same_name_are_told_apart() -> None:
    codec = codec_for(PLAIN)
    other = replace(codec, parameters=codec.parameters | {"weights": "0" * 16})
    (level, *_) = plan_store_levels(Described(INFO, NOT_JPEG), PLAIN)

    found, of_other = (fingerprint_of(INFO, PLAIN, (level,), (each,)) for each in (codec, other))

    assert found != of_other


def test_options_that_name_what_is_the_default_do_not_change_the_fingerprint() -> None:
    named = replace(PLAIN, codec="neural", chunk_px=512, shard_px=2048, glass="elide", downsample=2)

    assert digest(named) == digest()


def test_levels_that_are_kept_exactly_change_the_fingerprint() -> None:
    tiles = JpegTiles(tile=(256, 256), unit=(16, 16), grid=(4, 4))

    assert digest(tiles=tiles) != digest()
    assert digest(replace(PLAIN, codec="neural"), tiles=tiles) == digest()


def test_every_option_is_in_a_test_above() -> None:
    own_tests = {"jpeg_quality", "exact_regions", "exact_all_levels"}
    assert {*STORED, *NOT_STORED, *own_tests} == {field.name for field in fields(ConvertOptions)}
    assert set(DESCRIBED) == {field.name for field in fields(SlideInfo)}
