# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "numcodecs-neural[evaluate,convert]", "imagecodecs", "numpy", "pillow", "scikit-image",
#     "scipy", "tifffile",
# ]
# ///
"""Does the background stay white? The error of chroma on glass, by quality.

python white_stays_white.py [SLIDE...] [--models he-fast] [--patches 12] [--figure PNG]

On glass made here (below), and on the glass of slides that tifffile reads. Chroma is Cb and Cr of
JPEG, in grey levels. Two figures each: the largest error of a pixel, which also counts noise that
is smoothed away, and the largest of a mean over 8 x 8 pixels, which is the smear that an eye sees.
Weights are names, or stems of files that ``numcodecs-neural train`` wrote.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
import tifffile
from papers_common import MARKERS, new_figure, save_figure, spread, table
from papers_weights import rgb_coders
from scipy import ndimage

from numcodecs_neural.evaluation.coders import ImageCoder
from numcodecs_neural.evaluation.kinds import RGB, SPAN
from numcodecs_neural.evaluation.peers import peer_entrants

QUALITIES = (0, 20, 40, 60, 80, 100)
JPEG_QUALITY = 80
SIDE_PX = 512
BLOCK_PX = 8
SMEAR_PX = 16  # between glass that counts, and anything else
TO_CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
# How far glass may be from the colour that most of it has, in levels of any channel.
GLASS_LEVELS = 14


@dataclass(frozen=True, eq=False)
class Patch:
    """A patch (512, 512, 3), and which of its pixels are glass."""

    kind: str
    pixels: np.ndarray
    glass: np.ndarray


@dataclass(frozen=True)
class Error:
    """Error of chroma over patches of a kind, in levels."""

    pixel: float
    block: float
    over_one: float  # share of pixels


def main() -> None:
    options = parse()
    patches = list(synthetic())
    for slide in options.slides:
        patches += real(slide, options.patches)
    (jpeg,) = (entrant.coder_for(RGB) for entrant in peer_entrants(["jpeg420"]))
    models = rgb_coders(options.models, QUALITIES)
    errors = {}
    for coder, settings in [*((model, QUALITIES) for model in models), (jpeg, (JPEG_QUALITY,))]:
        for setting in settings:
            errors[coder.name, setting] = measure(patches, coder, setting)
    for model in models:
        columns = [(model.name, q) for q in QUALITIES] + [(jpeg.name, JPEG_QUALITY)]
        for title, field in (("a mean over 8 x 8", "block"), ("a pixel", "pixel")):
            print(f"{model.name}: largest error of chroma of {title}, in levels\n")
            print(levels_table(errors, columns, field))
        print(f"{model.name}: pixels with an error of chroma of more than one level, in %\n")
        print(levels_table(errors, columns, "over_one"))
    if options.figure:
        draw(errors, [model.name for model in models], jpeg.name, options.figure)


def synthetic() -> Iterator[Patch]:
    """Yield glass as scanners show it, alone and around tissue; the same each time."""
    rng = np.random.default_rng(0)
    everywhere = np.ones((SIDE_PX, SIDE_PX), bool)
    grey = np.full((SIDE_PX, SIDE_PX, 3), (245.0, 243, 246))
    y, x = np.mgrid[-1 : 1 : SIDE_PX * 1j, -1 : 1 : SIDE_PX * 1j]
    shade = 1 - 0.04 * (y * y + x * x)[..., None]
    noise = rng.normal(0, 1, grey.shape)
    yield Patch("white 255", as_pixels(grey * 0 + 255), everywhere)
    yield Patch("grey 245", as_pixels(grey), everywhere)
    yield Patch("grey 245, vignette", as_pixels(grey * shade), everywhere)
    yield Patch("grey 245, noise of 1 level", as_pixels(grey + noise), everywhere)
    yield Patch("vignette and noise", as_pixels(grey * shade + noise), everywhere)
    tissue = skimage.data.immunohistochemistry().astype(float)
    distance = np.hypot(y, x)[..., None]
    cover = np.clip((0.6 - distance) * 60, 0, 1)
    far = distance[..., 0] > 0.6 + 2 * SMEAR_PX / SIDE_PX
    yield Patch("white 255 around tissue", as_pixels(255 + cover * (tissue - 255)), far)
    shaded = grey * shade + noise
    yield Patch("vignette around tissue", as_pixels(shaded + cover * (tissue - shaded)), far)


def as_pixels(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def real(slide: Path, count: int) -> Iterator[Patch]:
    """Yield patches of a slide that are glass, and patches that are a fifth or more of each."""
    image = tifffile.imread(slide, key=0)
    colour = glass_colour(image)
    alone, beside = [], []
    for y in range(3, image.shape[0] - SIDE_PX + 1, SIDE_PX):
        for x in range(5, image.shape[1] - SIDE_PX + 1, SIDE_PX):
            pixels = np.ascontiguousarray(image[y : y + SIDE_PX, x : x + SIDE_PX])
            glass = is_glass(pixels, colour)
            if glass.all():
                alone.append(Patch(f"{slide.name}: glass", pixels, glass))
            elif 0.2 < glass.mean() < 0.8:
                beside.append(Patch(f"{slide.name}: glass beside tissue", pixels, glass))
    yield from spread(alone, count)
    yield from spread(beside, count)


def glass_colour(image: np.ndarray) -> np.ndarray:
    """Return the colour of the brighter quarter of a slide, which is glass if there is any."""
    small = image[::16, ::16].reshape(-1, 3)
    brightness = small.mean(axis=1)
    return np.median(small[brightness >= np.percentile(brightness, 75)], axis=0)


def is_glass(pixels: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Return which pixels (H, W) are glass, 16 or more away from all else."""
    smooth = ndimage.gaussian_filter(pixels.astype(np.float32), (2, 2, 0))
    near = (np.abs(smooth - colour) <= GLASS_LEVELS).all(axis=2)
    return ndimage.minimum_filter(near, 2 * SMEAR_PX + 1, mode="nearest")


