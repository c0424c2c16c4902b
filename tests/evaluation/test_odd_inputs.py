"""Inputs that cannot be measured: found before any work, and said in one sentence."""

import os
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import zarr

from numcodecs_neural.errors import SourceError
from numcodecs_neural.evaluation.images import ImageSet
from numcodecs_neural.evaluation.kinds import Pixels
from numcodecs_neural.evaluation.run import evaluate
from tests.annotations import Image, Refused, RunCli

QUICK = ("--peers", "", "--no-speed")


@pytest.fixture
def good(tmp_path: Path, tissue: Image) -> Path:
    """Return an image of 80 x 80 pixels."""
    path = tmp_path / "good.png"
    imagecodecs.imwrite(path, np.ascontiguousarray(tissue[:, :80, :80].transpose(1, 2, 0)))
    return path


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"no image", "cannot be read as an image", id="damaged"),
        pytest.param(
            imagecodecs.png_encode(np.zeros((40, 30, 3), np.uint8)),
            "is too small when reduced by 2: a crop of 18 x 12 pixels",
            id="small",
        ),
        pytest.param(
            imagecodecs.png_encode(np.zeros((2, 2, 3), np.uint8)),
            "is too small when native: a crop of 0 x 0 pixels",
            id="tiny",
        ),
    ],
)
def test_a_bad_image_of_a_later_set_is_found_before_anything_is_measured(
    content: bytes, says: str, good: Path, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "bad.png").write_bytes(content)

    assert f"bad.png {says}" in refused(good, tmp_path / "bad.png", *QUICK, code=1)


def test_a_small_image_that_no_model_codes_spoils_nothing(
    good: Path, tmp_path: Path, run_evaluate: RunCli
) -> None:
    imagecodecs.imwrite(tmp_path / "grey.png", np.zeros((8, 8), np.uint8))

    code, _, err = run_evaluate(good, tmp_path / "grey.png", *QUICK)

    assert code == 1
    assert err.splitlines()[-1] == "grey was skipped: he-fast-2 cannot code grey images"


class Vanishing:
    """An image that can be read once."""

    name = "vanishing.png"

    def __init__(self, pixels: Pixels) -> None:
        self._left: list[Pixels] = [pixels]

    def read(self) -> Pixels:
        if not self._left:
            raise SourceError(f"{self.name} is gone")
        return self._left.pop()


def test_an_image_that_cannot_be_read_again_is_not_called_small(tissue: Image) -> None:
    image = Vanishing(tissue[:, :80, :80].transpose(1, 2, 0))

    with pytest.raises(SourceError, match=r"^vanishing\.png is gone$"):
        evaluate([ImageSet(name="set", images=(image,))], peers=())


@pytest.mark.parametrize("shape", [(0, 64, 3), (3, 64, 0), (0, 64)], ids=str)
def test_an_empty_zarr_array_is_refused(
    shape: tuple[int, ...], tmp_path: Path, refused: Refused
) -> None:
    chunks: Any = tuple(max(n, 1) for n in shape)
    zarr.create_array(tmp_path / "a.zarr", shape=shape, chunks=chunks, dtype="uint8")

    assert "no axis empty" in refused(tmp_path / "a.zarr", *QUICK)


def test_too_few_pixels_of_a_zarr_array_are_refused(
    tmp_path: Path, tissue: Image, refused: Refused
) -> None:
    zarr.create_array(tmp_path / "a.zarr", data=tissue[:, :96, :96])

    err = refused(tmp_path / "a.zarr", "--max-pixels", 3, *QUICK)

    assert "3 pixels are too few to measure: take at least 16 x 16" in err


def test_a_bar_in_a_name_breaks_no_table(good: Path, tmp_path: Path, run_evaluate: RunCli) -> None:
    path = good.rename(tmp_path / "a|b.png")

    code, out, _ = run_evaluate(path, "--peers", "jpeg444", "--no-speed")

    assert code == 0
    assert r"| a\|b, native |" in out
    assert "a|b" not in out


def test_a_name_that_is_no_text_is_shown_as_far_as_it_is(
    good: Path, tmp_path: Path, run_evaluate: RunCli
) -> None:
    path = tmp_path / os.fsdecode(b"sl\xffde.png")
    try:
        good.rename(path)
    except OSError:
        pytest.skip("this file system takes no such names")
    outputs = ["--markdown", tmp_path / "out.md", "--plots", tmp_path / "plots"]

    code, _, err = run_evaluate(path, *outputs, *QUICK)

    assert code == 0
    assert "sl?de, native: image 1 of 1" in err
    assert "sl?de, native" in (tmp_path / "out.md").read_text(encoding="utf-8")
    assert list((tmp_path / "plots").glob("*.png"))


def test_names_may_have_spaces_after_their_commas(good: Path, run_evaluate: RunCli) -> None:
    code, _, err = run_evaluate(
        good, "--models", "he-fast, he-perceptual ,", "--metrics", " psnr", *QUICK
    )

    assert code == 0
    assert "weights" not in err
