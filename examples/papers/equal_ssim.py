# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[evaluate]", "numpy", "pillow"]
# ///
"""Sizes at equal SSIM with JPEG at quality 80, patch by patch, and times to decode.

python equal_ssim.py FOLDER [FOLDER...] [--models he-fast] [--patches 6] [--figure PNG]

For each patch of 512 x 512, each codec takes the lowest setting whose SSIM is that of JPEG (4:2:0,
quality 80) or more, found by bisection; what is stored then is its size. Settings have steps, so
the size at exactly that SSIM, interpolated to the setting below, is given beside. Decoding is timed
by processor time, one thread, on what was stored; JPEG is timed beside each, in turn. Weights are
names, or stems of files that ``numcodecs-neural train`` wrote.
"""

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

import numpy as np
from papers_common import MARKERS, new_figure, read_patches, save_figure, table
from papers_weights import rgb_coders

from numcodecs_neural import config
from numcodecs_neural.evaluation.coders import ImageCoder
from numcodecs_neural.evaluation.kinds import RGB, SPAN
from numcodecs_neural.evaluation.peers import peer_entrants
from numcodecs_neural.measure import metrics

JPEG, JPEG_QUALITY = "jpeg420", 80
# Settings by rising quality: steps of 1 where a codec has whole numbers, else of 2 % or less.
SETTINGS = {
    "jpeg444": tuple(range(1, 101)),
    "jpeg2000": tuple(np.round(np.arange(22, 50, 0.1), 1)),
    "jpegxl": tuple(np.round(np.geomspace(10, 0.1, 256), 4)),
    "avif": tuple(range(1, 100)),
    "webp": tuple(range(101)),
}
REPEATS = 5
TICKS = (1, 2, 5, 10, 20, 50)


@dataclass(frozen=True)
class Coded:
    """A patch, stored at a setting."""

    stored: bytes
    ssim: float
    setting: float
    pixels: int


@dataclass(frozen=True)
class Found:
    """What a codec needs for one patch; times are of one decode, in seconds."""

    nbytes: int
    exact: float  # bytes at exactly the SSIM that was asked for
    ssim: float
    jpeg_nbytes: int
    seconds: float
    jpeg_seconds: float
    pixels: int

    @property
    def percent(self) -> float:
        return 100 * (self.nbytes / self.jpeg_nbytes - 1)

    @property
    def exact_percent(self) -> float:
        return 100 * (self.exact / self.jpeg_nbytes - 1)


def main() -> None:
    options = parse()
    config.set(device="numpy", threads=1)
    patches = read_patches(options.paths, options.patches)
    jpeg = peer(JPEG)
    references = [reference(patch, jpeg) for patch in patches]
    coders = rgb_coders(options.models, tuple(range(101)))
    coders += [with_steps(peer(name), SETTINGS[name]) for name in options.peers.split(",") if name]
    found = {}
    for coder in coders:
        pairs = zip(patches, references, strict=True)
        found[coder.name] = [compare(patch, coder, jpeg, wanted) for patch, wanted in pairs]
    print(summary(references))
    print(report(found))
    if options.figure:
        draw(found, options.figure)


def peer(name: str) -> ImageCoder:
    return peer_entrants([name])[0].coder_for(RGB)


def with_steps(coder: ImageCoder, settings: Sequence[float]) -> ImageCoder:
    """Return the coder with settings to choose from."""
    return replace(coder, settings=tuple(float(setting) for setting in settings))


def reference(patch: np.ndarray, jpeg: ImageCoder) -> Coded:
    return code(patch, jpeg, JPEG_QUALITY)


