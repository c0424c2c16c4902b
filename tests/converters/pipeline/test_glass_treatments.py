"""The paper's experiment on glass, from end to end on a small slide."""

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from numcodecs_neural.converters.geometry.levels import Region
from tests.annotations import Image

PAPERS = Path(__file__).resolve().parents[3] / "examples" / "papers"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PAPERS))
    return importlib.import_module("glass_treatments")


def test_views_are_parts_and_means_of_the_slide(script: Any, array_source: Any) -> None:
    pixels = array_source.pixels
    off_grid = script.View(array_source, 3, 5, 1)
    reduced = script.View(array_source, 3, 5, 2)
    region = Region(10, 20, 30, 40)

    height, width = pixels.shape[:2]
    assert off_grid.info.shape == (height - 3, width - 5)
    assert np.array_equal(off_grid.read_region(region), pixels[13:43, 25:65])
    assert reduced.info.shape == ((height - 3) // 2, (width - 5) // 2)
    assert reduced.info.mpp == (1.0, 1.0)
    block = pixels[3 + 20 : 3 + 22, 5 + 40 : 5 + 42].mean(axis=(0, 1))
    assert np.array_equal(reduced.read_region(region)[0, 0], np.rint(block))


def test_slide_is_converted_with_each_treatment(
    script: Any,
    slide: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "slide.tif"
    pixels = slide[200:1000, 100:800].astype(int)
    dirt = np.random.default_rng(1).integers(-5, 6, pixels.shape)  # which takes bits to keep
    pixels += np.where(pixels.min(-1, keepdims=True) > 235, dirt, 0)
    tifffile.imwrite(path, pixels.astype(np.uint8), photometric="rgb", tile=(256, 256))
    arguments = ["glass_treatments", path, "--codecs", "jpeg,neural", "--views", "aligned"]
    monkeypatch.setattr(sys, "argv", list(map(str, arguments)))

    script.main()

    shown = capsys.readouterr().out
    assert re.match(r"aligned: 700 x 800 pixels, 2 levels, \d+ % of level 0 elided\n", shown)
    rows = [line.split("|")[1:-1] for line in shown.splitlines() if "quality" in line]
    (jpeg, ours) = ([cell.strip() for cell in row] for row in rows)
    assert jpeg[:2] == ["JPEG", "quality 80"]
    assert ours[0] == "he-fast-2"
    assert abs(float(jpeg[2]) - float(ours[2])) < 0.004
    for row in (jpeg, ours):
        keep, flatten, elide = (float(cell.split()[0]) for cell in row[4:])
        assert flatten < keep
        assert elide <= keep
    assert jpeg[4].endswith("(+0 %)")
