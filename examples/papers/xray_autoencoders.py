# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[train]", "numpy", "pillow", "torch"]
# ///
"""Train autoencoders of X-rays whose difference is kept: dense, CNN 1.0, CNN 2.0 and two-stage.

python xray_autoencoders.py FOLDER --work WORK [--minutes 5] [--steps N] [--only cnn-1]

The loss is in bits a pixel: those of the latents by their prior, and those of a Laplacian as wide
as the difference. The second of two stages codes what the trained CNN 1.0 has left.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from papers_autoencoders import LEVELS, MIDDLE, NAMES, build, load_stages
from papers_training import add_options, train
from papers_xrays import read_squares

BATCH = 4
CROP = 128


def main() -> None:
    options = parse()
    images = np.stack(read_squares(options.folder, held_back=False))
    print(f"{len(images)} images to train on", flush=True)
    for name in options.only or NAMES:
        train_one(name, images, options)


def train_one(name: str, images: np.ndarray, options: argparse.Namespace) -> None:
    net = build(name, options.seed)
    before = load_stages("cnn-1", options.work) if name == "two-stage" else []

    def loss_of(step: int) -> torch.Tensor:
        x = crops(images, np.random.default_rng((options.seed, step)))
        for stage, _ in before:
            x = x - stage.reconstruction(stage.latents(x).round())
        return net.bits(x)

    train(net, loss_of, options.work / f"{name}.pt", options)


def crops(images: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """Return crops (N, 1, H, W) around zero, half of them mirrored."""
    side = images.shape[1] - CROP + 1
    drawn = rng.integers(0, (len(images), side, side, 2), (BATCH, 4))
    cut = [images[n, y : y + CROP, x : x + CROP][:, :: 1 - 2 * m] for n, y, x, m in drawn]
    return (torch.from_numpy(np.stack(cut)[:, None].astype(np.float32)) - MIDDLE) / LEVELS


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="X-rays, grey of 8 bits")
    parser.add_argument("--only", nargs="+", choices=NAMES, help="not all networks")
    add_options(parser, minutes=5)
    return parser.parse_args()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
