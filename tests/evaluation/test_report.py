"""Tables say what the curves say, and where they say little."""

import dataclasses
import json
import math
from typing import Any

import pytest

from numcodecs_neural.evaluation import Evaluation, Point, SetResult
from numcodecs_neural.evaluation.kinds import GREY16
from numcodecs_neural.evaluation.measures import MS_SSIM, PSNR, SSIM
from numcodecs_neural.evaluation.report import card_tables, to_markdown
from numcodecs_neural.evaluation.speed import Speed
from numcodecs_neural.evaluation.stored import deviations, to_json

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
    assert content(found)["mean_bd_rate_percent"]["psnr"] == {OURS: {"AVIF": None}}


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

    rate = content(found)["results"][0]["bd_rate"]["psnr"][OURS]["AVIF"]
    assert (rate["low"], rate["high"]) == (32, 41)
    assert rate["percent"] == pytest.approx(-50)


def test_json_holds_every_point_and_no_infinity() -> None:
    found = evaluation(ours=points((0.5, 30), (1, math.inf)))

    curve = content(found)["results"][0]["curves"][OURS]

    assert [(point["bpp"], point["psnr"]) for point in curve] == [(0.5, 30), (1, None)]


def similar(*pairs: tuple[float, float], name: str = "ssim") -> tuple[Point, ...]:
    """Return points at qualities 30, 40 ... of rate and similarity; PSNR rises by 3 dB each."""
    settings: list[dict[str, Any]] = [{name: value} for _, value in pairs]
    return tuple(
        Point(setting=30 + 10 * number, bpp=bpp, psnr=30 + 3 * number, **settings[number])
        for number, (bpp, _) in enumerate(pairs)
    )


# JPEG at 30, 40 ... 80 is at SSIM 0.9 to 0.99, and needs 2 bits for that.
JPEG = similar((0.3, 0.9), (0.5, 0.92), (0.8, 0.94), (1.2, 0.96), (1.5, 0.98), (2, 0.99))


def with_ssim(**curves: tuple[Point, ...]) -> Evaluation:
    return dataclasses.replace(evaluation(**curves), measures=(PSNR, SSIM))


def test_rate_at_the_ssim_of_jpeg_80_is_read_off_the_curve() -> None:
    # Straight in log-rate over dB: 1 bit at 0.99 lies on the curve.
    ours = similar((0.25, 0.9), (1, 0.99), (4, 0.999))

    found = with_ssim(ours=ours, **{"JPEG 4:2:0": JPEG, "AVIF": ours[:1]})

    text = to_markdown(found)
    assert "at equal SSIM with JPEG at quality 80" in text
    table = text[text.index("at equal SSIM with JPEG") :]
    assert row(table, "colon, native") == ["-50 %", "not reached"]
    assert row(table, "**mean of sets**") == ["**-50 %**", "-"]
    assert "not reached: its curve, or that of JPEG, does not pass the point" in table
    stated = content(found)["results"][0]["percent_against_jpeg_at"]["ssim_of_jpeg_q80"]
    assert stated[OURS] == pytest.approx(-50)
    assert stated["JPEG 4:2:0"] == pytest.approx(0, abs=1e-9)


def test_rate_at_a_stated_ms_ssim_is_read_off_both_curves() -> None:
    curves = {
        "ours": similar((0.1, 0.9), (1, 0.99), (10, 0.999), name="ms_ssim"),
        "JPEG 4:2:0": similar((0.4, 0.9), (4, 0.99), (40, 0.999), name="ms_ssim"),
    }

    found = dataclasses.replace(evaluation(**curves), measures=(PSNR, MS_SSIM))

    assert "at MS-SSIM 0.99" in to_markdown(found)
    stated = content(found)["results"][0]["percent_against_jpeg_at"]
    assert stated["ms_ssim_0.99"][OURS] == pytest.approx(-75)


def test_without_jpeg_there_are_no_stated_points() -> None:
    assert "JPEG at quality 80" not in to_markdown(with_ssim(ours=JPEG, AVIF=JPEG))


def test_every_measure_has_its_table() -> None:
    ours = similar((0.5, 0.9), (1, 0.99))

    text = to_markdown(with_ssim(ours=ours, AVIF=similar((1, 0.9), (2, 0.99))))

    assert "needs at equal RGB-PSNR, against" in text
    table = text[text.index("needs at equal SSIM, against") :]
    assert row(table, "colon, native")[0] == "-50 %"
    assert row(text, "30") == ["0.50, 30.0, 0.9000"]


