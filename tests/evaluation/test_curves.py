"""BD-rate of curves whose answer is known."""

import math

import pytest

from numcodecs_neural.evaluation import Point, bd_rate
from numcodecs_neural.evaluation.curves import efficient, rises

PSNRS = (30.0, 33.5, 36.0, 40.0, 43.0)
# Neither straight nor smooth, so that an interpolation has something to do.
RATES = (0.4, 0.75, 1.0, 2.1, 4.0)


def curve(
    scale: float = 1.0, psnrs: tuple[float, ...] = PSNRS, rates: tuple[float, ...] = RATES
) -> list[Point]:
    return [
        Point(setting=number, bpp=rate * scale, psnr=psnr)
        for number, (rate, psnr) in enumerate(zip(rates, psnrs, strict=True))
    ]


@pytest.mark.parametrize(
    ("scale", "percent"),
    [
        pytest.param(1.0, 0.0, id="itself"),
        pytest.param(0.5, -50.0, id="half the rate"),
        pytest.param(0.75, -25.0, id="three quarters"),
        pytest.param(2.0, 100.0, id="twice the rate"),
    ],
)
def test_a_scaled_curve_has_its_scale(scale: float, percent: float) -> None:
    found = bd_rate(curve(), curve(scale))

    assert found is not None
    assert found.percent == pytest.approx(percent, abs=1e-9)
    assert (found.low, found.high, found.span) == (30.0, 43.0, 13.0)


def test_exponential_curves_have_their_closed_form() -> None:
    # log2 of the rates: p / 6 and p / 3 - 5; they differ by p / 6 - 5, by 5 / 6 on the mean over
    # 30 to 40 dB. Sampled at different places.
    anchor = [Point(setting=p, bpp=2 ** (p / 6), psnr=p) for p in (30, 34, 37, 40)]
    tested = [Point(setting=p, bpp=2 ** (p / 3 - 5), psnr=p) for p in (28, 31, 36, 42)]

    found = bd_rate(anchor, tested)

    assert found is not None
    assert found.percent == pytest.approx(100 * (2 ** (5 / 6) - 1), abs=1e-6)


def test_only_the_overlap_counts() -> None:
    found = bd_rate(curve(), curve(psnrs=tuple(p + 5 for p in PSNRS)))

    assert found is not None
    assert (found.low, found.high) == (35.0, 43.0)


def test_only_the_window_counts() -> None:
    found = bd_rate(curve(), curve(0.5), window=(32.0, 41.0))

    assert found is not None
    assert (found.low, found.high) == (32.0, 41.0)
    assert found.percent == pytest.approx(-50.0)


@pytest.mark.parametrize(
    "tested",
    [
        pytest.param(curve(psnrs=(10, 11, 12, 13, 14)), id="no overlap"),
        pytest.param(curve()[:1], id="one point"),
        pytest.param(curve(psnrs=(30, 20, 20, 20, 20)), id="one efficient point"),
    ],
)
def test_without_common_ground_there_is_no_bd_rate(tested: list[Point]) -> None:
    assert bd_rate(curve(), tested) is None


def test_the_order_of_the_settings_does_not_matter() -> None:
    assert bd_rate(curve()[::-1], curve(0.5)) == bd_rate(curve(), curve(0.5))


def test_points_that_a_cheaper_one_beats_are_left_out() -> None:
    points = curve(psnrs=(30, 33, 33, 32, math.inf))

    assert [point.setting for point in efficient(points)] == [0, 1]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        pytest.param(curve(), True, id="both rise"),
        pytest.param(curve(psnrs=(30, 31, 31, 32, 33)), False, id="level PSNR"),
        pytest.param(curve(rates=(1, 2, 1.9, 3, 4)), False, id="falling rate"),
    ],
)
def test_rising_means_both_at_every_step(points: list[Point], *, expected: bool) -> None:
    assert rises(points) is expected
