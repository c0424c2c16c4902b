"""Paints synthetic slides with known masks: tissue on glass, with blemishes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .blemishes import BLEMISHES, HELD_BACK_BLEMISHES, Canvas, finish
from .fields import Field, Rng, blur, closed, discs, noise_field
from .library import Library

__all__ = ["KINDS", "paint_slide", "training_slide"]

KINDS = ("plain", "faint", "tinted", *BLEMISHES, *HELD_BACK_BLEMISHES)
"""What a slide can be painted with, for measuring one kind at a time."""

# How often each is seen in training.
_CHANCES = {
    "pen": 0.35,
    "real pen": 0.12,
    "uneven light": 0.35,
    "haze": 0.2,
    "dust": 0.4,
    "coverslip": 0.15,
    "bubbles": 0.15,
    "shadow": 0.12,
    "dots": 0.12,
    "unscanned": 0.15,
}
_FAINT, _TINTED = 0.35, 0.4
# Faint tissue darkens its glass by so many grey levels on average.
_FAINTEST, _FAINT_BELOW = 9, 32
# Gaps that are no wider than a square of this radius count as tissue.
_GAP_RADIUS = 3

Slide = tuple[NDArray[np.uint8], NDArray[np.bool_]]
"""Pixels (height, width, 3), and which of them are tissue."""


def training_slide(rng: Rng, library: Library, shape: tuple[int, int]) -> Slide:
    """Return a slide with any mixture of blemishes that training may see."""
    kinds = [name for name, chance in _CHANCES.items() if rng.random() < chance]
    kinds += ["faint"] * (rng.random() < _FAINT) + ["tinted"] * (rng.random() < _TINTED)
    return paint_slide(rng, library, shape, kinds)


def paint_slide(
    rng: Rng, library: Library, shape: tuple[int, int], kinds: Sequence[str] = ()
) -> Slide:
    """Return a slide painted with tissue of `library`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides everything.
    library : Library
        What to paint with.
    shape : tuple of int
        Height and width.
    kinds : sequence of str
        Some of `KINDS`: what is special about the slide.
    """
    canvas = Canvas(np.ones((*shape, 3), np.float32), np.zeros(shape, bool), library)
    for _ in range(_number_of_pieces(rng)):
        _paint_tissue(rng, canvas, is_faint="faint" in kinds)
    for kind in kinds:
        painter = BLEMISHES.get(kind) or HELD_BACK_BLEMISHES.get(kind)
        if painter is not None:
            painter(rng, canvas)
    pixels = finish(rng, canvas, _glass_colour(rng, is_tinted="tinted" in kinds))
    return pixels, closed(canvas.mask, _GAP_RADIUS)


def _number_of_pieces(rng: Rng) -> int:
    return int(rng.choice([0, 1, 2, 3, 5], p=[0.07, 0.38, 0.3, 0.15, 0.1]))


def _glass_colour(rng: Rng, *, is_tinted: bool) -> NDArray[np.float64]:
    if is_tinted:
        return rng.uniform(185, 250) - rng.uniform(0, 22, 3)
    return rng.uniform(232, 252) - rng.uniform(0, 5, 3)


def _paint_tissue(rng: Rng, canvas: Canvas, *, is_faint: bool) -> None:
    inside = _shape(rng, canvas.shape, is_faint=is_faint)
    if not inside.any():
        return
    light = canvas.library.texture(rng, canvas.shape)
    density = -np.log(light)
    if is_faint:
        taken = 255 * (1 - float(light[inside].mean()))
        density *= rng.uniform(_FAINTEST, _FAINT_BELOW) / max(taken, 1)
        # Pale tissue is pale pink, pale blue, or without colour at all.
        grey = density.mean(-1, keepdims=True)
        density = grey + (density - grey) * rng.uniform(0, 1)
    else:
        patchy = np.clip(1 + 0.25 * noise_field(rng, canvas.shape, canvas.shape[0] / 4), 0.4, 1.5)
        density = density * patchy[..., None]
    cover = blur(inside.astype(np.float32), int(rng.integers(0, 2)), 1)
    canvas.light *= 1 + cover[..., None] * (np.exp(-density) - 1)
    canvas.mask |= inside


def _shape(rng: Rng, shape: tuple[int, int], *, is_faint: bool) -> NDArray[np.bool_]:
    """Return the outline of a piece of tissue: a section, a core, crumbs, or all there is."""
    kind = rng.choice(["section", "core", "crumbs", "all"], p=[0.6, 0.2, 0.14, 0.06])
    ragged = noise_field(rng, shape, rng.uniform(20, 90), 5)
    if kind == "all" and not is_faint:
        return np.ones(shape, bool)
    if kind == "crumbs":
        crumbs: Field = discs(rng, shape, (3, 16), int(rng.integers(3, 40)))
        outlines: NDArray[np.bool_] = crumbs + 0.15 * ragged * (crumbs > 0) > 0.15
        return outlines
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = y - rng.uniform(0.1, 0.9) * height, x - rng.uniform(0.1, 0.9) * width
    angle = rng.uniform(0, np.pi)
    u, v = np.cos(angle) * y + np.sin(angle) * x, np.cos(angle) * x - np.sin(angle) * y
    long = rng.uniform(0.15, 0.6) * max(shape)
    if kind == "core":
        v = v + noise_field(rng, shape, long / 2) * long / 20
        long, short = 1.5 * long, rng.uniform(6, 25)
    else:
        short = long * rng.uniform(0.35, 1)
    distance = 1 - np.sqrt((u / long) ** 2 + (v / short) ** 2)
    inside: NDArray[np.bool_] = distance + rng.uniform(0.02, 0.25) * ragged > 0
    if rng.random() < 0.4:
        # Tears: bands along which another field is near zero.
        tear = noise_field(rng, shape, rng.uniform(40, 150), 3)
        inside &= abs(tear) > rng.uniform(0.01, 0.12)
    return inside
