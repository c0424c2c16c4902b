"""The fingerprint: what makes another store changes it, and nothing else does."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from numcodecs_neural.converters.codecs import codec_for
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline import fingerprint
from numcodecs_neural.converters.pipeline.fingerprint import fingerprint_of
from numcodecs_neural.converters.pipeline.plan import plan_conversion
from numcodecs_neural.converters.sources import Channel, Compression, SlideInfo
from tests.converters.conftest import slide_info

PLAIN = ConvertOptions(workers=2)
INFO = slide_info(level_shapes=((80, 90),), mpp=(0.5, 0.5), size_bytes=7000)
STORED: dict[str, Any] = {
    "codec": "jpegxl",
    "model": "he-perceptual",
    "quality": 61,
    "target_psnr": 38,
    "chunk_px": 256,
    "shard_px": 512,
    "levels": 2,
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
}
NOT_STORED: dict[str, Any] = {
    "workers": 3,
    "scheduler": "tcp://host:8786",
    "overwrite": True,
    "resume": True,
}
DESCRIBED: dict[str, Any] = {
    "name": "other",
    "level_shapes": ((80, 91),),
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
}


def digest(options: ConvertOptions = PLAIN, info: SlideInfo = INFO, picture: bytes = b"") -> str:
    found: str = fingerprint_of(info, options, codec_for(options), picture)
    return found


@pytest.mark.parametrize("name", STORED)
def test_an_option_that_changes_the_store_changes_the_fingerprint(name: str) -> None:
    assert digest(replace(PLAIN, **{name: STORED[name]})) != digest()


@pytest.mark.parametrize("name", NOT_STORED)
def test_who_does_the_work_does_not_change_the_fingerprint(name: str) -> None:
    assert digest(replace(PLAIN, **{name: NOT_STORED[name]})) == digest()


@pytest.mark.parametrize("name", DESCRIBED)
def test_another_slide_changes_the_fingerprint(name: str) -> None:
    assert digest(info=replace(INFO, **{name: DESCRIBED[name]})) != digest()


def test_quality_beside_a_psnr_does_not_change_the_fingerprint(array_source: Any) -> None:
    chosen = replace(PLAIN, target_psnr=38)
    plan, other = (plan_conversion(array_source, replace(chosen, quality=q)) for q in (40, 60))

    assert plan.fingerprint == other.fingerprint
    assert plan.fingerprint != plan_conversion(array_source, PLAIN).fingerprint


def test_the_content_of_the_picture_of_tissue_counts_and_its_place_does_not() -> None:
    here, there = (replace(PLAIN, tissue=path) for path in ("a/mask.png", "b/mask.png"))

    assert digest(here, picture=b"one") == digest(there, picture=b"one")
    assert digest(here, picture=b"one") != digest(here, picture=b"other")


def test_stores_of_other_arithmetic_are_not_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest()
    monkeypatch.setattr(fingerprint, "_PIXELS", 1)

    assert digest() != before


def test_weights_of_the_same_name_are_told_apart() -> None:
    codec = codec_for(PLAIN)
    other = replace(codec, parameters=codec.parameters | {"weights": "0" * 16})

    assert fingerprint_of(INFO, PLAIN, codec) != fingerprint_of(INFO, PLAIN, other)


def test_every_option_is_in_a_test_above() -> None:
    assert {*STORED, *NOT_STORED} == {field.name for field in fields(ConvertOptions)}
    assert set(DESCRIBED) == {field.name for field in fields(SlideInfo)}
