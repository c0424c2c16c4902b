"""Inputs that nobody expects: names that lie, pictures in sequence, numbers that are none."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray
from PIL import Image

from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.errors import SourceError

RunCli = Callable[..., tuple[int, str, str]]
LOSSLESS = ("--codec", "zstd", "--chunk", "64", "--workers", "2")


def picture(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (40, 50, 3)).astype(np.uint8))


@pytest.mark.parametrize("form", ["TIFF", "GIF", "EPS", "PPM"])
def test_a_file_that_its_name_lies_about_is_refused(
    rng: np.random.Generator, tmp_path: Path, form: str
) -> None:
    # Pillow would read the first page of such a TIFF, at 8 bits, and run Ghostscript for EPS.
    content = io.BytesIO()
    picture(rng).save(content, form)
    path = tmp_path / "picture.png"
    path.write_bytes(content.getvalue())

    with pytest.raises(SourceError, match=r"picture\.png is not a picture of a kind .*(save|name)"):
        open_source(path)


@pytest.mark.parametrize("form", ["png", "webp"])
def test_pictures_in_sequence_are_not_read_as_the_first(
    rng: np.random.Generator, tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"film.{form}"
    picture(rng).save(path, save_all=True, append_images=[picture(rng)])

    with pytest.raises(SourceError, match=r"holds 2 pictures one after the other"):
        open_source(path)


@pytest.mark.parametrize("name", ["a.tif", "a.czi", "a.ome.zarr", "a.dcm", "a.mrxs"])
def test_an_empty_file_is_said_to_be_empty(run_cli: RunCli, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")

    code, _, err = run_cli(tmp_path / name, "-o", tmp_path / "out.ome.zarr")

    assert code == 1
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
    run_cli: RunCli, rng: np.random.Generator, tmp_path: Path, spoil: slice, value: float
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
    run_cli: RunCli, rng: np.random.Generator, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", rng.random((70, 90)).astype(np.float32))

    for arguments in ((), ("--dry-run",), ("--compare",)):
        code, _, err = run_cli(tmp_path / "a.tif", "-o", tmp_path / "a.ome.zarr", *arguments)

        assert code == 1
        assert err.startswith(f"convert-to-omezarr: {tmp_path / 'a.tif'}: ")
        assert err.count("\n") == 1
