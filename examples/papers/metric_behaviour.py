# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "numcodecs-neural[evaluate,train]", "imagecodecs", "numpy", "pillow", "scikit-image",
# ]
# ///
"""How measures of quality behave under JPEG blocking and under shifts of colour.

python metric_behaviour.py FOLDER [FOLDER...] [--features FILE] [--patches 3] [--figure PNG]

JPEG (4:2:0) from quality 90 to 10; shifts of a* and b* of CIELAB by 0 to 50, the mean of the four
directions. What one measure finds as bad as the other is the last table: the JPEG quality with the
same value as a shift. `--features` is a network of ``numcodecs-neural pretrain-features``, whose
distance stands for LPIPS where the weights of that are not installed.
"""

import argparse
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
from papers_common import new_figure, read_patches, save_figure, table
from skimage.color import lab2rgb, rgb2lab

from numcodecs_neural.evaluation.measures import LPIPS, MS_SSIM
from numcodecs_neural.measure import metrics

QUALITIES = tuple(range(90, 0, -10))
SHIFTS = (0, 5, 10, 20, 30, 40, 50)
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1))  # of a* and b*
Scorer = Callable[[np.ndarray, np.ndarray], float]
# By measure: its value at each step of a distortion.
Values = dict[str, list[float]]


def main() -> None:
    options = parse()
    patches = read_patches(options.paths, options.patches)
    scorers = usable_scorers(options.features)
    print(f"{len(patches)} patches\n")
    jpeg = measure(patches, scorers, [partial(jpegs, quality=q) for q in QUALITIES])
    colour = measure(patches, scorers, [partial(shifts, distance=d) for d in SHIFTS])
    print(behaviour("JPEG quality", QUALITIES, jpeg))
    print(behaviour("Lab shift", SHIFTS, colour))
    print(equivalents(jpeg, colour))
    if options.figure:
        draw(jpeg, colour, options.figure)


def usable_scorers(features: Path | None) -> dict[str, Scorer]:
    """Return the measures that can be measured here; of LPIPS and features, LPIPS first."""
    scorers: dict[str, Scorer] = {
        "PSNR": metrics.psnr,
        "SSIM": metrics.ssim,
        "MS-SSIM": lambda a, b: MS_SSIM.score(a, b, 255.0),
    }
    missing = LPIPS.why_not()
    if missing is None:
        scorers["LPIPS"] = lambda a, b: LPIPS.score(a, b, 255.0)
    else:
        print(f"LPIPS is not measured: {missing}\n")
    if features is not None:
        scorers["features"] = feature_scorer(features)
    return scorers


def feature_scorer(path: Path) -> Scorer:
    """Return the squared distance of deep features, on the scale of a squared error."""
    import torch

    from numcodecs_neural.training.features import load_features

    network, _ = load_features(path)

    def distance(image: np.ndarray, other: np.ndarray) -> float:
        planes = [torch.from_numpy(x.transpose(2, 0, 1)[None].astype("f4")) for x in (image, other)]
        with torch.inference_mode():
            return float(network.distance(*planes))

    return distance


def jpegs(image: np.ndarray, quality: int) -> list[np.ndarray]:
    """Return the image through JPEG."""
    return [imagecodecs.jpeg_decode(imagecodecs.jpeg_encode(image, quality, subsampling="420"))]


def shifts(image: np.ndarray, distance: float) -> list[np.ndarray]:
    """Return the image with all colours moved in each direction, clipped where RGB ends."""
    lab = rgb2lab(image)
    moved = [lab + distance * np.array([0, *direction]) for direction in DIRECTIONS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # where RGB ends
        return [np.rint(255 * np.clip(lab2rgb(x), 0, 1)).astype(np.uint8) for x in moved]


def measure(
    patches: Sequence[np.ndarray],
    scorers: dict[str, Scorer],
    distortions: Iterable[Callable[[np.ndarray], list[np.ndarray]]],
) -> Values:
    """Return the mean of each measure over patches, and over the pictures a distortion gives."""
    values: Values = {name: [] for name in scorers}
    for distort in distortions:
        pairs = [(patch, other) for patch in patches for other in distort(patch)]
        for name, score in scorers.items():
            values[name].append(float(np.mean([score(*pair) for pair in pairs])))
    return values


def behaviour(title: str, steps: Sequence[float], values: Values) -> str:
    """Return the table of one distortion."""
    rows = zip(*(map(partial(shown, name), column) for name, column in values.items()), strict=True)
    return table([title, *values], [(step, *row) for step, row in zip(steps, rows, strict=True)])


def shown(name: str, value: float) -> str:
    if math.isinf(value):
        return "no error"
    return f"{value:.1f}" if name in ("PSNR", "features") else f"{value:.4f}"


def equivalents(jpeg: Values, colour: Values) -> str:
    """Return the table of JPEG qualities that measures find as bad as shifts."""
    rows = []
    for number, shift in enumerate(SHIFTS):
        if shift:
            values = ((name, colour[name][number]) for name in jpeg)
            rows.append((shift, *(as_bad_as(jpeg[name], value) for name, value in values)))
    return table(["as bad as the Lab shift", *(f"JPEG by {name}" for name in jpeg)], rows)


def as_bad_as(curve: Sequence[float], value: float) -> str:
    """Return the JPEG quality at which a measure has a value, interpolated.

    Examples
    --------
    >>> curve = [40.0, 38, 36, 34, 32, 30, 28, 26, 24]
    >>> as_bad_as(curve, 37), as_bad_as(curve, 41), as_bad_as(curve, 10)
    ('75', 'above 90', 'below 10')
    """
    worse = np.array(curve) * (1 if curve[-1] > curve[0] else -1)
    value = value if curve[-1] > curve[0] else -value
    if value < worse[0]:
        return f"above {QUALITIES[0]}"
    if value > worse[-1]:
        return f"below {QUALITIES[-1]}"
    return f"{np.interp(value, np.maximum.accumulate(worse), QUALITIES):.0f}"


def draw(jpeg: Values, colour: Values, path: Path) -> None:
    figure, panels = new_figure(len(jpeg), height=3.4)
    for panel, name in zip(panels, jpeg, strict=True):
        panel.plot(QUALITIES, jpeg[name], "o-", color="C0", label="JPEG, by quality")
        panel.set_xlim(95, 5)
        panel.set_xlabel("JPEG quality")
        other = panel.twiny()
        pairs = zip(SHIFTS, colour[name], strict=True)
        finite = [(shift, value) for shift, value in pairs if value and math.isfinite(value)]
        other.plot(*zip(*finite, strict=True), "s--", color="C3", label="Lab, by shift")
        other.set_xlabel("Lab shift", color="C3")
        panel.set_ylabel(name)
        if name == "features":
            panel.set_yscale("log")
        lines = [*panel.lines, *other.lines]
        place = "lower right" if name == "features" else "upper right"
        panel.legend(lines, [line.get_label() for line in lines], fontsize="small", loc=place)
    save_figure(figure, path)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="FOLDER", help="images")
    parser.add_argument("--features", type=Path, metavar="FILE", help="network of features")
    parser.add_argument("--patches", type=int, default=3, metavar="N", help="of each set (3)")
    parser.add_argument("--figure", type=Path, metavar="PNG")
    return parser.parse_args()


if __name__ == "__main__":
    main()
