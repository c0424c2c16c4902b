"""Verifying: what is damaged or lost is found, what was never stored is none of that."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from numcodecs_neural import NeuralImage
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.format import pack_chunk, unpack_chunk
from numcodecs_neural.omezarr.coverage import ELIDED, STORED
from numcodecs_neural.reading.reader import ImageReader
from numcodecs_neural.stores import checking, progress, resuming
from numcodecs_neural.stores import verify as verifying
from numcodecs_neural.stores.tally import Tally
from numcodecs_neural.stores.verify import verify
from tests.annotations import FreshPython, Image, RunCli
from tests.stores.conftest import CHUNK_PX, Damaged, converted

StoreOf = Callable[[str], Path]
VERSIONS = ["0.5", "0.4"]


def places(store: Path, state: int) -> list[tuple[int, int]]:
    """Return row and column of the chunks of level 0 that are in a state."""
    coverage: Any = zarr.open_array(store / "coverage" / "levels" / "0", mode="r")
    return [(int(row), int(column)) for row, column in np.argwhere(coverage[...] == state)]


def test_a_slide_that_is_all_glass_is_verified(run: RunCli, tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "glass.tif",
        np.full((420, 500, 3), 244, np.uint8),
        tile=(128, 128),
        photometric="rgb",
    )
    store = converted(tmp_path / "glass.tif", tmp_path / "glass.ome.zarr")

    code, out, _ = run("verify", store, "--against", tmp_path / "glass.tif", "--json")
    with ImageReader(store) as image:
        pixels = image.read(2, (slice(None),) * 3)

    assert code == 0
    assert json.loads(out)["kinds"] == {}
    assert len(places(store, ELIDED)) == 14 * 16
    assert (pixels == 244).all()


@pytest.mark.parametrize("version", VERSIONS)
def test_five_damaged_and_three_lost_chunks_are_found_beside_a_hundred_elided_ones(
    version: str, store_of: StoreOf, run: RunCli
) -> None:
    store = store_of(version)
    stored = places(store, STORED)
    damaged, lost = stored[:10:2], stored[10:16:2]
    level = Damaged(store)
    for place in damaged:
        level.damage(*place)
    for place in lost:
        level.lose(*place)

    code, out, _ = run("verify", store, "--json")

    found = json.loads(out)
    assert code == 1
    assert found["kinds"] == {"damaged": 5, "lost": 3}
    told = {
        kind: sorted(
            (problem["row"] // CHUNK_PX, problem["column"] // CHUNK_PX)
            for problem in found["problems"]
            if problem["kind"] == kind and problem["array"] == "level 0"
        )
        for kind in ("damaged", "lost")
    }
    assert told == {"damaged": sorted(damaged), "lost": sorted(lost)}
    assert len(places(store, ELIDED)) >= 100
    assert found["arrays"]["level 0"]["not_stored"] == len(places(store, ELIDED))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_whole_store_is_good(version: str, kept: dict[str, Path], run: RunCli) -> None:
    code, out, _ = run("verify", kept[version], "--workers", 2)

    lines = out.splitlines()
    assert code == 0
    assert lines[0] == f"{kept[version]}: every chunk is whole"
    assert lines[1].startswith("level 0: 224 chunks, ")
    assert any(line.startswith("label 0: ") for line in lines)


def test_a_damaged_chunk_is_told_with_its_place(store_of: StoreOf, run: RunCli) -> None:
    store = store_of("0.4")
    row, column = places(store, STORED)[0]
    Damaged(store).damage(row, column)

    code, out, _ = run("verify", store)

    assert code == 1
    assert out.splitlines()[0].endswith("1 problem: 1 damaged")
    place = f"row {row * CHUNK_PX}, column {column * CHUNK_PX} (chunk 0/{row}/{column})"
    assert f"  level 0, {place}: damaged: chunk is damaged: its CRC-32C is" in out


def test_all_chunks_of_a_lost_shard_are_lost(store_of: StoreOf) -> None:
    store = store_of("0.5")
    (store / "0" / "c" / "0" / "1" / "1").unlink()

    report = verify(store, workers=1)

    inside = [place for place in places(store, STORED) if place[0] // 4 == place[1] // 4 == 1]
    assert report.tally.kinds == {"lost": len(inside)}


def test_a_shard_with_a_damaged_index_is_damaged_in_all_its_chunks(store_of: StoreOf) -> None:
    store = store_of("0.5")
    shard = store / "0" / "c" / "0" / "1" / "1"
    shard.write_bytes(shard.read_bytes()[:-9])

    report = verify(store, workers=1)

    assert report.tally.kinds == {"damaged": 16}
    assert "the index of the shard 0/c/0/1/1 is damaged" in report.tally.problems[0].text


@pytest.mark.parametrize("version", VERSIONS)
def test_a_chunk_where_none_was_stored_is_told(version: str, store_of: StoreOf) -> None:
    store = store_of(version)
    level = Damaged(store)
    row, column = places(store, STORED)[0]
    shard = row // 4, column // 4
    empty = next(
        place for place in places(store, ELIDED) if (place[0] // 4, place[1] // 4) == shard
    )
    level.replace(*empty, level.chunk(row, column))

    report = verify(store, workers=1)

    assert [(problem.kind, problem.row) for problem in report.tally.problems] == [
        ("stray", empty[0] * CHUNK_PX)
    ]


def test_a_chunk_of_another_array_is_damaged(store_of: StoreOf) -> None:
    store = store_of("0.4")
    other = NeuralImage("he-fast").encode(np.full((3, 16, 16), 7, np.uint8))
    Damaged(store).replace(*places(store, STORED)[0], other)

    report = verify(store, workers=1)

    assert report.tally.kinds == {"damaged": 1}
    assert "belongs to another array" in report.tally.problems[0].text


def test_chunks_of_weights_that_are_not_installed_are_told(
    store_of: StoreOf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMCODECS_NEURAL_WEIGHTS", str(tmp_path / "weights"))
    store = store_of("0.5")
    level = Damaged(store)
    place = places(store, STORED)[0]
    chunk = unpack_chunk(level.chunk(*place))
    header = replace(chunk.header, weights_id=bytes(range(1, 9)))
    level.replace(*place, pack_chunk(header, chunk.sections))

    report = verify(store, workers=1)

    assert report.tally.kinds == {"weights": 1}
    assert "numcodecs-neural models install STORE" in report.tally.problems[0].text


def test_a_lost_file_of_the_tissue_label_is_told(store_of: StoreOf) -> None:
    store = store_of("0.4")
    files = [path for path in (store / "labels" / "tissue" / "1").rglob("*") if path.is_file()]
    next(path for path in files if not path.name.startswith(".")).unlink()

    report = verify(store, workers=1)

    assert [(problem.kind, problem.array) for problem in report.tally.problems] == [
        ("lost", "label 1")
    ]


def test_a_lost_ome_xml_is_told(channels: Path) -> None:
    whole = verify(channels, workers=1)
    (channels / "OME" / "METADATA.ome.xml").unlink()

    report = verify(channels, workers=1)

    assert whole.is_good
    assert [(problem.kind, problem.array) for problem in report.tally.problems] == [
        ("lost", "ome_xml")
    ]


def test_a_lost_colour_profile_is_told(store_of: StoreOf) -> None:
    store = store_of("0.5")
    group = zarr.open_group(store, mode="r+")
    block: Any = dict(group.attrs)["numcodecs_neural"]
    group.attrs["numcodecs_neural"] = {**block, "extras": {"icc_profile": "color/icc_profile"}}

    report = verify(store, workers=1)

    assert [(problem.kind, problem.array) for problem in report.tally.problems] == [
        ("lost", "icc_profile")
    ]


def test_a_store_of_another_codec_is_checked_as_far_as_it_can_be(foreign: Path) -> None:
    good = verify(foreign, workers=1)
    file = foreign / "s0" / "0.1.2"
    file.write_bytes(file.read_bytes()[:-40])

    bad = verify(foreign, workers=1)

    assert good.is_good
    its = good.tally.arrays["level 0"]
    assert (its.chunks, its.decoded, its.not_stored) == (6, 5, 1)
    assert [(problem.kind, problem.chunk) for problem in bad.tally.problems] == [
        ("damaged", (0, 1, 2))
    ]


def test_a_file_that_was_cut_off_is_damaged_whatever_its_codec(
    picture: Path, mask: Path, tmp_path: Path
) -> None:
    store = converted(
        picture,
        tmp_path / "raw.ome.zarr",
        codec="none",
        levels=1,
        ome_zarr_version="0.4",
        tissue=str(mask),
    )
    row, column = places(store, STORED)[0]
    file = store / "0" / "0" / str(row) / str(column)
    file.write_bytes(file.read_bytes()[:100])

    report = verify(store, workers=1)

    assert [problem.text for problem in report.tally.problems] == [
        f"it has 100 bytes, and had {3 * CHUNK_PX**2} when the store was finished"
    ]


def test_progress_is_told_with_rate_and_time_left(
    kept: dict[str, Path], run: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_LOG_EVERY_S", 0.0)

    _, _, err = run("verify", kept["0.5"])

    last = err.splitlines()[-1]
    assert re.fullmatch(
        r"(\d+) of \1 chunks \(100.0 %\), [\d.]+ chunks/s, 0 s left, 0 problems", last
    )


class Killed:
    """Lets so many chunks be checked, and then interrupts."""

    def __init__(self, after: int) -> None:
        self.after, self.count = after, 0

    def __call__(self, *arguments: Any) -> checking.CheckedChunk:
        self.count += 1
        if self.count > self.after:
            raise KeyboardInterrupt
        return checking.check_chunk(*arguments)


def test_an_interrupted_run_goes_on_where_it_was(
    store_of: StoreOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, state = store_of("0.5"), tmp_path / "state.json"
    Damaged(store).damage(*places(store, STORED)[0])
    expected = verify(store, workers=1).to_json()
    monkeypatch.setattr(verifying, "check_chunk", Killed(after=170))
    with pytest.raises(KeyboardInterrupt):
        verify(store, resume=state, workers=1)
    is_kept = state.exists()
    counter = Killed(after=10_000)
    monkeypatch.setattr(verifying, "check_chunk", counter)

    found = verify(store, resume=state, workers=1)

    chunks = sum(its["chunks"] for its in expected["arrays"].values())
    assert is_kept
    assert found.to_json() == expected
    assert chunks - 170 <= counter.count < chunks
    assert not state.exists()


def test_a_killed_run_goes_on_where_it_was(store_of: StoreOf, tmp_path: Path) -> None:
    store, state = store_of("0.4"), tmp_path / "state.json"
    Damaged(store).damage(*places(store, STORED)[0])
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from numcodecs_neural.stores import resuming, verify as verifying\n"
        "resuming._EVERY_S, check, seen = 0.0, verifying.check_chunk, []\n"
        "def dying(*arguments):\n"
        "    seen.append(1)\n"
        "    if len(seen) > 200: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return check(*arguments)\n"
        "verifying.check_chunk = dying\n"
        "verifying.verify(sys.argv[1], resume=Path(sys.argv[2]), workers=1)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(store), str(state)], check=False)
    done = json.loads(state.read_text())["done"]

    found = verify(store, resume=state, workers=1)

    assert killed.returncode == -signal.SIGKILL
    assert done >= 1
    assert found.to_json() == verify(store, workers=1).to_json()


def test_a_file_of_another_check_is_refused(
    kept: dict[str, Path], run: RunCli, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    resuming.StateFile(state, "another").write(3, Tally())

    code, _, err = run("verify", kept["0.5"], "--resume", state)

    assert code == 2
    assert "it is about another store" in err
    assert state.exists()


def test_a_file_that_is_no_state_is_refused(kept: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")

    with pytest.raises(ConfigError, match="verify did not write this file"):
        verify(kept["0.5"], resume=tmp_path / "notes.txt")

    assert (tmp_path / "notes.txt").read_text() == "notes"


def test_level_0_is_compared_with_the_slide(
    kept: dict[str, Path], picture: Path, slide: Image, run: RunCli
) -> None:
    code, out, _ = run("verify", kept["0.5"], "--against", picture, "--json")

    found = json.loads(out)
    array: Any = zarr.open_array(kept["0.5"] / "0", mode="r")
    stored = np.zeros(slide.shape[:2], bool)
    for row, column in places(kept["0.5"], STORED):
        stored[row * CHUNK_PX :, column * CHUNK_PX :][:CHUNK_PX, :CHUNK_PX] = True
    difference = np.moveaxis(array[...], 0, -1)[stored].astype(float) - slide[stored]
    assert code == 0
    assert found["psnr_db"]["level 0"] == pytest.approx(
        10 * np.log10(255**2 / np.mean(difference**2)), abs=0.01
    )
    compared = found["compared"]["level 0"]
    assert compared["largest_error"] == np.abs(difference).max()
    assert compared["chunks"] == len(places(kept["0.5"], STORED))
    worst = [chunk["psnr_db"] for chunk in compared["worst"]]
    assert worst == sorted(worst)
    assert 0.5 < found["ssim"]["level 0"] < 1
    assert found["not_compared"] == [1, 2]


def test_another_store_is_compared_at_all_levels(kept: dict[str, Path]) -> None:
    report = verify(kept["0.5"], against=kept["0.4"], workers=1)

    assert report.is_good
    assert report.not_compared == []
    assert set(report.psnr_db) == {"level 0", "level 1", "level 2"}


def test_a_chunk_that_was_to_be_exact_and_is_not_is_told(picture: Path, tmp_path: Path) -> None:
    store = converted(picture, tmp_path / "exact.ome.zarr", max_error=0, levels=1)
    whole = verify(store, against=picture, workers=1)
    level, codec = Damaged(store), NeuralImage("exact")
    pixels = np.asarray(codec.decode(level.chunk(4, 5))).copy()
    pixels[1, 3, 4] ^= 4
    level.replace(4, 5, codec.encode(pixels))

    report = verify(store, against=picture, workers=1)

    assert whole.is_good
    assert whole.tally.compared["level 0"].exact == 224
    assert [(problem.kind, problem.row) for problem in report.tally.problems] == [
        ("not exact", 4 * CHUNK_PX)
    ]
    assert report.tally.problems[0].text == "it was to be exact, and a sample differs by 4"


def test_painted_glass_is_not_compared(picture: Path, mask: Path, tmp_path: Path) -> None:
    store = converted(
        picture,
        tmp_path / "flat.ome.zarr",
        glass="flatten",
        codec="zstd",
        levels=1,
        tissue=str(mask),
    )

    report = verify(store, against=picture, workers=1)

    assert report.is_good
    assert report.psnr_db == {"level 0": None}


def test_lost_coverage_is_told(store_of: StoreOf, run: RunCli) -> None:
    store = store_of("0.4")
    shutil.rmtree(store / "coverage" / "levels" / "1")

    code, out, _ = run("verify", store)

    assert code == 1
    assert "\n  coverage 1: lost: it is not there, and tells what was lost from" in out


def test_channels_are_compared_one_by_one(channels: Path) -> None:
    report = verify(channels, against=channels.parent / "cells.ome.tif", workers=1)

    assert report.is_good
    assert report.psnr_db == {"level 0": None}
    assert report.tally.compared["level 0"].exact == report.tally.arrays["level 0"].chunks == 18


def test_a_source_of_another_size_is_wrong_usage(
    kept: dict[str, Path], run: RunCli, tmp_path: Path, slide: Image
) -> None:
    from PIL import Image as Pictures

    Pictures.fromarray(slide[:-1]).save(tmp_path / "other.png")

    code, _, err = run("verify", kept["0.5"], "--against", tmp_path / "other.png")

    assert code == 2
    assert "it has other height and width" in err


def test_what_is_no_store_is_one_sentence(run: RunCli, tmp_path: Path) -> None:
    shutil.copy(__file__, tmp_path / "a.zip")

    code, out, err = run("verify", tmp_path / "a.zip")

    assert (code, out) == (1, "")
    assert err.count("\n") == 1


def test_without_zarr_it_says_what_to_install(fresh_python: FreshPython) -> None:
    code = (
        "import sys; sys.modules['zarr'] = None\n"
        "from numcodecs_neural import cli\n"
        "print([cli.main([name, 'store']) for name in ('info', 'verify')])"
    )

    assert fresh_python(code) == "[1, 1]"
