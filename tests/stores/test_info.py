"""What a store says about itself, and what its files say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural.omezarr.coverage import ELIDED, STORED
from numcodecs_neural.stores import info
from numcodecs_neural.stores.info import store_facts
from numcodecs_neural.weights import resolve
from tests.annotations import RunCli
from tests.converters.restore.slide_files import archive, scene, write_slide
from tests.stores.conftest import CHUNK_PX, HEIGHT, SHARD_PX, WIDTH


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize(("version", "shard"), [("0.5", (3, SHARD_PX, SHARD_PX)), ("0.4", None)])
def test_levels_are_told(
    version: str, shard: tuple[int, ...] | None, kept: dict[str, Path]
) -> None:
    facts = store_facts(kept[version])

    level = facts.levels[0]
    assert (facts.version, facts.axes, facts.images) == (version, "cyx", 1)
    assert [one.shape for one in facts.levels] == [
        (3, HEIGHT, WIDTH),
        (3, HEIGHT // 2, WIDTH // 2),
        (3, HEIGHT // 4, WIDTH // 4),
    ]
    assert (level.chunk, level.shard) == ((3, CHUNK_PX, CHUNK_PX), shard)
    # The grey of the slide's glass, which is about (243, 241, 244).
    assert (level.dtype, level.fill_value) == ("uint8", 243)
    assert level.codecs["neural_image"]["model"] == "he-fast-2"
    assert level.codecs["neural_image"]["weights"] == resolve("he-fast-2").sha256
    assert level.codecs["neural_image"]["quality"] == 40


def test_sizes_are_those_of_the_files(kept: dict[str, Path]) -> None:
    facts = store_facts(kept["0.5"])

    level = facts.levels[0]
    assert facts.nbytes == size_of(kept["0.5"])
    assert level.nbytes == size_of(kept["0.5"] / "0")
    assert level.bpp == pytest.approx(8 * level.nbytes / (HEIGHT * WIDTH), abs=1e-4)


def test_elided_area_is_measured_in_pixels(kept: dict[str, Path]) -> None:
    coverage: Any = zarr.open_array(kept["0.5"] / "coverage" / "levels" / "0", mode="r")
    pixels = np.repeat(np.repeat(coverage[...], CHUNK_PX, 0), CHUNK_PX, 1)[:HEIGHT, :WIDTH]

    level = store_facts(kept["0.5"]).levels[0]

    assert level.elided_area == pytest.approx((pixels == ELIDED).mean(), abs=1e-4)
    kept_pixels = int((pixels == STORED).sum())
    assert level.bpp_stored == pytest.approx(8 * level.nbytes / kept_pixels, abs=1e-3)


def test_modes_are_those_of_the_chunks(kept: dict[str, Path]) -> None:
    level = store_facts(kept["0.4"]).levels[0]

    assert level.coverage is not None
    assert level.modes is not None
    assert sum(level.modes.values()) == level.looked_at == level.coverage["stored"]
    assert level.modes["lossy"] > 0


def test_of_large_levels_a_sample_is_looked_at(
    kept: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(info, "SAMPLED_CHUNKS", 5)

    sample, everything = (
        store_facts(kept["0.5"], all_chunks=all_chunks).levels[0] for all_chunks in (False, True)
    )

    assert sample.looked_at == 5
    assert everything.coverage is not None
    assert everything.looked_at == everything.coverage["stored"]


def test_jpeg_chunks_are_told_with_their_coder(tmp_path: Path) -> None:
    slide = write_slide(tmp_path / "slide.tif", scene(96, 160))
    store = archive(slide, tmp_path / "a.ome.zarr")

    facts = store_facts(store)

    modes = facts.levels[0].modes
    assert modes
    assert all(mode.startswith("jpeg coder ") for mode in modes)
    assert facts.history[0]["method"] == "jpeg"


def test_what_the_converter_noted_is_told(kept: dict[str, Path], run: RunCli) -> None:
    code, out, _ = run("info", kept["0.5"])

    assert code == 0
    assert "pixel size: 0.5 x 0.5 micrometres (y, x)" in out
    assert "glass: elide, fill value 243" in out
    assert "lossy history: neural_image at quality 40" in out
    assert "level 0: neural_image model he-fast-2, quality 40; 224 chunks (" in out


def test_several_stores_are_a_list_in_json(kept: dict[str, Path], run: RunCli) -> None:
    one = json.loads(run("info", kept["0.5"], "--json")[1])
    both = json.loads(run("info", kept["0.5"], kept["0.4"], "--json", "--all")[1])

    assert one["location"] == str(kept["0.5"])
    assert [found["version"] for found in both] == ["0.5", "0.4"]


def test_a_store_of_another_codec_is_told_as_far_as_it_is_known(foreign: Path, run: RunCli) -> None:
    facts = store_facts(foreign)

    level = facts.levels[0]
    assert (level.modes, level.coverage, level.elided_area) == (None, None, None)
    assert list(level.codecs) == ["zstd"]
    assert (facts.mpp, facts.glass, facts.history) == (None, None, [])
    assert "pixel size: not known" in run("info", foreign)[1]
