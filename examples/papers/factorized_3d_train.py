# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[train]", "numpy", "tifffile", "torch"]
# ///
"""Train a bmshj2018-factorized in three dimensions, one network for each lambda.

python factorized_3d_train.py STACK [STACK...] --work WORK [--minutes 5] [--steps N]

A STACK is a TIFF file of several grey slices, or a folder of such files of one slice each. Stacks
that are held back by their names are left out. The highest lambda is trained first and for twice
the time; each of the others starts from the one before.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from papers_factorized3d import Factorized3d, weights_path
from papers_stacks import Stack, range_of, stacks_of
from papers_training import add_options, load_weights, train

LAMBDAS = (0.1, 0.02, 0.004)
BATCH = 2
CROP = (8, 64, 64)
FIRST = 2  # times the minutes or steps, for the network that starts from nothing


def main() -> None:
    options = parse()
    stacks = [scaled(stack) for stack in stacks_of(options.stacks, held_back=False)]
    print(f"{len(stacks)} stacks to train on", flush=True)
    torch.manual_seed(options.seed)
    net, before = Factorized3d(), None
    for lmbda in sorted(options.lmbda, reverse=True):
        if before is not None:
            load_weights(net, before)
        before = weights_path(options.work, lmbda)
        budget = argparse.Namespace(**vars(options))
        if lmbda == max(options.lmbda):
            budget.minutes *= FIRST
            budget.steps = options.steps and FIRST * options.steps
        train(net, loss_at(lmbda, net, stacks, options.seed), before, budget)


def loss_at(
    lmbda: float, net: Factorized3d, stacks: list[np.ndarray], seed: int
) -> Callable[[int], torch.Tensor]:
    """Return the loss of a step, whose crops its number draws."""

    def loss_of(step: int) -> torch.Tensor:
        return net.loss(crops(stacks, np.random.default_rng((seed, step))), lmbda)

    return loss_of


def scaled(stack: Stack) -> np.ndarray:
    """Return voxels of 0 to 1, and where a crop would not fit, the stack mirrored."""
    low, high = range_of(stack.voxels)
    voxels = (stack.voxels.astype(np.float32) - low) / max(1, high - low)
    missing = [(0, max(0, c - side)) for c, side in zip(CROP, voxels.shape, strict=True)]
    return np.pad(voxels, missing, mode="symmetric")


def crops(stacks: list[np.ndarray], rng: np.random.Generator) -> torch.Tensor:
    """Return crops (N, 1, n, H, W) of stacks drawn alike, mirrored along axes at random."""
    drawn = [stacks[number] for number in rng.integers(0, len(stacks), BATCH)]
    return torch.from_numpy(np.stack([crop(stack, rng) for stack in drawn])[:, None])


def crop(stack: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    begins = [rng.integers(0, side - c + 1) for side, c in zip(stack.shape, CROP, strict=True)]
    cut = stack[tuple(slice(b, b + c) for b, c in zip(begins, CROP, strict=True))]
    return np.flip(cut, [axis for axis in range(3) if rng.integers(0, 2)])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("stacks", nargs="+", type=Path, metavar="STACK")
    parser.add_argument("--lmbda", nargs="+", type=float, default=LAMBDAS, metavar="L")
    add_options(parser, minutes=5)
    return parser.parse_args()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
