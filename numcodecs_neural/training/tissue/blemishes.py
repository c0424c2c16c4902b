"""Paints blemishes (pen, dust, bubbles, shadows) over a synthetic slide and its mask.

Each takes a `Canvas` and changes it. The mask stays as it is: none of them is tissue, and tissue
that lies under ink is tissue still.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fields import Field, Rng, blur, curve, discs, noise_field
from .library import Library, Texture

__all__ = ["BLEMISHES", "HELD_BACK_BLEMISHES", "Canvas", "finish"]


@dataclass(slots=True, eq=False)
class Canvas:
    """A slide that is being painted.

    Parameters
    ----------
    light : Texture
        How much light passes.
    mask : ndarray
        What is tissue, bool.
    library : Library
        What to paint with.
    """

    light: Texture
    mask: NDArray[np.bool_]
    library: Library

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.mask.shape[0], self.mask.shape[1]

    def absorb(self, where: Field, density: NDArray[np.floating] | float) -> None:
        """Take light away: `where` says how much of `density`, for each colour."""
        self.light *= np.exp(-where[..., None] * np.asarray(density, np.float32))

    def shade(self, factor: Field) -> None:
        """Multiply all colours by `factor`."""
        self.light *= factor[..., None]


# What ink takes out of red, green and blue.
_INKS = {
    "green": (2.0, 0.45, 0.75),
    "light green": (1.1, 0.3, 0.7),
    "blue": (2.2, 1.5, 0.35),
    "dark blue": (2.6, 2.2, 1.0),
    "light blue": (1.5, 0.55, 0.15),
    "red": (0.25, 2.2, 1.9),
    "dark red": (0.6, 2.5, 2.2),
    "pink": (0.1, 1.2, 0.6),
    "black": (2.4, 2.4, 2.3),
    "grey": (1.2, 1.2, 1.15),
}
_INKS_HELD_BACK = {"orange": (0.08, 0.85, 2.2), "violet": (1.3, 2.0, 0.6)}


def pen(rng: Rng, canvas: Canvas, inks: dict[str, tuple[float, float, float]] = _INKS) -> None:
    """Strokes of felt pens: one colour, faint or streaky in places, blurred."""
    density = np.array(inks[str(rng.choice(list(inks)))]) * rng.uniform(0.5, 1.3)
    density = density * rng.uniform(0.85, 1.15, 3)
    for _ in range(rng.integers(1, 4)):
        width = rng.uniform(4, canvas.shape[0] / rng.uniform(6, 40))
        where = curve(rng, canvas.shape, width, rng.choice([0.05, 0.3, 0.8]))
        where = blur(where, int(rng.integers(0, 4)))
        if rng.random() < 0.6:
            streaks = noise_field(rng, canvas.shape, rng.uniform(3, 30), 3)
            where = where * np.clip(0.75 + 0.35 * streaks, rng.uniform(0, 0.4), 1.2)
        canvas.absorb(where, density)


def unseen_pen(rng: Rng, canvas: Canvas) -> None:
    """Strokes in colours that are not trained on."""
    pen(rng, canvas, _INKS_HELD_BACK)


def real_pen(rng: Rng, canvas: Canvas) -> None:
    """Ink as it was photographed, over a part of the slide."""
    ink = canvas.library.ink_texture(rng, canvas.shape)
    if ink is None:
        return pen(rng, canvas)
    where = curve(rng, canvas.shape, rng.uniform(10, canvas.shape[0] / 4))[..., None]
    canvas.light *= ink * where + 1 - where
    return None


def shadow(rng: Rng, canvas: Canvas) -> None:
    """A soft shadow: of the slide's edge, a label, or dirt under the glass."""
    height, width = canvas.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    across = np.cos(angle) * (y - height / 2) + np.sin(angle) * (x - width / 2)
    across = across + noise_field(rng, canvas.shape, height / 3) * height / 40
    edge = rng.uniform(0.25, 0.5) * max(height, width)
    soft = rng.uniform(1.5, height / 12)
    depth = rng.uniform(0.1, 0.75)
    canvas.shade(1 - depth / (1 + np.exp(np.clip(-(across - edge) / soft, -30, 30))))


def uneven_light(rng: Rng, canvas: Canvas) -> None:
    """A lamp out of centre, a lens that shades its corners, stripes of a line scanner."""
    height, width = canvas.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = y / height - rng.uniform(0.2, 0.8), x / width - rng.uniform(0.2, 0.8)
    canvas.shade(1 - rng.uniform(0, 0.28) * (y * y + x * x))
    tint = np.clip(noise_field(rng, canvas.shape, height / rng.uniform(1, 3)), -2, 2)
    canvas.absorb(tint + 2, rng.uniform(0, 0.025, 3))
    if rng.random() < 0.5:
        stripes = np.repeat(rng.normal(0, 0.012, width), rng.integers(4, 60))[:width]
        factor = np.broadcast_to((1 + stripes).astype(np.float32), canvas.shape)
        canvas.shade(factor if rng.random() < 0.5 or height != width else factor.T)


def haze(rng: Rng, canvas: Canvas) -> None:
    """Stain that ran out of the tissue into the mounting medium: smooth and pale."""
    near = blur(canvas.mask.astype(np.float32), int(rng.integers(10, 60)))
    veil = near * np.clip(0.6 + 0.6 * noise_field(rng, canvas.shape, 150), 0, 1.5)
    canvas.absorb(veil, np.array([0.02, 0.17, 0.07]) * rng.uniform(0.2, 1))


