"""A conversion that is killed goes on where it was, and ends in the same files."""

import json
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from numcodecs_neural.converters.pipeline.reduced_pixels import ReducedPixels
from numcodecs_neural.converters.store.transaction import WorkFolder, output_folder
from tests.annotations import ReadFiles, RunCli

from .dying import count_files, run_until

SMALL = ("--chunk", "128", "--shard", "256", "--workers", "2")
# In the paths of all that belongs to a store, finished or not.
STORE = "ome.zarr"
# One worker writes files in the same order each time.
QUICK = ("--chunk", "128", "--codec", "zstd", "--workers", "1")


def raise_disk_error(*_: object, **__: object) -> None:
    """Fail as a disk does: level 0 is done then, and no other."""
    raise OSError("Input/output error")


def cut(path: Path) -> None:
    """Leave half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def done_regions(unfinished: Path) -> list[dict[str, Any]]:
    """Return what an unfinished store has noted of its regions."""
    records = sorted((unfinished / "records").rglob("*.json"))
    return [json.loads(path.read_bytes()) for path in records]


@pytest.fixture(scope="module")
def undisturbed(svs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Return a whole store, and how many files got their place until it was."""
    output = tmp_path_factory.mktemp("undisturbed") / "out.ome.zarr"
    return output, count_files(STORE, svs, "-o", output, *SMALL)


