"""Zips as people make them of stores: compressed, with a folder around, with files beside."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from numcodecs_neural import NeuralImageCodec
from numcodecs_neural.slide import OmeZarrSlide
from numcodecs_neural.stores.info import store_facts
from numcodecs_neural.stores.verify import verify
from tests.foreign.zoo import ANIMALS, Animal, pack, store_of

OURS = {"serializer": NeuralImageCodec(max_error=0), "compressors": None}
STORES = {
    "of others": ANIMALS["not compressed"],
    "of others, with shards": ANIMALS["shards"],
    "ours": Animal(array={"chunks": (3, 32, 32), **OURS}),
    "ours, with shards": Animal(array={"chunks": (3, 16, 16), "shards": (3, 48, 32), **OURS}),
}


@pytest.mark.parametrize("animal", STORES.values(), ids=STORES)
@pytest.mark.parametrize(
    ("compression", "top"),
    [(zipfile.ZIP_STORED, "a.zarr/"), (zipfile.ZIP_DEFLATED, "")],
    ids=["in a folder", "deflated"],
)
def test_all_zips_of_a_store_read_alike(
    animal: Animal, compression: int, top: str, tmp_path: Path
) -> None:
    levels = store_of(animal, tmp_path / "a.zarr")
    pack(tmp_path / "a.zarr", tmp_path / "a.ozx", compression=compression, top=top)

    with OmeZarrSlide(tmp_path / "a.ozx") as slide:
        region = np.asarray(slide.read_region((0, 0), 0, slide.dimensions))
    report, unpacked = verify(tmp_path / "a.ozx"), verify(tmp_path / "a.zarr")

    np.testing.assert_array_equal(region[..., :3], np.moveaxis(levels[0], 0, -1))
    assert report.is_good
    assert report.tally.arrays == unpacked.tally.arrays
    modes = [level.modes for level in store_facts(tmp_path / "a.ozx").levels]
    assert modes == [level.modes for level in store_facts(tmp_path / "a.zarr").levels]
