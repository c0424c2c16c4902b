"""PatchReader: many patches of a slide at once, as one array for a network."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.reading.cache import ChunkCache
from numcodecs_neural.reading.closing import Closing
from numcodecs_neural.reading.reader import ImageReader

from .base import SlideError, slide_errors
from .display import display_of
from .pyramid import Pyramid
from .tiles import Place, Tiles

if TYPE_CHECKING:
    import torch

__all__ = ["PatchReader"]

Coordinates = Sequence[int] | NDArray[np.integer[Any]]


class PatchReader(Closing):
    """Reads batches of patches: each chunk that a batch needs is decoded once, several at a time.

    It is safe between threads, pickles and survives a fork, as `OmeZarrSlide`, with which it
    shares the meaning of levels and places.

    Parameters
    ----------
    store : str or Path
        An OME-Zarr image of any version: a folder, a zip (``.ozx``), or a URL.
    series : int
        Which image, where the store holds several.
    z, t : int, optional
        Which plane and which time; by default those that the store names, or the first.
    outside : int
        What samples beyond the image are, from 0 to 255; by default white.
    cache : ChunkCache, optional
        Where decoded chunks are kept; by default in what all slides of the process share.

    Raises
    ------
    SlideError
        If it is no image of OME-Zarr, has no such series, or a codec that is not installed.

    Examples
    --------
    >>> patches = PatchReader("slide.ome.zarr")  # doctest: +SKIP
    >>> patches.read(0, [0, 512], [1024, 1024], 256).shape  # doctest: +SKIP
    (2, 3, 256, 256)
    """

    def __init__(
        self,
        store: str | Path,
        *,
        series: int = 0,
        z: int | None = None,
        t: int | None = None,
        outside: int = 255,
        cache: ChunkCache | None = None,
    ) -> None:
        if not 0 <= outside <= 255:
            raise ConfigError(f"outside is {outside}; it can be 0 to 255")
        self._store, self._z, self._t, self._outside = os.fsdecode(store), z, t, outside
        with slide_errors():
            self._reader = ImageReader(self._store, series=series, cache=cache)
            image = self._reader.image
            self._tiles = Tiles(self._reader, display_of(image, z=z, t=t), "rgb")
        self._pyramid = Pyramid(tuple((level.shape[-1], level.shape[-2]) for level in image.levels))

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (
            self._store,
            {
                "series": self._reader.series,
                "z": self._z,
                "t": self._t,
                "outside": self._outside,
                "cache": self._reader.own_cache,
            },
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._store!r})"

    @property
    def level_dimensions(self) -> tuple[tuple[int, int], ...]:
        """(width, height) of each level."""
        return self._pyramid.dimensions

    @property
    def level_downsamples(self) -> tuple[float, ...]:
        """By how much each level is smaller than level 0."""
        return self._pyramid.downsamples

    def read(self, level: int, xs: Coordinates, ys: Coordinates, size: int) -> NDArray[np.uint8]:
        """Return patches of red, green and blue.

        Parameters
        ----------
        level : int
            0 is the finest.
        xs, ys : sequence of int
            Left upper corners of the patches, in pixels of level 0, as `OmeZarrSlide.read_region`
            takes them.
        size : int
            Side of a patch, in pixels of the level.

        Returns
        -------
        ndarray
            Shape (patches, 3, size, size), uint8.

        Raises
        ------
        ConfigError
            If there are not as many `xs` as `ys`, or the size is below 1.
        SlideError
            If there is no such level, the reader is closed, or a chunk is lost or damaged.
        """
        if len(xs) != len(ys) or size < 1:
            raise ConfigError(
                f"{len(xs)} xs, {len(ys)} ys and size {size} were given; there are to be as many "
                "xs as ys, and a size of at least 1"
            )
        if not 0 <= level < len(self._pyramid.dimensions):
            raise SlideError(
                f"{self._store} has no level {level}; its levels are 0 to "
                f"{len(self._pyramid.dimensions) - 1}"
            )
        start = self._pyramid.start
        places = [
            Place(level, start(level, int(x)), start(level, int(y)), size, size)
            for x, y in zip(xs, ys, strict=True)
        ]
        patches = np.full((len(places), 3, size, size), self._outside, np.uint8)
        with slide_errors():
            self._tiles.fill(list(patches), places)
        return patches

    def read_torch(
        self,
        level: int,
        xs: Coordinates,
        ys: Coordinates,
        size: int,
        *,
        device: "torch.device | str" = "cpu",
    ) -> "torch.Tensor":
        """Return patches as a tensor on a device; otherwise as `read`.

        Chunks decode where the setting ``device`` of `numcodecs_neural.config` says, all of a batch
        together.
        """
        import torch

        return torch.from_numpy(self.read(level, xs, ys, size)).to(device)

    def close(self) -> None:
        """Close the store, and let go of its chunks."""
        self._reader.close()


def _reopened(store: str, arguments: dict[str, Any]) -> PatchReader:
    return PatchReader(store, **arguments)