@pytest.fixture(scope="module")
def half(
    svs: Path, undisturbed: tuple[Path, int], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return what a conversion left that was killed halfway."""
    output = tmp_path_factory.mktemp("half") / "out.ome.zarr"
    died = run_until(STORE, undisturbed[1] // 2, svs, "-o", output, *SMALL)
    assert died.returncode == -signal.SIGKILL, died.stderr
    unfinished = output.with_name("out.ome.zarr.partial")
    assert len(done_regions(unfinished)) > 5
    return unfinished


@pytest.fixture
def begun(half: Path, tmp_path: Path) -> Path:
    """Return where a store is half done."""
    shutil.copytree(half, tmp_path / half.name)
    return tmp_path / "out.ome.zarr"


@pytest.mark.parametrize("layout", [("0.4",), ("0.5", "--shard", "256")], ids=["0.4", "0.5"])
def test_a_conversion_killed_again_and_again_ends_in_the_same_files(
    svs: Path, tmp_path: Path, run_cli: RunCli, files_of: ReadFiles, layout: tuple[str, ...]
) -> None:
    output, whole = tmp_path / "out.ome.zarr", tmp_path / "whole.ome.zarr"
    quick = ("--ome-zarr-version", *layout, *QUICK)
    files = count_files(STORE, svs, "-o", whole, *quick)

    for _ in range(3):
        died = run_until(STORE, files // 4, svs, "-o", output, "--resume", *quick)
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert not output.exists()
    code, _, _ = run_cli(svs, "-o", output, "--resume", *quick)

    assert code == 0
    assert files_of(output) == files_of(whole)
    assert not output.with_name("out.ome.zarr.partial").exists()


@pytest.mark.parametrize("place", ["store/0/c", "scratch/0", "records/0", "store/1/c", "records/1"])
def test_a_region_cut_off_at_any_step_is_written_again(
    svs: Path, tmp_path: Path, run_cli: RunCli, files_of: ReadFiles, place: str
) -> None:
    output, whole = tmp_path / "out.ome.zarr", tmp_path / "whole.ome.zarr"
    quick = ("--shard", "256", "--levels", "2", *QUICK)
    assert run_cli(svs, "-o", whole, *quick)[0] == 0
    died = run_until(f"partial/{place}", 3, svs, "-o", output, *quick)
    assert died.returncode == -signal.SIGKILL, died.stderr

    code, _, _ = run_cli(svs, "-o", output, "--resume", *quick)

    assert code == 0
    assert files_of(output) == files_of(whole)


def test_an_overwrite_that_is_killed_at_its_end_keeps_the_old_store(
    svs: Path, tmp_path: Path, run_cli: RunCli, files_of: ReadFiles
) -> None:
    output = tmp_path / "out.ome.zarr"
    assert run_cli(svs, "-o", output, "--levels", 1, *QUICK)[0] == 0
    before = files_of(output)

    # All is written then, and what is there is about to be moved away.
    died = run_until("partial/replaced", 1, svs, "-o", output, "--overwrite", "--levels", 2, *QUICK)

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert files_of(output) == before


def test_an_overwrite_that_is_killed_between_its_renames_loses_neither_store(
    svs: Path, tmp_path: Path, run_cli: RunCli, files_of: ReadFiles
) -> None:
    output, whole = tmp_path / "out.ome.zarr", tmp_path / "whole.ome.zarr"
    again = (svs, "-o", output, "--overwrite", "--levels", 2, *QUICK)
    assert run_cli(svs, "-o", output, "--levels", 1, *QUICK)[0] == 0
    assert run_cli(svs, "-o", whole, "--levels", 2, *QUICK)[0] == 0
    before = files_of(output)

    died = run_until(f"{output.name}<end>", 1, *again)

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert not output.exists()
    assert run_cli(tmp_path / "absent.svs", "-o", output, "--overwrite")[0] != 0
    assert run_cli(svs, "-o", output, *QUICK)[0] == 1  # there is one, and it may not be replaced
    assert files_of(output) == before
    assert run_cli(*again)[0] == 0
    assert files_of(output) == files_of(whole)
    assert not output.with_name("out.ome.zarr.partial").exists()


def test_what_a_kill_left_beside_a_complete_store_is_removed(
    svs: Path, tmp_path: Path, run_cli: RunCli
) -> None:
    output = tmp_path / "out.ome.zarr"
    assert run_cli(svs, "-o", output, *QUICK)[0] == 0
    left = tmp_path / "out.ome.zarr.partial"
    (left / "replaced").mkdir(parents=True)

    code, out, _ = run_cli(svs, "-o", output, "--resume", *QUICK)

    assert code == 0
    assert "made with the same settings" in out
    assert not left.exists()


@pytest.mark.slow
def test_twenty_random_kills_change_no_file(
    svs: Path, undisturbed: tuple[Path, int], tmp_path: Path, run_cli: RunCli, files_of: ReadFiles
) -> None:
    moments = random.Random(5)
    whole, files = undisturbed
    expected = files_of(whole)
    for attempt in range(20):
        output = tmp_path / f"{attempt}.ome.zarr"
        died = run_until(STORE, moments.randint(1, files - 1), svs, "-o", output, *SMALL)
        assert died.returncode == -signal.SIGKILL, died.stderr

        assert run_cli(svs, "-o", output, "--resume", *SMALL)[0] == 0

        assert files_of(output) == expected


def test_a_region_that_is_done_is_not_written_again(
    run_cli: RunCli, svs: Path, begun: Path
) -> None:
    unfinished = begun.with_name("out.ome.zarr.partial")
    shards = {}
    for region in done_regions(unfinished):
        name = f"{region['level']}/c/0/{'/'.join(map(str, region['cell']))}"
        if region["nbytes"]:
            shards[name] = (unfinished / "store" / name).stat().st_ino

    code, _, _ = run_cli(svs, "-o", begun, "--resume", *SMALL)

    assert code == 0
    assert len(shards) > 5
    assert {name: (begun / name).stat().st_ino for name in shards} == shards


def test_a_finished_store_is_skipped(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.ome.zarr"
    run_cli(svs, "-o", output, *SMALL)
    before = (output / "zarr.json").stat().st_mtime_ns

    code, out, _ = run_cli(svs, "-o", output, "--resume", *SMALL)

    assert code == 0
    assert "made with the same settings" in out
    assert (output / "zarr.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "changed",
    [["--quality", 50], ["--chunk", 256], ["--glass", "keep"], ["--name", "other"]],
    ids=lambda changed: changed[0],
)
def test_a_store_with_other_settings_is_not_taken_for_finished(
    run_cli: RunCli, svs: Path, tmp_path: Path, changed: list[object]
) -> None:
    output = tmp_path / "out.ome.zarr"
    run_cli(svs, "-o", output, *SMALL)

    code, _, err = run_cli(svs, "-o", output, "--resume", *SMALL, *changed)

    assert code == 1
    assert "exists" in err


def test_what_was_begun_with_other_settings_is_begun_anew(
    run_cli: RunCli, svs: Path, begun: Path, tmp_path: Path, files_of: ReadFiles
) -> None:
    run_cli(svs, "-o", begun, "--resume", "--quality", 30, *SMALL)
    run_cli(svs, "-o", tmp_path / "whole", "--quality", 30, *SMALL)

    assert files_of(begun) == files_of(tmp_path / "whole")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"settings": 3}'])
def test_a_note_that_is_damaged_is_not_trusted(
    run_cli: RunCli,
    svs: Path,
    begun: Path,
    files_of: ReadFiles,
    undisturbed: tuple[Path, int],
    content: bytes,
) -> None:
    begun.with_name("out.ome.zarr.partial").joinpath("conversion.json").write_bytes(content)

    code, _, _ = run_cli(svs, "-o", begun, "--resume", *SMALL)

    assert code == 0
    assert files_of(begun) == files_of(undisturbed[0])


def files_in(folder: Path) -> list[Path]:
    """Return all files below a folder, of which there is one at least."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert files
    return files


@pytest.mark.parametrize("damage", [Path.unlink, cut], ids=["lost", "cut off"])
@pytest.mark.parametrize("layout", [("0.4",), ("0.5", "--shard", "256")], ids=["0.4", "0.5"])
def test_regions_that_were_lost_meanwhile_are_stored_again(
    run_cli: RunCli,
    svs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files_of: ReadFiles,
    layout: tuple[str, ...],
    damage: Callable[[Path], None],
) -> None:
    output, whole = tmp_path / "out.ome.zarr", tmp_path / "whole.ome.zarr"
    quick = ("--ome-zarr-version", *layout, "--levels", 2, *QUICK)
    assert run_cli(svs, "-o", whole, *quick)[0] == 0
    with monkeypatch.context() as patched:
        patched.setattr(ReducedPixels, "collect", raise_disk_error)
        assert run_cli(svs, "-o", output, *quick)[0] == 1
    stored = files_in(tmp_path / "out.ome.zarr.partial/store/0")
    for path in [path for path in stored if path.name.isdigit()][1::2]:
        damage(path)

    assert run_cli(svs, "-o", output, "--resume", *quick)[0] == 0

    assert files_of(output) == files_of(whole)


def test_reduced_pixels_that_were_lost_meanwhile_are_made_again(
    run_cli: RunCli, svs: Path, begun: Path, files_of: ReadFiles, undisturbed: tuple[Path, int]
) -> None:
    for path in files_in(begun.with_name("out.ome.zarr.partial") / "scratch"):
        path.unlink()

    assert run_cli(svs, "-o", begun, "--resume", *SMALL)[0] == 0

    assert files_of(begun) == files_of(undisturbed[0])


def test_reduced_pixels_wait_where_they_are_told_to_and_are_found_there(
    svs: Path,
    tmp_path: Path,
    run_cli: RunCli,
    files_of: ReadFiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output, whole, scratch = (tmp_path / name for name in ("out.ome.zarr", "whole", "scratch"))
    scratch.mkdir()
    quick = ("--shard", "256", *QUICK)
    assert run_cli(svs, "-o", whole, *quick)[0] == 0
    with monkeypatch.context() as patched:
        patched.setattr(ReducedPixels, "collect", raise_disk_error)
        assert run_cli(svs, "-o", output, "--scratch", scratch, *quick)[0] == 1
    (folder,) = scratch.iterdir()
    assert folder.name.startswith("out.ome.zarr.")
    waiting = {path: path.stat().st_ino for path in files_in(folder)}
    assert not (tmp_path / "out.ome.zarr.partial/scratch").exists()
    found: list[Path] = []

    def collect(self: ReducedPixels, *arguments: Any, make: Any) -> Any:
        found.extend(path for path in waiting if path.exists())
        return real_collect(self, *arguments, make=make)

    real_collect = ReducedPixels.collect
    with monkeypatch.context() as patched:
        patched.setattr(ReducedPixels, "collect", collect)
        assert run_cli(svs, "-o", output, "--resume", "--scratch", scratch, *quick)[0] == 0

    assert set(found) == set(waiting)
    assert files_of(output) == files_of(whole)
    assert list(scratch.iterdir()) == []


def test_stores_of_one_name_share_a_folder_for_reduced_pixels(tmp_path: Path) -> None:
    outputs = [output_folder(str(tmp_path / case / "slide.ome.zarr")) for case in ("a", "b")]

    folders = {WorkFolder(output, str(tmp_path)).reduced_pixels for output in outputs}

    assert len(folders) == 2


def test_workers_may_differ_when_resuming(
    svs: Path, begun: Path, files_of: ReadFiles, undisturbed: tuple[Path, int], run_cli: RunCli
) -> None:
    run_cli(svs, "-o", begun, "--resume", *SMALL[:-1], 1)

    assert files_of(begun) == files_of(undisturbed[0])
