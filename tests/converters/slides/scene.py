"""A slide of any size that exists nowhere as a whole: sections of real tissue on noisy glass.

The pixels of any rectangle of any level are computed when they are asked for. Tissue and glass are
textures that repeat; sections lie in a lattice, so that a larger slide holds more of the same and
its share of tissue, border and glass is that of a smaller one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["REDUCTION", "Scene", "section_radius", "textures"]

Image = NDArray[np.uint8]

REDUCTION = 4
"""Of each level against the one before, as Aperio's scanners have it."""

SECTION_PX = 10_000
GLASS_RGB = (243, 241, 244)
GLASS_NOISE = 2.0
# A section covers half of its square: pi r**2 (1 + sum of half the squared amplitudes) = 1/2.
_AMPLITUDES = ((2, 0.15, 0.4), (5, 0.08, 2.0))
_RADIUS = float(
    np.sqrt(0.5 / (np.pi * (1 + sum(amplitude**2 / 2 for _, amplitude, _ in _AMPLITUDES))))
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What is on the slide.

    Parameters
    ----------
    side : int
        Pixels of level 0 along either side.
    period : int
        After how many pixels of level 0 textures repeat.
    tissue, glass : ndarray of uint8, shape (period, period, 3)
        The textures.
    is_all_tissue : bool
        Without any glass.
    """

    side: int
    period: int
    tissue: Image
    glass: Image
    is_all_tissue: bool = False

    def block(self, level: int, y: int, x: int, size: int) -> Image:
        """Return a square of a level, (size, size, 3); beyond the slide's edge it just goes on."""
        tissue, glass = self._textures(level)
        share = self._tissue_share(level, y, x, size)
        if share in (0, 1):
            return _wrapped(tissue if share else glass, y, x, size)
        pixels = _wrapped(glass, y, x, size)
        is_tissue = self._is_tissue(*self._centres(level, y, x, size))
        pixels[is_tissue] = _wrapped(tissue, y, x, size)[is_tissue]
        return pixels

    def content(self, level: int, y: int, x: int, size: int) -> tuple[int, ...] | None:
        """Return a key that squares of equal content share; None for one that is like no other."""
        share = self._tissue_share(level, y, x, size)
        if 0 < share < 1:
            return None
        period = len(self._textures(level)[0])
        return level, int(share), y % period, x % period

    def _textures(self, level: int) -> tuple[Image, Image]:
        """Return tissue and glass as they look on a level."""
        while len(self._levels) <= level:
            tissue, glass = self._levels[-1]
            self._levels.append((_reduced(tissue), _reduced(glass)))
        return self._levels[level]

    @cached_property
    def _levels(self) -> list[tuple[Image, Image]]:
        return [(self.tissue, self.glass)]

    def _tissue_share(self, level: int, y: int, x: int, size: int) -> float:
        """Return how much of a square is tissue, seen at every sixteenth of its side."""
        if self.is_all_tissue:
            return 1.0
        points = np.linspace(0, size - 1, 17)
        return float(self._is_tissue(*self._centres(level, y, x, size, points)).mean())

    def _centres(
        self, level: int, y: int, x: int, size: int, points: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return rows and columns of pixels, in pixels of level 0."""
        points = np.arange(size, dtype=np.float64) if points is None else points
        step = REDUCTION**level
        return (points[:, None] + y + 0.5) * step, (points[None] + x + 0.5) * step

    def _is_tissue(self, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.bool_]:
        square = min(SECTION_PX, self.side)
        v, u = y % square / square - 0.5, x % square / square - 0.5
        inside: NDArray[np.bool_] = np.hypot(v, u) < section_radius(np.arctan2(v, u))
        return inside


def section_radius(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far a section reaches in some direction, in sides of its square."""
    radius = np.full_like(angle, _RADIUS)
    for waves, amplitude, phase in _AMPLITUDES:
        radius += _RADIUS * amplitude * np.cos(waves * angle + phase)
    return radius


def textures(pictures: Sequence[Image], period: int) -> tuple[Image, Image]:
    """Return tissue and glass, each (period, period, 3).

    Parameters
    ----------
    pictures : sequence of ndarray of uint8, shape (y, x, 3)
        Real tissue. Beside each stands its mirror image, so that there are no seams within it; all
        are cut to the size of the smallest, and that to odd numbers, so that the grids of tiles
        and chunks never meet the same piece twice.
    period : int
        Side of the textures.
    """
    height, width = (min(p.shape[axis] for p in pictures) - 1 | 1 for axis in (0, 1))
    double = [np.concatenate([p[:height, :width], p[height - 1 :: -1, :width]]) for p in pictures]
    quads = [np.concatenate([d, d[:, ::-1]], axis=1) for d in double]
    down, across = (-(-period // n) for n in quads[0].shape[:2])
    rows = [
        np.concatenate([quads[(row * across + k) % len(quads)] for k in range(across)], axis=1)
        for row in range(down)
    ]
    tissue = np.ascontiguousarray(np.concatenate(rows)[:period, :period])
    noise = np.random.default_rng(7).standard_normal((period, period, 1), np.float32)
    glass = np.array(GLASS_RGB, np.int16) + np.rint(GLASS_NOISE * noise).astype(np.int16)
    return tissue, np.clip(glass, 0, 255).astype(np.uint8)


def _wrapped(texture: Image, y: int, x: int, size: int) -> Image:
    rows = np.arange(y, y + size) % len(texture)
    columns = np.arange(x, x + size) % len(texture)
    return texture[rows[:, None], columns]


def _reduced(texture: Image) -> Image:
    if len(texture) % REDUCTION:
        raise ValueError(f"a texture of {len(texture)} pixels cannot be reduced by {REDUCTION}")
    total = np.full((len(texture) // REDUCTION,) * 2 + (3,), REDUCTION**2 // 2, np.uint16)
    for row, column in np.ndindex(REDUCTION, REDUCTION):
        total += texture[row::REDUCTION, column::REDUCTION]
    return (total // REDUCTION**2).astype(np.uint8)
