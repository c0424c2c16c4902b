"""chunk-psnr: every chunk of a store that is coded with loss has at least so many decibels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import skimage.data

from numcodecs_neural.converters.options import ConvertOptions, OmeZarrVersion
from numcodecs_neural.converters.pipeline.plan import plan_conversion
from numcodecs_neural.measure.metrics import psnr
from tests.annotations import Convert

TARGET = 36.0


def options(**changes: Any) -> ConvertOptions:
    defaults: dict[str, Any] = {
        "chunk_px": 128,
        "glass": "keep",
        "chunk_psnr": TARGET,
        "levels": 2,
        "workers": 1,
    }
    return ConvertOptions(**(defaults | changes))


@pytest.fixture
def source(source_of: Callable[..., Any]) -> Any:
    data: Any = skimage.data
    return source_of(np.ascontiguousarray(data.immunohistochemistry()[:300, :400]))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_every_chunk_has_at_least_its_target(
    version: OmeZarrVersion, source: Any, converted: Convert
) -> None:
    group, report = converted(source, options(ome_zarr_version=version))

    level: Any = group["0"]
    found = np.moveaxis(level[:], 0, -1)
    height, width = found.shape[:2]
    original = source.pixels
    reached = [
        psnr(original[y : y + 128, x : x + 128], found[y : y + 128, x : x + 128])
        for y in range(0, height, 128)
        for x in range(0, width, 128)
    ]
    assert min(reached) >= TARGET
    assert np.median(reached) <= TARGET + 0.2
    assert [each.pixels for each in report.levels] == ["36 dB", "36 dB"]


def test_the_history_names_the_target_and_no_quality(source: Any, converted: Convert) -> None:
    group, _ = converted(source, options())

    (step,) = group.attrs["numcodecs_neural"]["lossy_history"]
    assert step["target_psnr"] == TARGET
    assert "quality" not in step


def test_reduced_levels_may_have_a_quality(source: Any) -> None:
    plan = plan_conversion(source, options(levels_quality=30))

    first, second = (codec.parameters for codec in plan.codecs)
    assert first["target_psnr"] == TARGET
    assert "quality" not in first
    assert second["quality"] == 30
    assert "target_psnr" not in second
