# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[convert,train]", "numpy", "safetensors"]
# ///
"""Train the network that `convert-to-omezarr --tissue network` finds tissue with.

python train_tissue.py WEIGHTS.safetensors --tissue FOLDER... [--glass PICTURE...]
    [--ink PICTURE...] [--scenes PICTURE...] [--work WORK] [--minutes 45]

Slides are painted with known masks: tissue from the folders, in the outlines of sections, cores and
crumbs, on glass; with felt pen, shadows, bubbles, dust and more. The glass and ink of pictures that
show nothing else join what is invented. Scenes are real pictures of slides, as small as overviews:
they are labelled by the threshold, where it says the same at full and at half size.

A stopped run goes on with the same command; its checkpoint is written every minute.
"""

import argparse
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from numcodecs_neural.converters.tissue import Overview, find_tissue, glass_colour
from numcodecs_neural.converters.tissue.network import TissueNetwork
from numcodecs_neural.training.images import planes_of
from numcodecs_neural.training.tissue.fit import Fit, fit
from numcodecs_neural.training.tissue.library import load_library
from numcodecs_neural.training.tissue.network import integers_of

UNKNOWN = 255


def main() -> None:
    options = parse()
    plan = Fit(
        library=load_library(options.tissue, options.glass, options.ink),
        scenes=[labelled(planes_of(path, 3)[0]) for path in options.scenes],
        work=options.work,
        minutes=options.minutes,
        seed=options.seed,
    )
    net = fit(plan, lambda line: print(line, flush=True))
    arrays = integers_of(net)
    TissueNetwork(arrays)  # refuses what breaks the bounds
    save_file(arrays, options.weights)
    print(f"{options.weights}: {sum(array.size for array in arrays.values())} numbers")


def labelled(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a picture, labels on which the threshold agrees at two sizes, and its glass."""
    height, width = (size // 2 * 2 for size in pixels.shape[:2])
    pixels = pixels[:height, :width]
    half = pixels.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3)).astype(np.uint8)
    overviews = [Overview(p, (8 * height, 8 * width)) for p in (pixels, half)]
    whole, again = map(find_tissue, overviews)
    agrees = whole == again.repeat(2, 0).repeat(2, 1)
    labels = np.where(agrees, whole.astype(np.uint8), np.uint8(UNKNOWN))
    return pixels, labels, np.array(glass_colour(overviews[0]), float)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the network that finds tissue.")
    parser.add_argument("weights", type=Path, help="file to write")
    parser.add_argument("--tissue", type=Path, nargs="+", required=True, metavar="FOLDER")
    for name in ("glass", "ink", "scenes"):
        parser.add_argument(f"--{name}", type=Path, nargs="*", default=[], metavar="PICTURE")
    parser.add_argument("--work", type=Path, default=Path("tissue-work"))
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
