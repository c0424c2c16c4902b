"""Plots are PNG files whose curves are those of the evaluation."""

import dataclasses
from pathlib import Path
from typing import Any

import imagecodecs
import pytest
from matplotlib.figure import Figure

from numcodecs_neural.evaluation import Evaluation, Point, SetResult
from numcodecs_neural.evaluation.kinds import GREY, RGB
from numcodecs_neural.evaluation.measures import PSNR, SSIM
from numcodecs_neural.evaluation.plots import write_plots


def result(name: str, scale: str, factor: float, **options: Any) -> SetResult:
    curve = tuple(
        Point(setting=n, bpp=factor * 2.0**n, psnr=30 + 3 * n, ssim=1 - 0.1 * 2.0**-n)
        for n in range(4)
    )
    twice = tuple(Point(setting=p.setting, bpp=2 * p.bpp, psnr=p.psnr, ssim=p.ssim) for p in curve)
    curves = {"he-fast-1": curve, "AVIF": twice}
    return SetResult(name=name, scale=scale, images=1, chunks=1, pixels=1, curves=curves, **options)


EVALUATION = Evaluation(
    models=("he-fast-1",),
    peers=("AVIF",),
    results=(
        result("colon", "native", 0.1),
        result("colon", "reduced by 2", 0.4),
        result("colon", "native, aligned", 9, kind=RGB),
        result("xray/a", "native", 0.1, kind=GREY),
    ),
    measures=(PSNR, SSIM),
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the axes of each figure that is saved, by the name of its file."""
    found: dict[str, Any] = {}
    save = Figure.savefig

    def keep(figure: Any, path: Path, **options: Any) -> None:
        found[path.name] = figure.axes[0]
        save(figure, path, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return found


ONE = dataclasses.replace(EVALUATION, results=EVALUATION.results[:1])


def test_every_measure_and_result_has_a_picture(tmp_path: Path) -> None:
    written = write_plots(EVALUATION, tmp_path / "new")

    # One grey result has no mean of its own, and the aligned one is not in the other.
    titles = ["colon-native", "colon-reduced-by-2", "colon-native-aligned", "xray-a-native"]
    names = [*titles, "mean-of-sets-RGB"]
    assert [path.name for path in written] == [
        f"{measure}-{name}.png" for measure in ("psnr", "ssim") for name in names
    ]
    assert {imagecodecs.imread(path).shape[:2] for path in written} == {(660, 900)}


def test_pictures_show_the_curves(tmp_path: Path, drawn: dict[str, Any]) -> None:
    write_plots(ONE, tmp_path)

    axes = drawn["psnr-colon-native.png"]
    ours, avif = axes.get_lines()
    assert (ours.get_label(), avif.get_label()) == ("he-fast-1", "AVIF")
    assert list(ours.get_xdata()) == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert list(ours.get_ydata()) == [30, 33, 36, 39]
    assert ours.get_linewidth() > avif.get_linewidth()
    assert axes.get_xscale() == "log"
    assert axes.get_ylabel() == "PSNR (dB)"


def test_the_mean_of_sets_is_that_of_log_rates(tmp_path: Path, drawn: dict[str, Any]) -> None:
    write_plots(dataclasses.replace(EVALUATION, measures=(PSNR,)), tmp_path)

    ours = drawn["psnr-mean-of-sets-RGB.png"].get_lines()[0]
    assert list(ours.get_xdata()) == pytest.approx([0.2, 0.4, 0.8, 1.6])


def test_similarities_are_drawn_in_decibels_and_labelled_as_they_are(
    tmp_path: Path, drawn: dict[str, Any]
) -> None:
    write_plots(ONE, tmp_path)

    axes = drawn["ssim-colon-native.png"]
    assert axes.get_lines()[0].get_ydata()[0] == pytest.approx(10)
    labels = {text.get_text(): place for text, place in zip(*_ticks(axes), strict=True)}
    assert labels["0.95"] == pytest.approx(13.01, abs=0.01)


def _ticks(axes: Any) -> tuple[Any, Any]:
    return axes.get_yticklabels(), axes.get_yticks()
