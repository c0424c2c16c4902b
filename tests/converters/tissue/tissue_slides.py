"""Slides painted with known masks, of tissue that no detector was made with."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.converters.tissue import Overview, find_tissue
from numcodecs_neural.converters.tissue.morphology import grown, without_holes, without_specks
from numcodecs_neural.training.tissue.library import Library, synthetic_library
from numcodecs_neural.training.tissue.slides import paint_slide
from tests.annotations import Image, Rng

MASKS = Path(__file__).with_name("masks")
SHAPE = (384, 384)
# 50 micrometres, where a pixel of the overview is four.
MARGIN = 12
# Smaller holes belong to the tissue around them, and smaller crumbs are dust, to both detectors.
HOLE_AREA, SPECK_AREA = 2000, 60


class Figures(NamedTuple):
    """How well masks agree with the truth, over all their pixels."""

    dice: float
    recall_with_margin: float
    glass_kept: float


def held_back_library() -> Library:
    """Return a library of the image inside scikit-image, reduced, and of invented tissue."""
    import skimage.data

    pixels = skimage.data.immunohistochemistry()
    light = np.clip(pixels / np.quantile(pixels, 0.995, axis=(0, 1)), 0.004, 1)
    textures = [
        light.reshape(512 // n, n, 512 // n, n, 3).mean((1, 3)).astype(np.float32) for n in (4, 8)
    ]
    invented = synthetic_library(np.random.default_rng(3), number=4)
    return Library(tissue=[*textures, *invented.tissue], glass=[], ink=[])


def measured(how: str, kind: str, *, slides: int, library: Library) -> Figures:
    """Return the figures of a detector on slides that are special in one way."""
    pairs = []
    for seed in range(slides):
        pixels, truth = paint_slide(np.random.default_rng([seed, 11]), library, SHAPE, [kind])
        truth = without_specks(without_holes(truth, HOLE_AREA), SPECK_AREA)
        pairs.append((find_tissue(overview(pixels), how), truth))
    return figures(pairs, MARGIN)


def figures(pairs: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]], margin: int) -> Figures:
    both = sum(int((found & truth).sum()) for found, truth in pairs)
    either = sum(int(found.sum() + truth.sum()) for found, truth in pairs)
    kept = sum(int((grown(found, margin) & truth).sum()) for found, truth in pairs)
    tissue = sum(int(truth.sum()) for _, truth in pairs)
    wrong = sum(int((found & ~truth).sum()) for found, truth in pairs)
    glass = sum(int((~truth).sum()) for _, truth in pairs)
    return Figures(2 * both / max(either, 1), kept / max(tissue, 1), wrong / max(glass, 1))


def overview(pixels: Image) -> Overview:
    return Overview(pixels, (8 * pixels.shape[0], 8 * pixels.shape[1]))


def glass(rng: Rng) -> Image:
    """Return noisy glass of 300 x 300 pixels."""
    noise = rng.integers(-2, 3, (300, 300, 1))
    return (np.array([225, 212, 226]) + noise).astype(np.uint8)


def stained(tissue: Image) -> Image:
    return np.moveaxis(tissue, 0, -1)


def drawn_mask(name: str) -> tuple[str, NDArray[np.bool_]]:
    """Return which slide was drawn by hand, and the mask in the pixels of its overview."""
    from skimage.draw import polygon2mask

    drawing = json.loads((MASKS / f"{name}.json").read_text())
    shape = tuple(drawing["overview"])
    mask = np.zeros(shape, bool)
    for points in drawing["polygons"]:
        mask |= polygon2mask(shape, [(y, x) for x, y in points])
    return drawing["slide"], mask