def dust(rng: Rng, canvas: Canvas) -> None:
    """Specks, crumbs and fibres."""
    specks = np.clip(discs(rng, canvas.shape, (0.6, 3.5), int(rng.integers(3, 60))) * 3, 0, 1)
    canvas.absorb(specks, rng.uniform(0.1, 2) * rng.uniform(0.8, 1.2, 3))
    for _ in range(rng.integers(0, 5)):
        fibre = curve(rng, canvas.shape, rng.uniform(1, 4), 0.8)
        length = noise_field(rng, canvas.shape, canvas.shape[0] / 3) > 0.4
        canvas.absorb(blur(fibre * length, 1), rng.uniform(0.1, 1) * rng.uniform(0.7, 1.3, 3))
    blots = blur(np.clip(discs(rng, canvas.shape, (6, 25), int(rng.integers(0, 8))) * 2, 0, 1), 3)
    canvas.absorb(blots, rng.uniform(0.01, 0.12))


def coverslip(rng: Rng, canvas: Canvas) -> None:
    """The edge of the cover glass: a thin line, and other light beyond it."""
    line = blur(curve(rng, canvas.shape, rng.uniform(1, 4), rng.choice([0.0, 0.05, 0.3])), 1)
    canvas.absorb(line, rng.uniform(0.1, 2.2))
    height, width = canvas.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    beyond = np.cos(angle) * y + np.sin(angle) * x > rng.uniform(0, height)
    canvas.absorb(beyond.astype(np.float32), rng.uniform(0, 0.05) * rng.uniform(0.8, 1.2, 3))


def bubbles(rng: Rng, canvas: Canvas) -> None:
    """Bubbles of air: a dark rim, and a bright ring inside it."""
    depth = discs(rng, canvas.shape, (6, 70), int(rng.integers(1, 7)))
    thickness = rng.uniform(0.04, 0.2)
    rim = np.exp(-(((depth - thickness) / thickness) ** 2)) * (depth > 0)
    ring = np.exp(-(((depth - 3 * thickness) / thickness) ** 2)) * (depth > 0)
    canvas.absorb(blur(rim, 1), rng.uniform(0.15, 1.8))
    canvas.absorb(ring, -rng.uniform(0, 0.06))
    canvas.absorb((depth > 0).astype(np.float32), rng.uniform(0, 0.06))


def printed_dots(rng: Rng, canvas: Canvas) -> None:
    """A grid of faint dots, as on glass that carries probes."""
    pitch, angle = rng.uniform(12, 45), rng.uniform(-0.05, 0.05)
    y, x = np.mgrid[: canvas.shape[0], : canvas.shape[1]].astype(np.float32)
    u, v = (y + angle * x) % pitch, (x - angle * y) % pitch
    distance = np.hypot(u - pitch / 2, v - pitch / 2)
    dots = np.clip(pitch * rng.uniform(0.2, 0.35) - distance, 0, 1)
    canvas.absorb(dots, rng.uniform(0.01, 0.09) * rng.uniform(0.7, 1.3, 3))


def fingerprint(rng: Rng, canvas: Canvas) -> None:
    """Ridges of a finger."""
    field = noise_field(rng, canvas.shape, canvas.shape[0] / 3)
    ridges = np.sin(field * rng.uniform(12, 30)) > 0
    where = blur(ridges * np.clip(2 * discs(rng, canvas.shape, (40, 120), 1), 0, 1), 1)
    canvas.absorb(where, rng.uniform(0.03, 0.25))


def black_frame(rng: Rng, canvas: Canvas) -> None:
    """What was not scanned, black or white, in steps or as a frame; nothing is tissue there."""
    height, width = canvas.shape
    step = int(rng.integers(16, 90))
    rows, columns = -(-height // step), -(-width // step)
    if rng.random() < 0.5:
        top, left = rng.integers(0, max(rows // 3, 1) + 1, 2)
        bottom, right = rng.integers(0, max(rows // 3, 1) + 1, 2)
        blocks = np.ones((rows, columns), bool)
        blocks[top : rows - bottom, left : columns - right] = False
    else:
        field = noise_field(rng, (rows, columns), 4, 2)
        blocks = field > rng.uniform(0.3, 1.5)
    unscanned = blocks.repeat(step, 0).repeat(step, 1)[:height, :width]
    canvas.light[unscanned] = rng.choice([0.0, 0.02, 0.06, 2.0, 2.0])
    canvas.mask &= ~unscanned


Blemish = Callable[[Rng, Canvas], None]
BLEMISHES: dict[str, Blemish] = {
    "pen": pen,
    "real pen": real_pen,
    "uneven light": uneven_light,
    "haze": haze,
    "dust": dust,
    "coverslip": coverslip,
    "bubbles": bubbles,
    "shadow": shadow,
    "dots": printed_dots,
    "unscanned": black_frame,
}
HELD_BACK_BLEMISHES: dict[str, Blemish] = {"unseen pen": unseen_pen, "fingerprint": fingerprint}


def finish(rng: Rng, canvas: Canvas, colour: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return the picture that a scanner would take: glass in `colour`, noise, blur, JPEG."""
    import imagecodecs

    light = canvas.light
    texture = canvas.library.glass_texture(rng, canvas.shape) if rng.random() < 0.4 else None
    if texture is not None:
        light = light * texture
    radius = int(rng.random() < 0.2)
    light = np.stack([blur(light[..., c], radius, 1) for c in range(3)], -1) if radius else light
    noise = rng.normal(0, rng.uniform(0, 2.5), (*canvas.shape, 1 if rng.random() < 0.5 else 3))
    pixels = np.clip(light * colour + noise + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        level = int(rng.integers(40, 96))
        pixels = imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(pixels, level=level))
    return pixels