def code(patch: np.ndarray, coder: ImageCoder, setting: float) -> Coded:
    stored = coder.encode(patch, setting, SPAN)
    ssim = metrics.ssim(patch, coder.decode(stored, setting, patch.shape))
    return Coded(stored, ssim, setting, patch.size // 3)


def compare(patch: np.ndarray, coder: ImageCoder, jpeg: ImageCoder, wanted: Coded) -> Found | None:
    """Return what a codec needs for the SSIM of `wanted`, or None where it does not reach it."""
    below, reached = bracket(patch, coder, wanted.ssim)
    if reached is None:
        return None
    seconds, jpeg_seconds = decode_times(patch, [(coder, reached), (jpeg, wanted)])
    return Found(
        nbytes=len(reached.stored),
        exact=exact_size(below, reached, wanted.ssim),
        ssim=reached.ssim,
        jpeg_nbytes=len(wanted.stored),
        seconds=seconds,
        jpeg_seconds=jpeg_seconds,
        pixels=wanted.pixels,
    )


def bracket(patch: np.ndarray, coder: ImageCoder, ssim: float) -> tuple[Coded | None, Coded | None]:
    """Return what is stored at the lowest setting that reaches `ssim`, and at the one below."""
    below, reached = None, None
    low, high = 0, len(coder.settings)
    while low < high:
        middle = (low + high) // 2
        tried = code(patch, coder, coder.settings[middle])
        if tried.ssim >= ssim:
            reached, high = tried, middle
        else:
            below, low = tried, middle + 1
    return below, reached


def exact_size(below: Coded | None, reached: Coded, ssim: float) -> float:
    """Return the size at exactly `ssim`: its logarithm is interpolated over -log(1 - SSIM)."""
    if below is None or below.ssim >= reached.ssim:
        return float(len(reached.stored))
    ends = [-math.log(1 - min(coded.ssim, 1 - 1e-9)) for coded in (below, reached)]
    sizes = [math.log(len(coded.stored)) for coded in (below, reached)]
    return math.exp(np.interp(-math.log(1 - ssim), ends, sizes))


def decode_times(patch: np.ndarray, coded: Sequence[tuple[ImageCoder, Coded]]) -> list[float]:
    """Return the least processor time of some decodes of each, taken in turn."""
    times: list[list[float]] = [[] for _ in coded]
    for _ in range(REPEATS):
        for number, (coder, what) in enumerate(coded):
            start = time.process_time()
            coder.decode(what.stored, what.setting, patch.shape)
            times[number].append(time.process_time() - start)
    return [min(each) for each in times]


def summary(references: Sequence[Coded]) -> str:
    ssims = [coded.ssim for coded in references]
    bpp = fmean(8 * len(coded.stored) / coded.pixels for coded in references)
    return (
        f"{len(references)} patches. JPEG at quality {JPEG_QUALITY}: {bpp:.3f} bits "
        f"per pixel, SSIM {fmean(ssims):.4f} ({min(ssims):.4f} to {max(ssims):.4f}).\n"
    )


def report(found: dict[str, list[Found | None]]) -> str:
    """Return the table: one row for each codec, means over the patches."""
    rows = [row_of(name, [f for f in each if f], len(each)) for name, each in found.items()]
    header = "codec|SSIM|bits per pixel|size against JPEG|at exactly its SSIM|decode|times JPEG's"
    return table([*header.split("|"), "patches"], rows)


def row_of(name: str, each: Sequence[Found], count: int) -> list[str]:
    if not each:
        return [name, *["not reached"] * 6, f"0 of {count}"]
    return [
        name,
        f"{fmean(f.ssim for f in each):.4f}",
        f"{fmean(8 * f.nbytes / f.pixels for f in each):.3f}",
        f"{fmean(f.percent for f in each):+.1f} %",
        f"{fmean(f.exact_percent for f in each):+.1f} %",
        f"{1000 * fmean(f.seconds for f in each):.1f} ms",
        f"{time_ratio(each):.1f}",
        f"{len(each)} of {count}",
    ]


def time_ratio(each: Sequence[Found]) -> float:
    """Return the median over patches of the time to decode over that of JPEG beside it."""
    return median(f.seconds / f.jpeg_seconds for f in each)


def draw(found: dict[str, list[Found | None]], path: Path) -> None:
    figure, (panel,) = new_figure(1, height=4.4)
    figure.set_size_inches(7, 4.4)
    for number, (name, results) in enumerate(found.items()):
        each = [f for f in results if f]
        if not each:
            continue
        points = [f.exact_percent for f in each]
        ratio = time_ratio(each)
        panel.plot([ratio] * len(points), points, "_", color=f"C{number}", alpha=0.4)
        panel.plot([ratio], [fmean(points)], MARKERS[number], color=f"C{number}", label=name)
    panel.axhline(0, color="black", linewidth=0.8)
    panel.set_xscale("log")
    panel.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS], minor=False)
    panel.set_xticks([], minor=True)
    panel.set_xlabel("time to decode, in times of JPEG (processor time, one thread)")
    panel.set_ylabel(f"size at the SSIM of JPEG {JPEG_QUALITY} (%)")
    panel.set_title("dashes are patches, marks their mean", fontsize="medium")
    panel.legend(fontsize="small")
    save_figure(figure, path)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="FOLDER", help="images")
    parser.add_argument("--models", default="he-fast", metavar="A,B", help="ours (he-fast)")
    parser.add_argument("--peers", default=",".join(SETTINGS), metavar="A,B", help="others (all)")
    parser.add_argument("--patches", type=int, default=6, metavar="N", help="of each set (6)")
    parser.add_argument("--figure", type=Path, metavar="PNG")
    return parser.parse_args()


if __name__ == "__main__":
    main()
