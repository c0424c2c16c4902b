"""Tables say what the curves say, and where they say little."""

import json
import math
from typing import Any

import pytest

from numcodecs_neural.evaluation import Evaluation, Point, SetResult
from numcodecs_neural.evaluation.report import to_json, to_markdown

OURS = "he-fast-1"


def points(*pairs: tuple[float, float], seam_db: float | None = None) -> tuple[Point, ...]:
    return tuple(
        Point(setting=10 * number, bpp=bpp, psnr=psnr, seam_db=seam_db)
        for number, (bpp, psnr) in enumerate(pairs)
    )


def evaluation(**curves: tuple[Point, ...]) -> Evaluation:
    """Return an evaluation of one set; `ours` is the model, the others are peers."""
    ours = curves.pop("ours")
    result = SetResult(
        name="colon", scale="native", images=1, chunks=1, pixels=1, curves={OURS: ours, **curves}
    )
    return Evaluation(models=(OURS,), peers=tuple(curves), results=(result,))


def row(text: str, start: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def content(found: Evaluation) -> Any:
    return json.loads(to_json(found))


CURVE = points((0.5, 30), (1, 36), (2, 42), seam_db=0.25)
TWICE = points((1, 30), (2, 36), (4, 42))


def test_bd_rates_stand_by_set_and_as_a_mean() -> None:
    text = to_markdown(evaluation(ours=CURVE, AVIF=TWICE, WebP=CURVE))

    assert row(text, "colon, native")[:2] == ["-50 %", "+0 %"]
    assert row(text, "**mean of sets**") == ["**-50 %**", "**+0 %**"]


def test_a_narrow_overlap_is_marked() -> None:
    narrow = points((1, 33), (2, 38.9))

    text = to_markdown(evaluation(ours=CURVE, AVIF=narrow))

    assert row(text, "colon, native")[0].endswith("\\*")
    assert "less than 6 dB in common" in text


def test_no_overlap_leaves_the_mean_out() -> None:
    found = evaluation(ours=CURVE, AVIF=points((1, 50), (2, 60)))

    assert row(to_markdown(found), "**mean of sets**") == ["-"]
    assert content(found)["mean_bd_rate_percent"] == {OURS: {"AVIF": None}}


def test_qualities_stand_with_rate_and_psnr() -> None:
    text = to_markdown(evaluation(ours=CURVE))

    assert row(text, "10") == ["1.00, 36.0"]
    assert row(text, "both rise at every step") == ["yes"]
    assert row(text, "error at chunk borders") == ["+0.25 to +0.25 dB"]


def test_a_quality_that_does_not_rise_is_seen() -> None:
    found = evaluation(ours=points((1, 30), (1.1, 29.9), (2, 42)))

    assert row(to_markdown(found), "both rise at every step") == ["**no**"]
    assert content(found)["results"][0]["rises_at_every_step"] == {OURS: False}


def test_only_what_jpeg_spans_counts() -> None:
    jpeg = {"JPEG 4:2:0": points((1, 32), (2, 36)), "JPEG 4:4:4": points((1, 33), (4, 41))}

    found = evaluation(ours=CURVE, AVIF=TWICE, **jpeg)

    rate = content(found)["results"][0]["bd_rate"][OURS]["AVIF"]
    assert (rate["low"], rate["high"]) == (32, 41)
    assert rate["percent"] == pytest.approx(-50)


def test_json_holds_every_point_and_no_infinity() -> None:
    found = evaluation(ours=points((0.5, 30), (1, math.inf)))

    curve = content(found)["results"][0]["curves"][OURS]

    assert [(point["bpp"], point["psnr"]) for point in curve] == [(0.5, 30), (1, None)]
