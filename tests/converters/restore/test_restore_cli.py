"""The subcommand: what it prints, and its exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from numcodecs_neural import cli
from tests.converters.restore.slide_files import archive, scene, write_slide
from tests.jpeg.streams import photo, saved


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "picture.jpg").write_bytes(saved(photo()))
    return archive(tmp_path / "picture.jpg", tmp_path / "store", use_existing_levels=True)


def test_a_restored_file_is_told_with_its_levels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = archive(write_slide(tmp_path / "slide.tif", scene()), tmp_path / "store")

    code = cli.main(["restore", str(store), str(tmp_path / "again.tif"), "--workers", "1"])

    out = capsys.readouterr().out.splitlines()
    size = (tmp_path / "again.tif").stat().st_size
    assert code == 0
    assert out[0] == f"{tmp_path}/again.tif: {size} bytes, the source's coefficients"
    assert out[1:] == ["level 0: 500 x 390, 30 tiles", "level 1: 250 x 195, 9 tiles"]


def test_a_file_that_is_the_source_is_told(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["restore", str(store), str(tmp_path / "again.jpg")]) == 0

    assert "the source, byte for byte" in capsys.readouterr().out


def test_what_cannot_be_restored_is_one_sentence_and_code_1(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["restore", str(store), str(tmp_path / "again.tif")]) == 1

    err = capsys.readouterr().err
    assert "name the output .jpg" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("output", "says"),
    [("again.png", "ends in .png"), ("absent/again.tif", "is not a folder")],
)
def test_wrong_usage_is_found_before_any_work(
    output: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["restore", str(tmp_path / "no store"), str(tmp_path / output)])

    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_without_tifffile_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['tifffile'] = None\n"
        "from numcodecs_neural import cli\n"
        "sys.exit(cli.main(['restore', 'store', 'again.tif']))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "restore needs tifffile, which is not installed: pip install" in done.stderr
