"""Smooth random fields, blurs and curves, from which synthetic slides are painted."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Field", "Rng", "blur", "closed", "curve", "discs", "noise_field", "resize"]

Field = NDArray[np.float32]
"""(height, width), float32."""
Rng = np.random.Generator


def noise_field(rng: Rng, shape: tuple[int, int], scale: float, octaves: int = 1) -> Field:
    """Return smooth noise of mean 0 and deviation 1, whose features are about `scale` pixels."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        step = max(scale / 2**octave, 2.0)
        small = (int(shape[0] / step) + 3, int(shape[1] / step) + 3)
        grid = rng.normal(size=small).astype(np.float32)
        total += resize(grid, shape, step, rng.uniform(0, 1, 2)) / np.float32(2**octave)
    normal: Field = (total - total.mean()) / max(float(total.std()), 1e-6)
    return normal.astype(np.float32)


def resize(grid: Field, shape: tuple[int, int], step: float, offset: NDArray[np.float64]) -> Field:
    """Return `grid` with its points `step` pixels apart, smooth between them."""
    rows, columns = (_weights(shape[i], grid.shape[i], step, float(offset[i])) for i in (0, 1))
    return (rows @ grid @ columns.T).astype(np.float32, copy=False)


def blur(field: Field, radius: int, times: int = 2) -> Field:
    """Return `field` blurred by `times` boxes of `radius`; borders are repeated."""
    if radius < 1:
        return field
    for _ in range(times):
        for axis in (0, 1):
            pad = [(0, 0), (0, 0)]
            pad[axis] = (radius + 1, radius)
            total = np.pad(field, pad, mode="edge").cumsum(axis, dtype=np.float64)
            side = 2 * radius + 1
            lines = np.moveaxis(total, axis, 0)
            field = np.moveaxis((lines[side:] - lines[:-side]) / side, 0, axis).astype(np.float32)
    return field


def closed(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Return `mask` with the gaps filled in which no square of `radius` has room."""
    padded = np.pad(mask, radius)
    return (~_grown(~_grown(padded, radius), radius) | padded)[radius:-radius, radius:-radius]


def curve(rng: Rng, shape: tuple[int, int], width: float, wildness: float = 0.5) -> Field:
    """Return 1 on a curve of `width` through the picture and 0 beside it, smooth at its edges."""
    height, breadth = shape
    points = rng.uniform(-0.1, 1.1, (2, 2)) * (height, breadth)
    length = float(np.hypot(*(points[1] - points[0])))
    t = np.linspace(0, 1, max(int(2 * max(height, breadth)), 8))[:, None]
    path = points[0] * (1 - t) + points[1] * t
    for bend in (1, 2, 3):
        amplitude = rng.normal(size=2) * wildness * length / (2 * bend)
        path = path + amplitude * np.sin(np.pi * bend * t)
    marked = np.zeros(shape, np.float32)
    y, x = path.round().astype(int).T
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < breadth)
    marked[y[inside], x[inside]] = 1
    radius = max(int(width / 2), 0)
    if not radius:
        return marked
    # Summed over a box, a line gives about as many as the box is wide.
    thick: Field = np.clip(blur(marked, radius, 2) * (2 * radius + 1) * 1.6 - 0.3, 0, 1)
    return thick


def discs(rng: Rng, shape: tuple[int, int], radii: tuple[float, float], number: int) -> Field:
    """Return how deep inside some disc each pixel is: 1 in its centre, 0 outside of all."""
    deepest = np.zeros(shape, np.float32)
    for _ in range(number):
        radius = float(np.exp(rng.uniform(np.log(radii[0]), np.log(radii[1]))))
        cy, cx = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        reach = 1.25 * radius
        top, left = max(int(cy - reach), 0), max(int(cx - reach), 0)
        bottom, right = int(cy + reach) + 2, int(cx + reach) + 2
        part = deepest[top:bottom, left:right]
        y = np.arange(top, top + part.shape[0], dtype=np.float32)[:, None] - cy
        x = np.arange(left, left + part.shape[1], dtype=np.float32)[None] - cx
        squashed = rng.uniform(0.8, 1.25)
        np.maximum(part, 1 - np.hypot(y * squashed, x / squashed) / radius, out=part)
    return deepest


def _grown(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    for axis in (0, 1):
        lines = np.moveaxis(mask, axis, 0)
        padded = np.pad(lines, [(radius, radius), (0, 0)])
        shifted = [padded[i : i + len(lines)] for i in range(2 * radius + 1)]
        mask = np.moveaxis(np.logical_or.reduce(shifted), 0, axis)
    return mask


def _weights(size: int, points: int, step: float, offset: float) -> Field:
    """Return how much each pixel of a line takes of each point of the grid."""
    position = np.arange(size, dtype=np.float64) / step + offset
    first = np.minimum(position.astype(int), points - 2)
    part = np.clip(position - first, 0, 1)
    part = part * part * (3 - 2 * part)
    weights = np.zeros((size, points), np.float32)
    weights[np.arange(size), first] = 1 - part
    weights[np.arange(size), first + 1] = part
    return weights
