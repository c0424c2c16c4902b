"""Textures of real tissue, glass and ink, reduced to the scale of overviews."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.training.images import image_paths, planes_of

from .fields import Rng, discs, noise_field

__all__ = ["Library", "Texture", "load_library", "synthetic_library"]

Texture = NDArray[np.float32]
"""(height, width, 3): how much light passes, 0 to 1."""

# By how much tiles are reduced: overviews show a slide 8 to 50 times smaller than it is.
_REDUCTIONS = (4, 8, 16)
_LEAST_PX = 30
# A square of a tile this wide and as bright shows glass, or the inside of a large fat cell.
_GLASS_SIDE, _GLASS = 12, 0.93
_MOST_GLASS = 0.08

# Light that haematoxylin, eosin and what is left take out of red, green and blue.
_STAINS = np.array(
    [[0.650, 0.704, 0.286], [0.072, 0.990, 0.105], [0.268, 0.570, 0.776]], np.float32
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Library:
    """What slides are painted with.

    Parameters
    ----------
    tissue, glass, ink : list of Texture
        Pictures that show one thing all over.
    """

    tissue: list[Texture]
    glass: list[Texture]
    ink: list[Texture]

    def texture(self, rng: Rng, shape: tuple[int, int]) -> Texture:
        """Return a tissue texture of `shape`, mirrored where one picture does not reach."""
        chosen = self.tissue[rng.integers(len(self.tissue))]
        return _fill(rng, _restained(rng, chosen), shape)

    def glass_texture(self, rng: Rng, shape: tuple[int, int]) -> Texture | None:
        """Return what real glass looks like, of mean 1, or None if the library has none."""
        if not self.glass:
            return None
        chosen = self.glass[rng.integers(len(self.glass))]
        return _fill(rng, chosen / chosen.mean((0, 1)), shape)

    def ink_texture(self, rng: Rng, shape: tuple[int, int]) -> Texture | None:
        """Return how real ink on glass looks, or None if the library has none."""
        if not self.ink:
            return None
        return _fill(rng, self.ink[rng.integers(len(self.ink))], shape)


def load_library(
    tissue: Iterable[Path],
    glass: Iterable[Path] = (),
    ink: Iterable[Path] = (),
    *,
    most_glass: float = _MOST_GLASS,
) -> Library:
    """Read pictures to paint with.

    Parameters
    ----------
    tissue : iterable of Path
        Folders of stained tissue, at 0.2 to 1 micrometres a pixel; pictures that show much glass
        are left out.
    glass, ink : iterable of Path
        Pictures of glass alone, and of felt pen on glass, which are not read as tissue.
    most_glass : float
        Share of a tile's squares that may be as bright as glass; it counts as tissue.

    Raises
    ------
    ConfigError
        If no picture in `tissue` can be used.
    """
    glass, ink, tissue = list(glass), list(ink), list(tissue)
    files = [path for folder in tissue for path in image_paths(folder)]
    textures = [
        texture
        for path in files
        if path not in (*glass, *ink)
        for texture in _reductions(planes_of(path, 3)[0])
        if _share_of_glass(texture) <= most_glass
    ]
    if not textures:
        raise ConfigError(
            f"{', '.join(map(str, tissue))}: no picture there is tissue all over; name folders of "
            f"stained tissue, of at least {_LEAST_PX * _REDUCTIONS[0]} pixels a side"
        )
    return Library(
        tissue=textures,
        glass=[_light(planes_of(path, 3)[0]) for path in glass],
        ink=[_reduced(_light(planes_of(path, 3)[0]), 2) for path in ink],
    )


def synthetic_library(rng: Rng, number: int = 12) -> Library:
    """Return a library of invented tissue: nuclei on fibres, for whoever has no pictures."""
    textures = []
    for _ in range(number):
        shape = (160, 160)
        density = rng.uniform(0.2, 1)
        nuclei = np.clip(discs(rng, shape, (1.2, 3), int(1500 * density)) * 3, 0, 1)
        fibres = np.clip(0.5 + 0.35 * noise_field(rng, shape, rng.uniform(6, 30), 3), 0.05, 1.4)
        density_of = np.stack([0.9 * nuclei, 0.5 * fibres, np.zeros(shape, np.float32)], -1)
        textures.append(np.exp(-density_of @ _STAINS).astype(np.float32))
    return Library(tissue=textures, glass=[], ink=[])


def _light(pixels: NDArray[np.uint8]) -> Texture:
    """Return how much of the light passes, against the brightest that the picture shows."""
    white = np.maximum(np.quantile(pixels.reshape(-1, 3), 0.995, axis=0), 225)
    return np.clip(pixels / white, 0.004, 1).astype(np.float32)


def _reductions(pixels: NDArray[np.uint8]) -> Iterable[Texture]:
    light = _light(pixels)
    for factor in _REDUCTIONS:
        reduced = _reduced(light, factor)
        if min(reduced.shape[:2]) >= _LEAST_PX:
            yield reduced


def _share_of_glass(light: Texture) -> float:
    side = _GLASS_SIDE
    height, width = (size // side * side for size in light.shape[:2])
    blocks = light[:height, :width].min(-1).reshape(height // side, side, -1, side)
    return float((blocks.mean((1, 3)) > _GLASS).mean())


def _reduced(light: Texture, factor: int) -> Texture:
    height, width = (size // factor * factor for size in light.shape[:2])
    blocks = light[:height, :width].reshape(height // factor, factor, -1, factor, 3)
    reduced: Texture = blocks.mean((1, 3), dtype=np.float32)
    return reduced


def _restained(rng: Rng, light: Texture) -> Texture:
    """Return the texture in stains of another laboratory, or now and then of another kind."""
    density = -np.log(light)
    amounts = density @ np.linalg.inv(_STAINS).astype(np.float32)
    stains = _STAINS + rng.normal(0, 0.07, (3, 3)).astype(np.float32)
    kind = rng.random()
    if kind < 0.08:  # a blue counterstain and a brown marker
        stains[:2] = _blue(rng), _STAINS[2]
    elif kind < 0.12:  # any two dyes
        stains[:2] = rng.dirichlet((1, 1, 1), 2) * 1.6
    amounts = amounts * rng.uniform(0.6, 1.5, 3).astype(np.float32)
    passed: Texture = np.exp(-np.clip(amounts @ stains, 0, 5)).astype(np.float32)
    return passed


def _blue(rng: Rng) -> NDArray[np.float32]:
    return np.array([0.85, 0.5, 0.2], np.float32) + rng.normal(0, 0.05, 3).astype(np.float32)


def _fill(rng: Rng, texture: Texture, shape: tuple[int, int]) -> Texture:
    """Return `texture` turned at random and mirrored until it fills `shape`."""
    texture = np.rot90(texture, int(rng.integers(4)))
    texture = texture[:, ::-1] if rng.random() < 0.5 else texture
    index = []
    for size, have in zip(shape, texture.shape[:2], strict=True):
        position = (np.arange(size) + rng.integers(2 * have)) % (2 * have)
        index.append(np.minimum(position, 2 * have - 1 - position))
    return np.ascontiguousarray(texture[np.ix_(*index)])
