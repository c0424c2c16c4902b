"""Inputs that nobody expects: names that lie, numbers that are none, outputs inside inputs."""

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray
from PIL import Image

from numcodecs_neural.converters.batch.jobs import named_inputs
from numcodecs_neural.converters.geometry.downsample import halve_again, halve_pixels, to_pixels
from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.errors import ConfigError, SourceError
from tests.annotations import ReadFiles, Refused, Rng, RunCli

LOSSLESS = ("--codec", "zstd", "--chunk", "64", "--workers", "2")


def picture(rng: Rng) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (40, 50, 3)).astype(np.uint8))


@pytest.mark.parametrize("form", ["TIFF", "GIF", "EPS", "PPM"])
def test_a_file_that_its_name_lies_about_is_refused(rng: Rng, tmp_path: Path, form: str) -> None:
    # Pillow would read the first page of such a TIFF, at 8 bits, and run Ghostscript for EPS.
    content = io.BytesIO()
    picture(rng).save(content, form)
    path = tmp_path / "picture.png"
    path.write_bytes(content.getvalue())

    with pytest.raises(SourceError, match=r"picture\.png is not a picture of a kind .*(save|name)"):
        open_source(path)


@pytest.mark.parametrize("form", ["png", "webp"])
def test_pictures_in_sequence_are_not_read_as_the_first(
    rng: Rng, tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"film.{form}"
    picture(rng).save(path, save_all=True, append_images=[picture(rng)])

    with pytest.raises(SourceError, match=r"holds 2 pictures one after the other"):
        open_source(path)


@pytest.mark.parametrize("name", ["a.tif", "a.czi", "a.ome.zarr", "a.dcm"])
def test_an_empty_file_is_said_to_be_empty(refused: Refused, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")

    err = refused(tmp_path / name, "-o", tmp_path / "out.ome.zarr")

    assert err == (
        f"convert-to-omezarr: {tmp_path / name} is empty: copy it again from where it is whole\n"
    )


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(slice(0, 30), id="some"),
        pytest.param(slice(None), id="all"),
    ],
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_leave_valid_json(
    run_cli: RunCli, rng: Rng, tmp_path: Path, spoil: slice, value: float
) -> None:
    pixels: NDArray[Any] = rng.normal(0, 50, (70, 90)).astype(np.float32)
    pixels[spoil] = value
    tifffile.imwrite(tmp_path / "a.tif", pixels)

    code, _, err = run_cli(tmp_path / "a.tif", "-o", tmp_path / "a.ome.zarr", *LOSSLESS)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    assert (code, err) == (0, "")
    for name in ("zarr.json", "0/zarr.json"):
        json.loads((tmp_path / "a.ome.zarr" / name).read_text(), parse_constant=refuse)
    array: Any = zarr.open_array(tmp_path / "a.ome.zarr/0", mode="r")
    assert np.array_equal(array[...], pixels, equal_nan=True)


def test_options_that_do_not_fit_a_slide_name_it(
    refused: Refused, rng: Rng, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", rng.random((70, 90)).astype(np.float32))

    for arguments in ((), ("--dry-run",), ("--compare",)):
        err = refused(tmp_path / "a.tif", "-o", tmp_path / "a.ome.zarr", *arguments)

        assert err.startswith(f"convert-to-omezarr: {tmp_path / 'a.tif'}: ")


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
def test_the_greatest_integers_do_not_wrap_around(dtype: str) -> None:
    greatest = np.iinfo(dtype).max
    pixels = np.full((1, 4, 4), greatest, dtype)

    found = to_pixels(halve_again(halve_pixels(pixels)), dtype)

    assert found.dtype == dtype
    # As near as a float comes to it.
    assert (found > greatest - 4096).all()


@pytest.mark.parametrize("kind", ["?", "c8"])
def test_arrays_of_no_numbers_are_refused(refused: Refused, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mask.ome.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=3)
    group.create_array("0", data=np.ones((8, 9), kind))
    axes: list[Any] = [{"name": name, "type": "space"} for name in "yx"]
    scale = [{"type": "scale", "scale": [1.0, 1.0]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    multiscales: list[Any] = [{"axes": axes, "datasets": datasets}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": multiscales}

    err = refused(path, "-o", tmp_path / "out.ome.zarr", *LOSSLESS)

    assert f"{path}: the array 0 has samples of {np.dtype(kind)}; integers and floats" in err
    assert [path.name for path in tmp_path.iterdir()] == ["mask.ome.zarr"]


@pytest.fixture
def png(rng: Rng, tmp_path: Path) -> Path:
    """Return a picture in a folder of its own."""
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    picture(rng).save(path)
    return path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such pipes")
def test_what_is_neither_file_nor_folder_is_refused_and_not_waited_for(
    refused: Refused, tmp_path: Path
) -> None:
    path = tmp_path / "pipe.png"
    os.mkfifo(path)

    err = refused(path, "-o", tmp_path / "out.ome.zarr")

    assert "pipe.png is neither a file nor a folder" in err


@pytest.mark.parametrize("overwrite", [(), ("--overwrite",), ("--resume",)])
@pytest.mark.parametrize("output", ["a.ome.zarr", "./a.ome.zarr/", "link", "a.ome.zarr/b.ome.zarr"])
def test_an_output_on_or_in_the_input_is_refused(
    run_cli: RunCli,
    refused: Refused,
    png: Path,
    files_of: ReadFiles,
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    overwrite: tuple[str, ...],
) -> None:
    monkeypatch.chdir(png.parent)
    assert run_cli(png, "-o", "a.ome.zarr", *LOSSLESS)[0] == 0
    Path("link").symlink_to("a.ome.zarr")
    before = files_of(png.parent)

    err = refused("a.ome.zarr", "-o", output, *LOSSLESS, *overwrite, code=2)

    assert "the input" in err
    assert "choose an" in err
    assert files_of(png.parent) == before


def test_a_store_around_the_input_is_not_replaced(refused: Refused, png: Path) -> None:
    (png.parent / "zarr.json").write_text("{}")

    err = refused(png, "-o", png.parent, *LOSSLESS, "--overwrite", code=2)

    assert "one is inside the other" in err
    assert png.is_file()


def test_a_link_that_leads_to_itself_is_no_slide(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "loop.png").symlink_to("loop.png")

    err = refused(tmp_path / "loop.png", "-o", tmp_path / "a.ome.zarr")

    assert err == f"convert-to-omezarr: {tmp_path / 'loop.png'}: there is no such file\n"


def test_a_list_may_be_marked_as_utf_8_and_come_from_windows(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeffä.svs\r\n\r\n# c.svs\r\nb.svs\r\n".encode())

    assert named_inputs([], path) == ["ä.svs", "b.svs"]


def test_a_list_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"a.svs\0b.svs\0")

    with pytest.raises(ConfigError, match=r"list\.txt is no text: write one path a line"):
        named_inputs([], path)


@pytest.mark.parametrize("place", ["absent/log.jsonl", "in"])
def test_a_log_that_cannot_be_written_is_refused_before_any_work(
    refused: Refused, png: Path, place: str
) -> None:
    folder = png.parent.parent

    err = refused(png, "-o", folder / "a.ome.zarr", "--json-lines", folder / place, code=2)

    assert "it must be a file in a folder that exists" in err
    assert not (folder / "a.ome.zarr").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_log_that_is_full_does_not_stop_the_slides(refused: Refused, png: Path) -> None:
    arguments = ("-q", "--json-lines", "/dev/full", *LOSSLESS)

    err = refused(png, "-o", png.parent / "a.ome.zarr", *arguments)

    assert err.startswith(f"convert-to-omezarr: the line of {png} was not written to /dev/full: ")
    assert (png.parent / "a.ome.zarr").is_dir()


def test_json_lines_on_the_screen_stand_alone(run_cli: RunCli, png: Path) -> None:
    code, out, _ = run_cli(png, "-o", png.parent / "a.ome.zarr", "--json-lines", "-", *LOSSLESS)

    assert code == 0
    assert json.loads(out)["status"] == "converted"


def test_a_name_that_is_no_text_is_shown_all_the_same(
    run_cli: RunCli, png: Path, tmp_path: Path
) -> None:
    odd = png.with_name(os.fsdecode(b"\xff.png"))
    try:
        png.rename(odd)
    except OSError:
        pytest.skip("this file system takes no such names")
    page = tmp_path / "report.html"

    code, _, err = run_cli(odd, "-o", tmp_path / "a.ome.zarr", "--report", page, "-q", *LOSSLESS)

    assert (code, err) == (0, "")
    assert "\\udcff" in page.read_text("utf-8")


def test_a_picture_of_tissue_that_is_none_is_said_in_one_sentence(
    refused: Refused, png: Path, tmp_path: Path
) -> None:
    mask = tmp_path / "mask.png"
    mask.write_text("no picture")
    arguments = ("--tissue", mask, "--bright-field", "yes", *LOSSLESS)

    err = refused(png, "-o", tmp_path / "a.ome.zarr", *arguments)

    assert err == (
        f"convert-to-omezarr: {png}: {mask} does not open as a picture of the tissue: "
        "save it as a PNG\n"
    )
