"""The command: tables and JSON of small images, and one clear sentence for every mistake."""

import json
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.evaluation.cli import main
from numcodecs_neural.weights import resolve


@pytest.fixture
def folder(tmp_path: Path, tissue: NDArray[np.uint8]) -> Path:
    """Return a folder with one set of two images, 80 x 96 and 80 x 80."""
    pixels = tissue.transpose(1, 2, 0)
    path = tmp_path / "colon"
    path.mkdir()
    imagecodecs.imwrite(path / "a.png", np.ascontiguousarray(pixels[:80, :96]))
    imagecodecs.imwrite(path / "b.png", np.ascontiguousarray(pixels[300:380, 300:380]))
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Return exit code, output and complaints of the program."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as exc:
        code = int(exc.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_tables_and_json_are_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tmp_path / "out.json", tmp_path / "out.md"
    # A model that is named twice is measured once.
    options = ["--models", "he-fast,he-fast-1", "--peers", "jpeg420,jpeg444", "--ssim"]

    code, out, err = run(capsys, folder, *options, "--json", files[0], "--markdown", files[1])

    assert code == 0
    assert files[1].read_text() == out
    assert "colon, reduced by 2: image 2 of 2" in err
    assert "| he-fast-1 | JPEG 4:2:0 | JPEG 4:4:4 |" in out
    assert "| **mean of sets** |" in out
    found = read(files[0])
    assert found["models"] == {"he-fast-1": resolve("he-fast").sha256}
    assert [result["scale"] for result in found["results"]] == ["native", "reduced by 2"]
    native = found["results"][0]
    # Off the grid 77 x 91 and 77 x 75, of which 64 x 80 and 64 x 64 are whole steps of 16.
    assert (native["images"], native["chunks"], native["pixels"]) == (2, 2, 64 * 80 + 64 * 64)
    assert [point["setting"] for point in native["curves"]["he-fast-1"]] == [*range(0, 101, 10)]
    assert all(0 < point["ssim"] < 1 for point in native["curves"]["he-fast-1"])
    assert native["curves"]["JPEG 4:2:0"][0]["setting"] == 30


def test_figures_do_not_depend_on_the_workers(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = [
        run(capsys, folder, "--peers", "jpeg444", "--workers", n, "--json", tmp_path / f"{n}.json")
        for n in (1, 3)
    ]

    assert outputs[0] == outputs[1]
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "3.json").read_bytes()


def test_a_set_can_be_cut_to_its_first_images(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, folder, "--peers", "", "--images", 1)

    assert code == 0
    assert "image 1 of 1" in err


def test_images_that_are_all_one_colour_make_valid_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imagecodecs.imwrite(tmp_path / "white.png", np.full((64, 64, 3), 255, np.uint8))

    code, _, _ = run(capsys, tmp_path, "--peers", "jpeg420", "--json", tmp_path / "out.json")

    assert code == 0
    points = read(tmp_path / "out.json")["results"][0]["curves"]["he-fast-1"]
    assert {point["psnr"] for point in points} == {None}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(["--models", "he-none"], "no weights called 'he-none'", id="model"),
        pytest.param(["--models", ""], "--models names none", id="no model"),
        pytest.param(["--peers", "gif"], "no peer called 'gif'", id="peer"),
        pytest.param(["--workers", "0"], "'0' is no whole number from 1 on", id="workers"),
        pytest.param(["--json", "nowhere/a.json"], "nowhere is not a folder", id="output"),
        pytest.param(["nowhere"], "nowhere does not exist", id="input"),
        pytest.param(["--effort", "9"], "unrecognized arguments: --effort 9", id="option"),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_2(
    options: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, folder, *options)

    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"no image", "c.png cannot be read", id="damaged"),
        pytest.param(
            imagecodecs.png_encode(np.zeros((40, 30, 3), np.uint8)),
            "c.png is too small when reduced by 2",
            id="small",
        ),
    ],
)
def test_a_bad_image_is_one_sentence_and_code_1(
    content: bytes, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "c.png").write_bytes(content)

    code, out, err = run(capsys, folder, "--peers", "")

    assert (code, out) == (1, "")
    assert says in err.splitlines()[-1]
    assert "Traceback" not in err


def test_an_output_that_cannot_be_written_is_code_1(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, folder, "--peers", "", "--images", 1, "--json", tmp_path)

    assert code == 1
    # The tables are not lost with the file.
    assert "both rise at every step" in out
    assert "Is a directory" in err
