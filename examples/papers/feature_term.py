# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "numcodecs-neural[evaluate,train]", "imagecodecs", "numpy", "pillow", "scikit-image",
# ]
# ///
"""What the feature term of the loss gives: one model trained with it and without, at equal rate.

python feature_term.py FOLDER [FOLDER...] --off WEIGHTS --on WEIGHTS --features FILE
    [--judge FILE] [--images N] [--figure PNG]

WEIGHTS is a name, or the stem of files that ``numcodecs-neural train`` wrote, with ``LABEL=`` in
front if wanted. Features judge the model that was trained for them, so `--judge` takes a second
network (``pretrain-features --seed 1``) that neither model has seen. Images are measured as
``numcodecs-neural evaluate`` does it: native and reduced by 2, off the grid of the source's JPEG.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from pathlib import Path
from statistics import fmean

import numpy as np
from metric_behaviour import feature_scorer
from papers_common import new_figure, rate_axis, save_figure, table
from papers_weights import rgb_coders

from numcodecs_neural import config
from numcodecs_neural.evaluation.coders import ImageCoder
from numcodecs_neural.evaluation.crops import VIEWS, Crop
from numcodecs_neural.evaluation.curves import Point, bd_rate
from numcodecs_neural.evaluation.images import ImageSet, find_sets
from numcodecs_neural.evaluation.kinds import RGB
from numcodecs_neural.evaluation.measures import LPIPS, MS_SSIM, PSNR, SSIM, Measure
from numcodecs_neural.evaluation.tally import average, measure_chunk

RATES = (0.2, 0.4, 0.7, 1.1)  # bits per pixel; the paper speaks of 0.2 to 1.1
QUALITIES = tuple(range(0, 101, 10))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePoint(Point):
    """A point that also has the distance of features, of one network or two."""

    features: float | None = None
    judge: float | None = None


# By name of the set and view, then by name of the coder.
Curves = dict[str, dict[str, list[FeaturePoint]]]


def main() -> None:
    options = parse()
    config.set(threads=1)
    coders = rgb_coders(f"{options.off},{options.on}", QUALITIES)
    off, on = (coder.name for coder in coders)
    measures = measures_here(options.features, options.judge)
    sets = [found.first(options.images) for found in find_sets(options.paths)]
    curves = dict(measured(sets, coders, measures))
    print(bd_table(curves, off, on, measures))
    print(rate_table(curves, off, on, measures))
    if options.figure:
        draw(curves, off, on, measures, options.figure)


def measures_here(features: Path, judge: Path | None) -> list[Measure]:
    """Return the measures that can be measured, those of features last."""
    measures = [PSNR, SSIM, MS_SSIM]
    if LPIPS.why_not() is None:
        measures.append(LPIPS)
    measures.append(feature_measure("features", "feature distance", features))
    if judge is not None:
        measures.append(feature_measure("judge", "feature distance, other network", judge))
    return measures


def feature_measure(name: str, title: str, path: Path) -> Measure:
    score = feature_scorer(path)
    return Measure(
        name=name,
        title=title,
        # On the scale of a squared error of 8 bits, as PSNR has it.
        to_db=lambda distance: 10 * math.log10(255**2 / distance) if distance > 0 else math.inf,
        digits=2,
        score=lambda image, decoded, _range: score(image, decoded),
    )


def measured(
    sets: Sequence[ImageSet], coders: Sequence[ImageCoder], measures: Sequence[Measure]
) -> Iterator[tuple[str, dict[str, list[FeaturePoint]]]]:
    """Yield the curves of each set in each view."""
    scored = [measure for measure in measures if measure.score]
    for image_set in sets:
        images = [image for image in (i.read() for i in image_set.images) if RGB.holds(image)]
        for view in VIEWS if images else ():
            crops = [Crop.of(image, view) for image in images]
            yield (
                f"{image_set.name}, {view.name}",
                {
                    coder.name: [point(crops, coder, s, scored) for s in coder.settings]
                    for coder in coders
                },
            )


def point(
    crops: Sequence[Crop], coder: ImageCoder, setting: float, scored: Sequence[Measure]
) -> FeaturePoint:
    """Return the mean over images."""
    tallies = [
        reduce(add, (measure_chunk(c, coder, setting, measures=scored) for c in crop.chunks))
        for crop in crops
    ]
    own = [m.field for m in scored if m.field not in Point.__dataclass_fields__]
    distances = {f: fmean(t.scores[f] / t.pixels for t in tallies) for f in own}
    for tally in tallies:
        for field in own:  # which `average` does not know
            del tally.scores[field]
    return FeaturePoint(**asdict(average(tallies, setting)), **distances)


def bd_table(curves: Curves, off: str, on: str, measures: Sequence[Measure]) -> str:
    """Return the bits that `on` needs against `off`, at equal value of each measure."""
    rows = []
    for measure in measures:
        found = [bd_rate(c[off], c[on], measure=measure) for c in curves.values()]
        percents = [f"{rate.percent:+.1f} %" if rate else "-" for rate in found]
        known = [rate.percent for rate in found if rate]
        rows.append((measure.title, *percents, f"{fmean(known):+.1f} %" if known else "-"))
    return table([f"bits of {on} against {off} at equal", *curves, "mean"], rows)


def rate_table(curves: Curves, off: str, on: str, measures: Sequence[Measure]) -> str:
    """Return what both have at equal rates: means over the sets that reach the rate with both."""
    rows = []
    for rate in RATES:
        pairs = [(c[off], c[on]) for c in curves.values() if reach(rate, c[off], c[on])]
        if not pairs:
            continue
        cells = [f"{rate:g}", len(pairs)]
        for measure in measures:
            for column in zip(*pairs, strict=True):
                values = [value_at(points, measure, rate) for points in column]
                cells.append(f"{fmean(values):.{measure.digits}f}")
        rows.append(cells)
    titles = [f"{measure.title}, {name}" for measure in measures for name in (off, on)]
    return table(["bits per pixel", "sets", *titles], rows)


def reach(rate: float, *curves: Sequence[Point]) -> bool:
    return all(min(p.bpp for p in c) <= rate <= max(p.bpp for p in c) for c in curves)


def value_at(points: Sequence[Point], measure: Measure, rate: float) -> float:
    """Return a measure at a rate, interpolated over its logarithm."""
    ordered = sorted(points, key=lambda p: p.bpp)
    rates = [math.log(p.bpp) for p in ordered]
    return float(np.interp(math.log(rate), rates, [measure.of(p) for p in ordered]))


def draw(curves: Curves, off: str, on: str, measures: Sequence[Measure], path: Path) -> None:
    """Draw MS-SSIM and the distances of features, each set and view in a colour."""
    drawn = [m for m in measures if m not in (PSNR, SSIM)]
    figure, panels = new_figure(len(drawn))
    for panel, measure in zip(panels, drawn, strict=True):
        for number, (title, named) in enumerate(curves.items()):
            for name, style in ((off, "--"), (on, "-")):
                rates = [p.bpp for p in named[name]]
                values = [measure.of(p) for p in named[name]]
                label = title if name == on else None
                panel.plot(rates, values, style, color=f"C{number}", label=label, marker=".")
        rate_axis(panel, f"bits per pixel ({on}: solid, {off}: dashed)")
        panel.set_ylabel(measure.title)
        if measure is MS_SSIM:
            panel.set_ylim(0.95, 1)
        else:
            panel.set_yscale("log")
    panels[-1].legend(fontsize="x-small", loc="lower left")
    save_figure(figure, path)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="FOLDER", help="images")
    add("--off", required=True, metavar="WEIGHTS", help="trained without the term")
    add("--on", required=True, metavar="WEIGHTS", help="trained with it")
    add("--features", required=True, type=Path, metavar="FILE", help="network of the term")
    add("--judge", type=Path, metavar="FILE", help="another network")
    add("--images", type=int, metavar="N", help="the first N of each set (all)")
    add("--figure", type=Path, metavar="PNG")
    return parser.parse_args()


if __name__ == "__main__":
    main()
