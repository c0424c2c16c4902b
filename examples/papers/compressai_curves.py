# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[compressai,evaluate]", "numpy", "pillow", "torch"]
# ///
"""The papers' models, trained by ``train_compressai.py``, against ours: rates and times to decode.

python compressai_curves.py WORK FOLDER [FOLDER...] [--models he-fast] [--json FILE] [--figure PNG]

Imports the checkpoints in WORK, one for each lambda, and runs what ``numcodecs-neural evaluate
--codec FILE.json`` runs; `--json` keeps that file. Times are of processors, all threads together,
one chunk at a time, in the same run.
"""

import argparse
import json
import math
import re
import tempfile
from pathlib import Path
from statistics import fmean

import torch
from papers_common import new_figure, rate_axis, save_figure, table

from numcodecs_neural import config
from numcodecs_neural.compressai import import_checkpoint
from numcodecs_neural.evaluation.images import find_sets
from numcodecs_neural.evaluation.measures import MS_SSIM, PSNR
from numcodecs_neural.evaluation.registered import registered_entrant
from numcodecs_neural.evaluation.results import Evaluation
from numcodecs_neural.evaluation.run import evaluate

# JPEG bounds the quality at which curves are compared.
PEERS = ("jpeg420", "jpeg444")


def main() -> None:
    options = parse()
    config.set(device="numpy", threads=1)
    description = describe(options.work, options.arch)
    with tempfile.TemporaryDirectory() as folder:
        path = options.json or Path(folder) / "codec.json"
        path.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
        codec = registered_entrant(path)
    sets = [found.first(options.images) for found in find_sets(options.paths)]
    evaluation = evaluate(
        sets,
        options.models.split(","),
        peers=PEERS,
        codecs=[codec],
        metrics=("psnr", "ms-ssim"),
        with_speed=True,
        progress=print if options.verbose else lambda _: None,
    )
    print(rates(evaluation, codec.name))
    print(times(evaluation, codec.name))
    if options.figure:
        draw(evaluation, options.figure)


def describe(work: Path, arch: str) -> dict[str, object]:
    """Import the checkpoints ARCH-LAMBDA.pth.tar; return what ``evaluate --codec`` reads."""
    name = re.compile(re.escape(arch) + r"-([0-9.e-]+)\.pth\.tar")
    found = ((name.fullmatch(path.name), path) for path in work.iterdir())
    by_lambda = {float(match[1]): path for match, path in found if match}
    if not by_lambda:
        raise SystemExit(f"no {arch}-LAMBDA.pth.tar in {work}: train_compressai.py writes them")
    digests = [import_checkpoint(by_lambda[value], arch) for value in sorted(by_lambda)]
    configs = [{"id": "compressai_image", "arch": arch, "weights": digest} for digest in digests]
    return {"name": arch, "configs": configs}


def rates(evaluation: Evaluation, theirs: str) -> str:
    """Return the bits that ours need against the papers' model, at equal quality."""
    rows = []
    for model in evaluation.models:
        for measure in evaluation.measures:
            found = [r.bd_rate(model, theirs, measure) for r in evaluation.results]
            cells = [f"{bd.percent:+.1f} % ({bd.span:.0f} dB)" if bd else "-" for bd in found]
            mean = evaluation.mean_bd_rate(model, theirs, measure)
            cells.append("-" if mean is None else f"{mean:+.1f} %")
            rows.append([f"{model}, equal {measure.title}", *cells])
    titles = [result.title for result in evaluation.results]
    return table([f"bits against {theirs}", *titles, "mean"], rows)


def times(evaluation: Evaluation, theirs: str) -> str:
    """Return the times, and how many times as long the papers' model takes."""
    speeds = {speed.coder: speed for speed in evaluation.speeds}
    slow = speeds[theirs]
    rows = [
        (
            name,
            f"{speed.psnr:.1f}",
            f"{speed.encode_cpu_ns:.0f}",
            f"{speed.decode_cpu_ns:.0f}",
            f"{slow.encode_cpu_ns / speed.encode_cpu_ns:.1f}",
            f"{slow.decode_cpu_ns / speed.decode_cpu_ns:.1f}",
        )
        for name, speed in speeds.items()
    ]
    header = ["", "PSNR (dB)", "encode (ns/px)", "decode (ns/px)"]
    return table([*header, f"{theirs}: times to encode", "times to decode"], rows)


def draw(evaluation: Evaluation, path: Path) -> None:
    """Draw the mean over sets and views: of rates by their logarithms."""
    measures = [m for m in (PSNR, MS_SSIM) if m in evaluation.measures]
    figure, panels = new_figure(len(measures))
    for panel, measure in zip(panels, measures, strict=True):
        for name in (*evaluation.models, *evaluation.peers):
            points = list(zip(*(r.curves[name] for r in evaluation.results), strict=True))
            bpp = [math.exp(fmean(math.log(p.bpp) for p in point)) for point in points]
            values = [fmean(measure.db(p) for p in point) for point in points]
            width = 2.2 if name in evaluation.models else 1.1
            panel.plot(bpp, values, "o-", label=name, markersize=4, linewidth=width)
        rate_axis(panel)
        panel.set_ylabel("PSNR (dB)" if measure is PSNR else "-10 log10(1 - MS-SSIM) (dB)")
        panel.legend(fontsize="small")
    save_figure(figure, path)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("work", type=Path, metavar="WORK", help="folder of checkpoints")
    add("paths", nargs="+", type=Path, metavar="FOLDER", help="images")
    add("--arch", default="bmshj2018-factorized")
    add("--models", default="he-fast", metavar="A,B", help="ours (he-fast)")
    add("--images", type=int, metavar="N", help="the first N of each set (all)")
    add("--json", type=Path, metavar="FILE", help="for numcodecs-neural evaluate --codec")
    add("--figure", type=Path, metavar="PNG")
    add("--verbose", action="store_true", help="say what is measured")
    return parser.parse_args()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
