# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[evaluate]", "numpy", "pillow", "tifffile", "torch"]
# ///
"""Stacks by a bmshj2018-factorized in three dimensions, and by ours: rates, PSNR, SSIM, times.

python factorized_3d.py STACK [STACK...] --work WORK [--model grey-fast] [--slices 16]

WORK holds what ``factorized_3d_train.py`` trained. Only stacks that are held back by their names
are measured: the slices in the middle, by the network as one file, and by ours as ``volumes.py``
codes them, a chunk for each slice or one chunk. Rates are bits per voxel of whole files; PSNR and
SSIM take 255, or the range of a stack of 16 bits, for the peak.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
from factorized_3d_train import LAMBDAS
from papers_common import table
from papers_factorized3d import StackCoder
from papers_stacks import Stack, stacks_of
from volumes import cell, coded_alone, coded_together, measured, middle

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.evaluation.curves import Point, bd_rate, rate_at
from numcodecs_neural.evaluation.measures import PSNR

QUALITIES = tuple(range(0, 101, 10))
TIMED_QUALITY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Of one stack: by the network, and by ours slice by slice and together."""

    stack: Stack
    network: list[Point]
    alone: list[Point]
    together: list[Point]


def main() -> None:
    options = parse()
    config.set(device="numpy", threads=1)
    found = stacks_of(options.stacks, held_back=True)
    stacks = [Stack(stack.name, middle(stack.voxels, options.slices)) for stack in found]
    coders = {lmbda: StackCoder(options.work, lmbda) for lmbda in sorted(options.lmbda)}
    results = [curves_of(stack, coders, options.model) for stack in stacks]
    print(qualities(results, coders))
    print(differences(results))
    print(times(stacks, coders, options.model))


def curves_of(stack: Stack, coders: dict[float, StackCoder], model: str) -> Curves:
    codecs = [NeuralImage(model, quality) for quality in QUALITIES]
    network = []
    for lmbda, coder in coders.items():
        stored = coder.encode(stack.voxels)
        network.append(measured(stack.voxels, coder.decode(stored), [stored], lmbda))
    return Curves(
        stack=stack,
        network=network,
        alone=[coded_alone(stack.voxels, codec) for codec in codecs],
        together=[coded_together(stack.voxels, codec) for codec in codecs],
    )


def qualities(results: Sequence[Curves], coders: dict[float, StackCoder]) -> str:
    """Return what the network reaches, and the bits that ours needs for the same PSNR."""
    rows = []
    for of in results:
        size = "x".join(map(str, of.stack.voxels.shape))
        rows.append([of.stack.name, size, *(beside(of, point) for point in of.network)])
    trained = [f"lambda {lmbda:g}, {coder.steps:,} steps" for lmbda, coder in coders.items()]
    return table(["stack", "voxels", *trained], rows)


def beside(of: Curves, point: Point) -> str:
    """Return a point of the network, and the bits of ours at its PSNR."""
    rates = [rate_at(curve, PSNR, point.psnr) for curve in (of.alone, of.together)]
    return f"{cell(point)}; {', '.join('-' if rate is None else f'{rate:.3f}' for rate in rates)}"


def differences(results: Sequence[Curves]) -> str:
    """Return the bits that ours needs against the network at equal PSNR."""
    rows, found = [], []
    for of in results:
        alone, together = bd_rate(of.network, of.alone), bd_rate(of.network, of.together)
        if alone is None or together is None:
            rows.append([of.stack.name, "-", "-", "curves do not overlap"])
            continue
        found.append((alone.percent, together.percent))
        span = f"{together.low:.1f} to {together.high:.1f}"
        rows.append([of.stack.name, *(f"{x:+.1f} %" for x in found[-1]), span])
    if found:
        means = (fmean(column) for column in zip(*found, strict=True))
        rows.append(["mean", *(f"{mean:+.1f} %" for mean in means), ""])
    return table(["bits of ours", "slice by slice", "together", "PSNR (dB)"], rows)


def times(stacks: Sequence[Stack], coders: dict[float, StackCoder], model: str) -> str:
    """Return the time of a core for a voxel, over all stacks: of code that ran before."""
    ours = NeuralImage(model, TIMED_QUALITY)
    network = next(iter(coders.values()))
    rows = []
    for title, coder in (("network", network), (f"ours together, quality {TIMED_QUALITY}", ours)):
        files, encode_s = timed(lambda c=coder: [c.encode(stack.voxels) for stack in stacks])
        _, decode_s = timed(lambda c=coder, f=files: [c.decode(stored) for stored in f])
        voxels = sum(stack.voxels.size for stack in stacks)
        rows.append([title, f"{1e9 * encode_s / voxels:.0f}", f"{1e9 * decode_s / voxels:.0f}"])
    return table(["", "encode (ns/voxel)", "decode (ns/voxel)"], rows)


def timed(call: Callable[[], list[bytes]]) -> tuple[list[bytes], float]:
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("stacks", nargs="+", type=Path, metavar="STACK")
    parser.add_argument("--work", type=Path, required=True, help="folder of trained networks")
    parser.add_argument("--lmbda", nargs="+", type=float, default=LAMBDAS, metavar="L")
    parser.add_argument("--model", default="grey-fast", help="our weights of one channel")
    parser.add_argument("--slices", type=int, default=16, help="of a stack, at most")
    return parser.parse_args()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
