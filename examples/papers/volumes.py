# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[evaluate]", "numpy", "pillow", "tifffile"]
# ///
"""Volumes and films as one chunk, predicted from slice to slice, and slice by slice.

python volumes.py STACK [STACK...] [--model grey-fast] [--slices 16]

A STACK is a TIFF file of several grey slices, or a folder of such files of one slice each, in the
order of their names. Of each, the slices in the middle become one chunk, and a chunk each. Rates
are bits per voxel of whole chunks, headers included. PSNR is over all voxels of a stack, SSIM the
mean of its slices; both take 255, or the range of a stack of 16 bits, for the peak.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import tifffile
from papers_common import table

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.evaluation.curves import Point, bd_rate
from numcodecs_neural.measure import metrics

QUALITIES = (30, 40, 50, 60, 70, 80)
SHOWN = (40, 60, 80)
LEAST = 11  # pixels on a side, which a window of SSIM has


def main() -> None:
    options = parse()
    config.set(device="numpy", threads=1)
    rows, changes = [], []
    for path in options.stacks:
        volume = middle(read_stack(path), options.slices)
        alone = [coded_alone(volume, NeuralImage(options.model, q)) for q in QUALITIES]
        together = [coded_together(volume, NeuralImage(options.model, q)) for q in QUALITIES]
        found = bd_rate(alone, together)
        changes += [] if found is None else [found.percent]
        change = "" if found is None else f"{found.percent:+.1f} %"
        rows.append([path.stem, "x".join(map(str, volume.shape)), change, *cells(alone, together)])
    rows.append(["mean", "", f"{fmean(changes):+.1f} %" if changes else "", *[""] * len(SHOWN)])
    header = ["stack", "voxels", "bits at equal PSNR", *(f"quality {q}" for q in SHOWN)]
    print(table(header, rows))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("stacks", nargs="+", type=Path, metavar="STACK")
    parser.add_argument("--model", default="grey-fast", help="weights of one channel")
    parser.add_argument("--slices", type=int, default=16, help="of a chunk, at most")
    return parser.parse_args()


def read_stack(path: Path) -> np.ndarray:
    """Return slices (n, H, W), uint8 or uint16; of colour files whose channels are one, that."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    volume = np.squeeze(np.stack([tifffile.imread(file) for file in files]))
    if volume.ndim == 4 and volume.shape[-1] == 3:
        volume = volume[..., volume.reshape(-1, 3).std(0).argmax()]
    if volume.ndim != 3 or volume.dtype not in (np.uint8, np.uint16):
        raise SystemExit(f"{path} holds {volume.shape} of {volume.dtype}, and no grey slices")
    return np.ascontiguousarray(volume)


def middle(volume: np.ndarray, count: int) -> np.ndarray:
    first = max(0, (len(volume) - count) // 2)
    return volume[first : first + count]


def coded_together(volume: np.ndarray, codec: NeuralImage) -> Point:
    chunk = codec.encode(volume)
    return measured(volume, np.asarray(codec.decode(chunk)), [chunk], codec.quality)


def coded_alone(volume: np.ndarray, codec: NeuralImage) -> Point:
    chunks = [codec.encode(plane) for plane in volume]
    decoded = np.stack([np.asarray(codec.decode(chunk)) for chunk in chunks])
    return measured(volume, decoded, chunks, codec.quality)


def measured(
    volume: np.ndarray, decoded: np.ndarray, chunks: Iterable[bytes], quality: int
) -> Point:
    span = 255.0 if volume.dtype == np.uint8 else float(volume.max()) - float(volume.min())
    pairs = [(x[..., None], y[..., None]) for x, y in zip(volume, decoded, strict=True)]
    is_large = min(volume.shape[1:]) >= LEAST
    return Point(
        setting=quality,
        bpp=8 * sum(map(len, chunks)) / volume.size,
        psnr=metrics.psnr(volume, decoded, span),
        ssim=fmean(metrics.ssim(*pair, span) for pair in pairs) if is_large else None,
    )


def cells(alone: Sequence[Point], together: Sequence[Point]) -> list[str]:
    """Return bits per voxel, PSNR and SSIM of both, at some qualities."""
    chosen = [QUALITIES.index(quality) for quality in SHOWN]
    return [f"{cell(alone[i])}; {cell(together[i])}" for i in chosen]


def cell(point: Point) -> str:
    similarity = "" if point.ssim is None else f", {point.ssim:.3f}"
    return f"{point.bpp:.3f}, {point.psnr:.1f}{similarity}"


if __name__ == "__main__":
    main()
