"""The command: tables, JSON and plots of small images, and one clear sentence for every mistake."""

import json
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage
from numcodecs_neural.weights import resolve
from tests.annotations import Image, Refused, RunCli


@pytest.fixture
def folder(tmp_path: Path, tissue: Image) -> Path:
    """Return a folder with one set of two images, 80 x 96 and 80 x 80."""
    pixels = tissue.transpose(1, 2, 0)
    path = tmp_path / "colon"
    path.mkdir()
    imagecodecs.imwrite(path / "a.png", np.ascontiguousarray(pixels[:80, :96]))
    imagecodecs.imwrite(path / "b.png", np.ascontiguousarray(pixels[300:380, 300:380]))
    return path


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_tables_json_and_plots_are_written(
    folder: Path, tmp_path: Path, run_evaluate: RunCli
) -> None:
    files = tmp_path / "out.json", tmp_path / "out.md"
    # A model that is named twice is measured once.
    options = ["--models", "he-fast,he-fast-2", "--peers", "jpeg420,jpeg444", "--metrics", "ssim"]
    outputs = ["--json", files[0], "--markdown", files[1], "--plots", tmp_path / "plots"]

    code, out, err = run_evaluate(folder, *options, "--aligned", *outputs)

    assert code == 0
    assert files[1].read_text() == out
    assert "colon, reduced by 2: image 2 of 2" in err
    assert "| he-fast-2 | JPEG 4:2:0 | JPEG 4:4:4 |" in out
    assert "| **mean of sets** |" in out
    assert "at equal SSIM with JPEG at quality 80" in out
    assert len(list((tmp_path / "plots").glob("*.png"))) == 2 * 4
    found = read(files[0])
    assert found["models"] == {"he-fast-2": resolve("he-fast").sha256}
    scales = [result["scale"] for result in found["results"]]
    assert scales == ["native", "reduced by 2", "native, aligned"]
    native = found["results"][0]
    # Off the grid 77 x 91 and 77 x 75, of which 64 x 80 and 64 x 64 are whole steps of 16.
    assert (native["images"], native["chunks"], native["pixels"]) == (2, 2, 64 * 80 + 64 * 64)
    # On it 80 x 96 and 80 x 80, wholly.
    assert found["results"][2]["pixels"] == 80 * 96 + 80 * 80
    assert [point["setting"] for point in native["curves"]["he-fast-2"]] == [*range(0, 101, 10)]
    assert all(0 < point["ssim"] < 1 for point in native["curves"]["he-fast-2"])
    assert native["curves"]["JPEG 4:2:0"][0]["setting"] == 30
    assert [speed["coder"] for speed in found["speeds"]] == ["he-fast-2", *found["peers"]]
    assert min(min(s["encode_mpx_s"], s["decode_cpu_ns"]) for s in found["speeds"]) > 0


def test_figures_do_not_depend_on_the_workers(
    folder: Path, tmp_path: Path, run_evaluate: RunCli
) -> None:
    options = [folder, "--peers", "jpeg444", "--no-speed"]
    outputs = [
        run_evaluate(*options, "--workers", n, "--json", tmp_path / f"{n}.json") for n in (1, 3)
    ]

    assert outputs[0] == outputs[1]
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "3.json").read_bytes()


def test_a_set_can_be_cut_to_its_first_images(folder: Path, run_evaluate: RunCli) -> None:
    code, out, err = run_evaluate(folder, "--peers", "", "--images", 1, "--card")

    assert code == 0
    assert "image 1 of 1" in err
    assert out.startswith("Rate (bits per pixel) and RGB-PSNR (dB) of `he-fast-2` by quality:")
    assert "Speed" not in out


def test_a_zarr_array_is_measured(tmp_path: Path, tissue: Image, run_evaluate: RunCli) -> None:
    array = zarr.create_array(tmp_path / "a.zarr", shape=(1, 3, 96, 96), dtype="uint8")
    array[0] = tissue[:, :96, :96]
    options = ["--peers", "jpeg420", "--json", tmp_path / "out.json", "--max-pixels", 80 * 80]

    code, out, err = run_evaluate(tmp_path / "a.zarr", *options)

    assert code == 0
    assert "a.zarr, native: image 1 of 1" in err
    assert "a.zarr, native" in out
    assert read(tmp_path / "out.json")["results"][0]["pixels"] == 64 * 64


def test_codecs_of_a_file_take_part(folder: Path, tmp_path: Path, run_evaluate: RunCli) -> None:
    configs = [NeuralImage("he-fast", quality).get_config() for quality in (20, 50, 80)]
    path = tmp_path / "codec.json"
    path.write_text(json.dumps({"name": "the same", "configs": configs}))

    options = ["--peers", "", "--codec", path, "--json", tmp_path / "o.json"]

    code, out, _ = run_evaluate(folder, *options)

    assert code == 0
    assert "| he-fast-2 | the same |" in out
    curves = read(tmp_path / "o.json")["results"][0]["curves"]
    for point, number in zip(curves["the same"], (2, 5, 8), strict=True):
        assert point["bpp"] == curves["he-fast-2"][number]["bpp"]
        assert point["psnr"] == curves["he-fast-2"][number]["psnr"]


