"""Rate-distortion curves as PNG files: one for each set, view and measure, and one for the mean."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from numcodecs_neural.evaluation.curves import Point
from numcodecs_neural.evaluation.kinds import KINDS
from numcodecs_neural.evaluation.measures import PSNR, Measure
from numcodecs_neural.evaluation.results import Evaluation, SetResult, mean_of

__all__ = ["write_plots"]

SIZE_INCHES = (7.5, 5.5)
DPI = 120
# Of similarities and distances: they are drawn in dB and labelled by what they are.
TICKS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
MARKERS = "osDv^<>pP*X"


def write_plots(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write a PNG for each measure and result, and for the mean of the sets of each kind.

    Parameters
    ----------
    evaluation : Evaluation
    folder : Path
        Made if it does not exist.

    Returns
    -------
    list of Path
        The files, in order.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for measure in evaluation.measures:
        for title, curves in _pictures(evaluation):
            path = folder / f"{measure.name}-{_slug(title)}.png"
            _draw(path, title, measure, curves, evaluation.models)
            written.append(path)
    return written


def _pictures(evaluation: Evaluation) -> Iterator[tuple[str, Mapping[str, Sequence[Point]]]]:
    """Yield the title and the curves of each picture."""
    for result in evaluation.results:
        yield result.title, result.curves
    for kind in KINDS:
        results = [r for r in evaluation.results if r.kind == kind and not r.is_aligned]
        if len(results) > 1:
            yield f"mean of sets, {kind.title}", _mean_curves(results)


def _mean_curves(results: Sequence[SetResult]) -> dict[str, list[Point]]:
    """Return the mean over results of what each codec has at each of its settings.

    Rates are averaged by their logarithms, as BD-rates are.
    """
    return {
        name: [
            _mean_point(points)
            for points in zip(*(result.curves[name] for result in results), strict=True)
        ]
        for name in results[0].curves
        if all(name in result.curves for result in results)
    }


def _mean_point(points: Sequence[Point]) -> Point:
    return Point(
        setting=points[0].setting,
        bpp=math.exp(fmean(math.log(point.bpp) for point in points)),
        psnr=fmean(point.psnr for point in points),
        ssim=mean_of([point.ssim for point in points]),
        ms_ssim=mean_of([point.ms_ssim for point in points]),
        lpips=mean_of([point.lpips for point in points]),
    )


def _draw(
    path: Path,
    title: str,
    measure: Measure,
    curves: Mapping[str, Sequence[Point]],
    models: Sequence[str],
) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, (name, curve) in enumerate(curves.items()):
        drawn = [point for point in curve if math.isfinite(measure.db(point))]
        axes.plot(
            [point.bpp for point in drawn],
            [measure.db(point) for point in drawn],
            label=name,
            color=f"C{number % 10}",
            marker=MARKERS[number % len(MARKERS)],
            markersize=4,
            linewidth=2.4 if name in models else 1.1,
        )
    axes.set_xscale("log")
    axes.set_xlabel("rate (bits per pixel)")
    axes.set_ylabel(f"{measure.title} (dB)" if measure is PSNR else measure.title)
    axes.set_title(title)
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(fontsize="small")
    _label(axes, measure)
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def _label(axes: Any, measure: Measure) -> None:
    """Label rates as plain numbers, and similarities and distances by what they are."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if measure is PSNR:
        return
    low, high = axes.get_ylim()
    is_distance = measure.to_db(0.01) > measure.to_db(0.99)
    values = [round(1 - tick, 6) for tick in TICKS] if is_distance else TICKS
    shown = [value for value in values if low <= measure.to_db(value) <= high]
    if len(shown) > 1:
        axes.set_yticks([measure.to_db(value) for value in shown], [f"{v:g}" for v in shown])


def _slug(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", title).strip("-")