def measure(patches: Sequence[Patch], coder: ImageCoder, setting: float) -> dict[str, Error]:
    """Return the worst of each kind."""
    found: dict[str, list[Error]] = {}
    for patch in patches:
        stored = coder.encode(patch.pixels, setting, SPAN)
        decoded = coder.decode(stored, setting, patch.pixels.shape)
        found.setdefault(patch.kind, []).append(chroma_error(patch, decoded))
    return {
        kind: Error(
            max(e.pixel for e in errors),
            max(e.block for e in errors),
            float(np.mean([e.over_one for e in errors])),
        )
        for kind, errors in found.items()
    }


def chroma_error(patch: Patch, decoded: np.ndarray) -> Error:
    """Return the error of Cb or Cr, whichever is larger, on the glass of one patch."""
    difference = (decoded.astype(float) - patch.pixels) @ TO_CHROMA.T
    error = np.abs(difference).max(axis=2)[patch.glass]
    height, width = (n // BLOCK_PX for n in patch.glass.shape)
    blocks = difference.reshape(height, BLOCK_PX, width, BLOCK_PX, 2).mean(axis=(1, 3))
    whole = patch.glass.reshape(height, BLOCK_PX, width, BLOCK_PX).all(axis=(1, 3))
    return Error(error.max(), np.abs(blocks[whole]).max(), (error > 1).mean())


def levels_table(
    errors: dict[tuple[str, float], dict[str, Error]],
    columns: Sequence[tuple[str, float]],
    field: str,
) -> str:
    factor, digits = (100, 3) if field == "over_one" else (1, 2)
    rows = [
        (kind, *(f"{factor * getattr(errors[c][kind], field):.{digits}f}" for c in columns))
        for kind in errors[columns[0]]
    ]
    model = columns[0][0]
    titles = [f"quality {s:g}" if name == model else f"{name}, {s:g}" for name, s in columns]
    return table(["glass", *titles], rows)


def draw(
    errors: dict[tuple[str, float], dict[str, Error]], models: Sequence[str], jpeg: str, path: Path
) -> None:
    figure, panels = new_figure(len(models))
    for panel, model in zip(panels, models, strict=True):
        for number, kind in enumerate(errors[model, QUALITIES[0]]):
            blocks = [errors[model, quality][kind].block for quality in QUALITIES]
            style = {"color": f"C{number % 10}", "marker": MARKERS[number % len(MARKERS)]}
            panel.plot(QUALITIES, blocks, label=kind, markersize=4, **style)
            theirs = errors[jpeg, JPEG_QUALITY][kind].block
            panel.plot([106], [theirs], **style)
        panel.axhline(1, color="black", linestyle=":")
        panel.set_xlabel(f"quality ({jpeg} at {JPEG_QUALITY}: at the right)")
        panel.set_ylabel("largest error of chroma, 8 x 8 means (levels)")
        panel.set_title(model)
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize="small", loc="outside right")
    figure.set_size_inches(1 + 5.2 * len(models) + 3, 4.6)
    save_figure(figure, path)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slides", nargs="*", type=Path, metavar="SLIDE")
    parser.add_argument("--models", default="he-fast", metavar="A,B", help="ours (he-fast)")
    parser.add_argument("--patches", type=int, default=12, metavar="N", help="of a slide (12)")
    parser.add_argument("--figure", type=Path, metavar="PNG")
    return parser.parse_args()


if __name__ == "__main__":
    main()