def test_images_that_are_all_one_colour_make_valid_json(
    tmp_path: Path, run_evaluate: RunCli
) -> None:
    imagecodecs.imwrite(tmp_path / "white.png", np.full((64, 64, 3), 255, np.uint8))
    outputs = ["--json", tmp_path / "out.json", "--plots", tmp_path / "plots"]

    code, _, _ = run_evaluate(tmp_path, "--peers", "jpeg420", *outputs)

    assert code == 0
    points = read(tmp_path / "out.json")["results"][0]["curves"]["he-fast-2"]
    assert {point["psnr"] for point in points} == {None}


def test_measures_that_do_not_fit_are_left_out_and_told(folder: Path, run_evaluate: RunCli) -> None:
    options = ["--peers", "", "--images", 1, "--metrics", "psnr,ms-ssim"]

    code, out, err = run_evaluate(folder, *options)

    assert code == 0
    says = "MS-SSIM was not measured on colon, native: it needs chunks with sides of more than 160"
    assert says in out
    assert says in err


def test_grey_images_are_skipped_by_rgb_models(folder: Path, run_evaluate: RunCli) -> None:
    imagecodecs.imwrite(folder / "c.png", np.zeros((64, 64), np.uint8))

    code, out, err = run_evaluate(folder, "--peers", "", "--no-speed")

    assert code == 1
    assert "colon (RGB), native" in out
    assert "colon (grey) was skipped: he-fast-2 cannot code grey images" in err


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        pytest.param(np.zeros((64, 64), np.uint16), "cannot code grey, 16 bit images", id="16 bit"),
        pytest.param(np.zeros((64, 64, 4), np.uint8), "was passed over", id="alpha"),
    ],
)
def test_where_nothing_can_be_measured_it_is_said_why(
    pixels: NDArray[Any], says: str, tmp_path: Path, refused: Refused
) -> None:
    imagecodecs.imwrite(tmp_path / "a.png", pixels)

    err = refused(tmp_path / "a.png", code=1)

    assert "nothing was measured" in err
    assert says in err


def test_a_fresh_run_is_compared_with_a_stored_one(
    folder: Path, tmp_path: Path, run_evaluate: RunCli
) -> None:
    options = [folder, "--peers", "", "--no-speed", "--images", 1]
    path = tmp_path / "stored.json"
    run_evaluate(*options, "--json", path)

    same, _, quiet = run_evaluate(*options, "--check", path)
    stored = read(path)
    stored["results"][0]["curves"]["he-fast-2"][3]["psnr"] += 0.1
    path.write_text(json.dumps(stored))
    changed, _, err = run_evaluate(*options, "--check", path)

    assert (same, changed) == (0, 1)
    assert "not as in" not in quiet
    assert "colon, native: he-fast-2 at 30 has" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(["--models", "he-none"], "no weights called 'he-none'", id="model"),
        pytest.param(["--models", ""], "--models names none", id="no model"),
        pytest.param(["--peers", "gif"], "no peer called 'gif'", id="peer"),
        pytest.param(["--metrics", "vmaf"], "no metric called 'vmaf'", id="metric"),
        pytest.param(["--codec", "none.json"], "none.json cannot be read", id="codec"),
        pytest.param(["--check", "none.json"], "none.json cannot be read", id="check"),
        pytest.param(["--workers", "0"], "'0' is no whole number from 1 on", id="workers"),
        pytest.param(["--json", "nowhere/a.json"], "nowhere is not a folder", id="output"),
        pytest.param(["--plots", "nowhere/plots"], "nowhere is not a folder", id="plots"),
        pytest.param(["--plots", __file__], "is not a folder", id="plots into a file"),
        pytest.param(["nowhere"], "nowhere does not exist", id="input"),
        pytest.param(["--effort", "9"], "unrecognized arguments: --effort 9", id="option"),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_2(
    options: list[str], says: str, folder: Path, refused: Refused
) -> None:
    assert says in refused(folder, *options)


@pytest.mark.parametrize("content", ["[]", "{}"])
def test_a_file_that_evaluate_did_not_write_is_refused(
    content: str, folder: Path, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "a.json").write_text(content)

    assert "was not written by evaluate --json" in refused(folder, "--check", tmp_path / "a.json")


def test_a_folder_named_like_a_store_that_is_none_is_refused(
    tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "slide.zarr").mkdir()

    err = refused(tmp_path / "slide.zarr")

    assert "no images below" in err
    assert "it is no Zarr array or group" in err


def test_an_output_that_cannot_be_written_is_code_1(
    folder: Path, tmp_path: Path, run_evaluate: RunCli
) -> None:
    code, out, err = run_evaluate(folder, "--peers", "", "--images", 1, "--json", tmp_path)

    assert code == 1
    # The tables are not lost with the file.
    assert "both rise at every step" in out
    assert "Is a directory" in err
