# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[convert,train]", "numpy"]
# ///
"""Measure what finds tissue, on slides painted with tissue that it was not made with.

python measure_tissue.py FOLDER... [--slides 24] [--kinds pen faint ...]
    [--weights WEIGHTS.safetensors]

The folders hold stained tissue. For each kind of blemish so many slides are painted; the table
says, for the threshold and the network: Dice, how much tissue is kept with a margin of 12 pixels
of the overview (50 micrometres where one is four), and how much glass is taken for tissue.
"""

import argparse
from pathlib import Path

import numpy as np

from numcodecs_neural.converters.tissue import Overview, find_tissue, network
from numcodecs_neural.converters.tissue.morphology import grown, without_holes, without_specks
from numcodecs_neural.training.tissue.library import Library, load_library
from numcodecs_neural.training.tissue.slides import KINDS, paint_slide

SHAPE = (512, 512)
MARGIN = 12
# Smaller holes and crumbs are no tissue's and no glass's business: the detectors fill the ones and
# leave out the others, and so does the truth.
HOLE_AREA, SPECK_AREA = 2000, 60


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what finds tissue.")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--slides", type=int, default=24)
    parser.add_argument("--weights", type=Path, default=network.WEIGHTS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, metavar="KIND")
    options = parser.parse_args()
    network.WEIGHTS = options.weights
    # Tissue all over: what is measured must be known.
    library = load_library(options.folders, most_glass=0)
    print(f"{len(library.tissue)} textures")

    print("| kind | threshold: Dice | kept with margin | glass | network: Dice | kept | glass |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for kind in options.kinds:
        seeds = [(KINDS.index(kind), slide, 5) for slide in range(options.slides)]
        found = [measure(how, kind, library, seeds) for how in ("threshold", "network")]
        cells = [f"{d:.3f} | {r:.4f} | {100 * g:.1f} %" for d, r, g in found]
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)


def measure(
    how: str, kind: str, library: Library, seeds: list[tuple[int, ...]]
) -> tuple[float, float, float]:
    """Return Dice, recall with margin, and the share of glass taken for tissue."""
    both = either = kept = tissue = wrong = glass = 0
    for seed in seeds:
        pixels, truth = paint_slide(np.random.default_rng(seed), library, SHAPE, [kind])
        truth = without_specks(without_holes(truth, HOLE_AREA), SPECK_AREA)
        found = find_tissue(Overview(pixels, (8 * SHAPE[0], 8 * SHAPE[1])), how)
        both += np.count_nonzero(found & truth)
        either += np.count_nonzero(found) + np.count_nonzero(truth)
        kept += np.count_nonzero(grown(found, MARGIN) & truth)
        tissue += np.count_nonzero(truth)
        wrong += np.count_nonzero(found & ~truth)
        glass += np.count_nonzero(~truth)
    return 2 * both / max(either, 1), kept / max(tissue, 1), wrong / max(glass, 1)


if __name__ == "__main__":
    main()