def test_aligned_crops_stand_apart_from_the_mean() -> None:
    found = evaluation(ours=CURVE, AVIF=TWICE)
    (native,) = found.results
    aligned = dataclasses.replace(
        native, scale="native, aligned", curves={OURS: CURVE, "AVIF": CURVE}
    )

    both = dataclasses.replace(found, results=(native, aligned))

    text = to_markdown(both)
    assert row(text, "colon, native, aligned")[:1] == ["+0 %"]
    assert both.mean_bd_rate(OURS, "AVIF") == pytest.approx(-50)
    assert both.mean_bd_rate(OURS, "AVIF", aligned=True) == pytest.approx(0)
    assert text.index("aligned crops, which start at (0, 0)") > text.index("**mean of sets**")


def test_a_codec_that_takes_no_part_in_a_set_has_its_mean_over_the_others() -> None:
    found = evaluation(ours=CURVE, AVIF=TWICE)
    (native,) = found.results
    grey = dataclasses.replace(native, name="grey", curves={OURS: CURVE}, kind=GREY16)

    both = dataclasses.replace(found, results=(native, grey))

    text = to_markdown(both)
    assert row(text, "grey, native")[0] == "n/a"
    assert row(text, "**mean of sets**") == ["**-50 %**"]
    assert "n/a: it does not code such images" in text


def test_16_bit_sets_say_what_their_peak_is() -> None:
    found = evaluation(ours=CURVE)
    grey = dataclasses.replace(found.results[0], kind=GREY16, data_range=(1000.0, 4095.0))

    text = to_markdown(dataclasses.replace(found, results=(grey,)))

    assert "each image's own range of samples, 1000 to 4095;" in text
    assert "and PSNR (dB) of" in text


SPEED = Speed(
    coder=OURS,
    setting=60,
    psnr=37.5,
    pixels=1,
    workers=2,
    encode_mpx_s=12.34,
    decode_mpx_s=56.7,
    encode_cpu_ns=99,
    decode_cpu_ns=8,
)


def test_a_card_has_its_own_tables_and_no_others() -> None:
    found = dataclasses.replace(
        evaluation(ours=CURVE, AVIF=TWICE), speeds=(SPEED,), notes=("LPIPS was not measured",)
    )

    card, whole = card_tables(found), to_markdown(found)

    assert whole.startswith(card.rstrip())
    assert row(whole[whole.index("Speed") :], OURS) == ["60, 37.5 dB", "12.3", "56.7", "99", "8"]
    assert "2 chunks at once" in whole
    assert "- LPIPS was not measured" in whole
    assert "Speed" not in card
    assert "LPIPS" not in card


def test_an_evaluation_is_as_it_was_stored() -> None:
    found = evaluation(ours=CURVE)

    assert deviations(found, content(found)) == []


@pytest.mark.parametrize(
    ("curve", "count"),
    [
        pytest.param(points((0.502, 30.01), (1, 36), (2, 42)), 0, id="near"),
        pytest.param(points((0.51, 30), (1, 36), (2, 42)), 1, id="rate"),
        pytest.param(points((0.5, 30), (1, 36.1), (2, 41)), 2, id="PSNR"),
        pytest.param(points((0.5, 30), (1, math.inf), (2, 42)), 1, id="lossless"),
        pytest.param(points((0.5, 30), (1, 36)), 1, id="a setting less"),
    ],
)
def test_figures_that_are_not_as_stored_are_told(curve: tuple[Point, ...], count: int) -> None:
    stored = content(evaluation(ours=CURVE))

    lines = deviations(evaluation(ours=curve), stored)

    assert len(lines) == count
    assert all(line.startswith("colon, native: he-fast-1 at ") for line in lines)


def test_other_images_and_other_weights_are_told() -> None:
    found = evaluation(ours=CURVE)
    stored = content(found)
    stored["models"] = {OURS: "0" * 64}
    stored["results"].append(stored["results"][0] | {"name": "skin"})
    stored["results"][0]["pixels"] = 2

    digest, pixels, missing = deviations(found, stored)

    assert "and 0000" in digest
    assert pixels == "colon, native has 1 pixels, and 2 were stored"
    assert missing == "skin, native was stored and is missing"
