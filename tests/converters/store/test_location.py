"""Where stores go: single files and object stores hold the same as a folder."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural.converters.pipeline import convert as convert_module
from numcodecs_neural.files.folder import Folder
from tests.annotations import ReadFiles, RunCli

# s3fs leaves it to the garbage collector to close its connections.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
SMALL = ("--chunk", 128, "--shard", 256, "--workers", 2)
FEW = ("--chunk", 256, "--shard", 512, "--codec", "zstd")


@pytest.fixture(params=["local", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    if request.param == "local":
        return Folder(str(tmp_path / "folder"))
    return Folder(f"{request.getfixturevalue('bucket')}/folder")


def objects_of(url: str) -> dict[str, bytes]:
    import s3fs

    fs, root = s3fs.S3FileSystem(use_listings_cache=False), url.removeprefix("s3://")
    return {path.removeprefix(f"{root}/"): fs.cat_file(path) for path in fs.find(root)}


def test_a_file_is_written_read_and_measured(folder: Folder) -> None:
    folder.write("a/b", b"content")

    assert folder.read("a/b") == b"content"
    assert folder.size("a/b") == 7
    assert folder.tail("a/b", 3) == b"ent"
    assert (folder / "a").exists()


def test_what_is_absent_is_told(folder: Folder) -> None:
    assert folder.read("nothing") is None
    assert folder.size("nothing") == 0
    assert not folder.exists()
    folder.remove()


def test_a_removed_folder_is_gone(folder: Folder) -> None:
    folder.write("a/b", b"content")

    folder.remove()

    assert not folder.exists()
    assert folder.read("a/b") is None


@pytest.mark.parametrize("name", ["out.ozx", "out.zarr.zip"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_archive_holds_the_files_of_the_folder(
    run_cli: RunCli, svs: Path, tmp_path: Path, files_of: ReadFiles, name: str, version: str
) -> None:
    chosen = ("--ome-zarr-version", version, "--chunk", 512)
    run_cli(svs, "-o", tmp_path / "out.ome.zarr", *chosen)

    code, _, _ = run_cli(svs, "-o", tmp_path / name, *chosen)

    assert code == 0
    with zipfile.ZipFile(tmp_path / name) as archive:
        packed = {entry: archive.read(entry) for entry in archive.namelist()}
        assert archive.testzip() is None
        first = archive.namelist()[0]
    assert packed == files_of(tmp_path / "out.ome.zarr")
    assert first == ("zarr.json" if version == "0.5" else ".zattrs")


def test_an_archive_is_read_by_zarr(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    run_cli(svs, "-o", tmp_path / "out.ozx", *SMALL)
    run_cli(svs, "-o", tmp_path / "out", *SMALL)

    group = zarr.open_group(zarr.storage.ZipStore(tmp_path / "out.ozx", mode="r"), mode="r")

    folder = zarr.open_group(tmp_path / "out", mode="r")
    assert (np.asarray(group["1"]) == np.asarray(folder["1"])).all()


def test_an_archive_is_the_same_each_time_and_tells_its_version(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    for name in ("a.ozx", "b.ozx"):
        run_cli(svs, "-o", tmp_path / name, "--name", "slide", *SMALL)

    assert (tmp_path / "a.ozx").read_bytes() == (tmp_path / "b.ozx").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.ozx") as archive:
        assert b'"version": "0.5"' in archive.comment
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}
        names = archive.namelist()
    metadata = [name.endswith("zarr.json") for name in names]
    assert metadata == sorted(metadata, reverse=True)


def test_archives_are_kept_replaced_and_skipped_like_folders(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.ozx"
    run_cli(svs, "-o", output, *SMALL)

    assert "exists" in run_cli(svs, "-o", output, *SMALL)[2]
    assert "the same settings" in run_cli(svs, "-o", output, "--resume", *SMALL)[1]
    assert run_cli(svs, "-o", output, "--overwrite", "--quality", 20, *SMALL)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.ozx"]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_object_store_holds_the_files_of_the_folder(
    run_cli: RunCli, svs: Path, tmp_path: Path, files_of: ReadFiles, bucket: str, version: str
) -> None:
    chosen = ("--ome-zarr-version", version, "--chunk", 512)
    run_cli(svs, "-o", tmp_path / "out", *chosen)

    code, _, err = run_cli(svs, "-o", f"{bucket}/slides/out", *chosen)

    assert (code, err) == (0, "")
    assert objects_of(f"{bucket}/slides/out") == files_of(tmp_path / "out")
    assert set(objects_of(bucket)) == {f"slides/out/{name}" for name in files_of(tmp_path / "out")}


def test_an_object_store_is_read_by_its_url(run_cli: RunCli, svs: Path, bucket: str) -> None:
    run_cli(svs, "-o", f"{bucket}/out", *FEW)

    group = zarr.open_group(f"{bucket}/out", mode="r")

    level: Any = group["0"]
    assert level.shape == (3, 1501, 1303)
    assert level[:, 300:310, 300:310].std() > 0


def test_an_object_store_that_exists_is_refused_skipped_and_replaced(
    run_cli: RunCli, svs: Path, bucket: str
) -> None:
    run_cli(svs, "-o", f"{bucket}/out", *FEW)

    assert "exists" in run_cli(svs, "-o", f"{bucket}/out", *FEW)[2]
    assert "the same settings" in run_cli(svs, "-o", f"{bucket}/out", "--resume", *FEW)[1]
    assert run_cli(svs, "-o", f"{bucket}/out", "--overwrite", "--levels", 1, *FEW)[0] == 0
    assert not any(name.startswith("out/1/") for name in objects_of(bucket))


def test_nothing_but_a_store_is_replaced_in_an_object_store(
    run_cli: RunCli, svs: Path, bucket: str
) -> None:
    Folder(f"{bucket}/photos").write("holiday.jpg", b"precious")

    codes = [
        run_cli(svs, "-o", f"{bucket}/photos", *more, *FEW)[0]
        for more in ((), ("--overwrite",), ("--resume",))
    ]

    assert codes == [1, 1, 1]
    assert objects_of(bucket) == {"photos/holiday.jpg": b"precious"}


def test_a_slide_that_fails_leaves_nothing_in_an_object_store(
    run_cli: RunCli, damaged_svs: Path, bucket: str
) -> None:
    code, _, err = run_cli(damaged_svs, "-o", f"{bucket}/out", *FEW)

    assert code == 1
    assert "does not decode" in err
    assert objects_of(bucket) == {}


def test_an_interrupted_upload_goes_on(
    run_cli: RunCli,
    svs: Path,
    tmp_path: Path,
    files_of: ReadFiles,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_cli(svs, "-o", tmp_path / "out", *FEW)
    with monkeypatch.context() as patch:
        patch.setattr(convert_module, "write_extras", _interrupted)
        assert run_cli(svs, "-o", f"{bucket}/out", *FEW)[0] == 130
    assert any(name.startswith("out.partial/records") for name in objects_of(bucket))
    # What makes it an image comes last: whoever opens it now finds a group of arrays.
    assert json.loads(objects_of(bucket)["out/zarr.json"])["attributes"] == {}

    code, _, _ = run_cli(svs, "-o", f"{bucket}/out", "--resume", *FEW)

    assert code == 0
    assert objects_of(f"{bucket}/out") == files_of(tmp_path / "out")
    assert not any("partial" in name for name in objects_of(bucket))


def _interrupted(*args: object) -> None:
    raise KeyboardInterrupt
