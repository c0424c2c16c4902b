"""A finished store that has lost files: resuming makes them again, and reading refuses the rest."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.errors import SourceError
from tests.annotations import Convert, Open, ReadFiles, RunCli

QUICK = ("--chunk", 128, "--codec", "zstd", "--workers", 1)
LAYOUTS = {"0.4": ("--ome-zarr-version", "0.4", *QUICK), "0.5": ("--shard", 256, *QUICK)}


@pytest.fixture
def opened() -> Iterator[Open]:
    """Return a function that opens a slide, which is closed at the end."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(closing(open_source(path)))


@pytest.fixture(scope="module", params=["0.4", "0.5"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def whole(svs: Path, version: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of the slide `svs`."""
    from numcodecs_neural.converters import cli

    output = tmp_path_factory.mktemp("whole") / "out.ome.zarr"
    arguments = (svs, "-o", output, "-q", *LAYOUTS[version])
    assert cli.main([str(argument) for argument in arguments]) == 0
    return output


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of it, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / whole.name))


def chunks_in(store: Path, array: str) -> list[Path]:
    """Return the files of an array but its metadata, in order."""
    files = (path for path in (store / array).rglob("*") if path.is_file())
    return sorted(path for path in files if path.name.isdigit())


def cut(path: Path) -> None:
    """Leave half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [Path.unlink, cut, empty], ids=["lost", "cut off", "empty"])
@pytest.mark.parametrize(
    "arrays", [("0",), ("1",), ("2", "0"), ("labels/tissue/0",)], ids=" and ".join
)
def test_a_store_that_lost_files_gets_them_back_and_no_other_file_is_touched(
    run_cli: RunCli,
    svs: Path,
    store: Path,
    whole: Path,
    version: str,
    files_of: ReadFiles,
    arrays: tuple[str, ...],
    damage: Callable[[Path], None],
) -> None:
    # The last is at the slide's edge, where a shard is no whole one.
    damaged = [chunks_in(store, array)[place] for array in arrays for place in (0, -1)]
    for path in dict.fromkeys(damaged):
        damage(path)
    kept = {path: path.stat().st_ino for path in chunks_in(store, "0") if path not in damaged}

    code, out, err = run_cli(svs, "-o", store, "--resume", *LAYOUTS[version])

    assert (code, err) == (0, "")
    assert f"had lost {len(set(damaged))} of its files: they were made again" in out
    assert files_of(store) == files_of(whole)
    assert not store.with_name("out.ome.zarr.partial").exists()
    if version == "0.5" and arrays[0].isdecimal():  # a region's label comes with its pixels
        assert all(path.stat().st_ino == inode for path, inode in kept.items())
    assert (
        "made with the same settings" in run_cli(svs, "-o", store, "--resume", *LAYOUTS[version])[1]
    )


def test_what_was_mended_stands_in_the_json_lines(
    run_cli: RunCli, svs: Path, store: Path, version: str
) -> None:
    for path in chunks_in(store, "0")[:2]:
        path.unlink()

    _, out, _ = run_cli(svs, "-o", store, "--resume", "--json-lines", "-", *LAYOUTS[version])

    told = json.loads(out)
    assert (told["status"], told["mended"]) == ("mended", 2)


def test_pixels_that_were_changed_on_purpose_are_kept(
    run_cli: RunCli, svs: Path, store: Path, version: str
) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (3, 256, 256), dtype=np.uint8)
    array: Any = zarr.open_group(store, mode="r+")["0"]
    array[:, 256:512, 256:512] = noise

    code, out, _ = run_cli(svs, "-o", store, "--resume", *LAYOUTS[version])

    assert (code, "made with the same settings" in out) == (0, True)
    assert (array[:, 256:512, 256:512] == noise).all()


def metadata_of_level_1(store: Path) -> None:
    for name in ("zarr.json", ".zarray"):
        (store / "1" / name).unlink(missing_ok=True)


def coverage_of_level_0(store: Path) -> None:
    chunks_in(store, "coverage/levels/0")[0].unlink()


def sizes_of_level_0(store: Path) -> None:
    chunks_in(store, "coverage/file_sizes/0")[0].unlink()


def sizes_of_label_1(store: Path) -> None:
    chunks_in(store, "coverage/file_sizes/labels/tissue/1")[0].unlink()


def all_coverage(store: Path) -> None:
    shutil.rmtree(store / "coverage")


@pytest.mark.parametrize(
    ("lose", "says"),
    [
        (metadata_of_level_1, "there is no array 1"),
        (coverage_of_level_0, "the coverage of level 0 is damaged"),
        (sizes_of_level_0, "the record of the files of 0 is lost"),
        (sizes_of_label_1, "the record of the files of labels/tissue/1 is lost"),
        (all_coverage, "there is no array coverage/file_sizes/0"),
    ],
)
def test_what_no_region_can_bring_back_is_named_and_nothing_is_replaced(
    run_cli: RunCli,
    svs: Path,
    store: Path,
    version: str,
    files_of: ReadFiles,
    lose: Callable[[Path], None],
    says: str,
) -> None:
    lose(store)
    before = files_of(store)

    code, _, err = run_cli(svs, "-o", store, "--resume", *LAYOUTS[version])

    assert code == 1
    assert f"has lost more than pixels: {says}" in err
    assert "convert the slide anew, with --overwrite" in err
    assert files_of(store) == before


def test_a_store_that_lost_chunks_is_no_source(
    run_cli: RunCli, store: Path, version: str, tmp_path: Path
) -> None:
    lost = chunks_in(store, "0")[1]
    lost.unlink()

    code, _, err = run_cli(store, "-o", tmp_path / "again.ome.zarr", *LAYOUTS[version])

    assert code == 1
    kind = "shard" if version == "0.5" else "chunk"
    assert f"{store}: the {kind} {lost.relative_to(store / '0').as_posix()} of level 0" in err
    assert "was stored and is lost: copy the store again, or have it mended" in err
    assert not (tmp_path / "again.ome.zarr").exists()


def test_glass_that_was_elided_is_read_in_its_grey(store: Path, opened: Open) -> None:
    source = opened(store)

    # The slide's glass is about (243, 241, 244).
    assert (source.read_region(Region(0, 0, 128, 128)) == 243).all()


def test_reduced_levels_that_lost_chunks_are_refused_where_they_are_read(
    store: Path, opened: Open
) -> None:
    for path in chunks_in(store, "1")[1:]:
        path.unlink()
    source = opened(store)
    height, width = source.info.level_shapes[1]

    assert source.read_region(Region(0, 0, 128, 128), 1).shape == (128, 128, 3)
    with pytest.raises(SourceError, match=r"of level 1, at row \d+, column \d+, was stored and is"):
        source.read_region(Region(0, 0, height, width), 1)


def test_a_store_that_lost_its_coverage_is_refused(store: Path) -> None:
    coverage_of_level_0(store)

    with pytest.raises(SourceError, match=r"the coverage of level 0 is lost, which tells chunks"):
        open_source(store)


def test_a_lost_plane_of_a_stack_is_known_by_its_frame(
    converted: Convert, opened: Open, tmp_path: Path
) -> None:
    import tifffile

    pixels = np.random.default_rng(3).integers(0, 4096, (2, 3, 150, 140), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "stack.ome.tif", pixels, metadata={"axes": "CZYX"})
    converted(opened(tmp_path / "stack.ome.tif"), ConvertOptions(codec="zstd", chunk_px=64))
    store = tmp_path / "out.ome.zarr"
    (store / "1/c/1/2/0/0").unlink()
    source = opened(store)

    assert source.read_region(Region(0, 0, 75, 70), 1, (1, 1)).any()
    with pytest.raises(SourceError, match=r"the shard c/1/2/0/0 of level 1, at row 0, column 0"):
        source.read_region(Region(0, 0, 75, 70), 1, (1, 2))


def test_a_single_file_that_lost_chunks_is_named(
    run_cli: RunCli, svs: Path, store: Path, version: str, tmp_path: Path
) -> None:
    from numcodecs_neural.converters.store.ozx import pack

    lost = chunks_in(store, "0")[1]
    lost.unlink()
    packed = tmp_path / "out.ozx"
    pack(store, packed)
    before = packed.read_bytes()

    code, _, err = run_cli(svs, "-o", packed, "--resume", *LAYOUTS[version])

    assert code == 1
    assert (
        f"has lost {lost.relative_to(store).as_posix()}, and a single file cannot be mended" in err
    )
    assert packed.read_bytes() == before
    with pytest.raises(SourceError, match=r"was stored and is lost"):
        open_source(packed)
