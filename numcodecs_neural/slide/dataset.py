"""PatchDataset: patches of one slide at given places, for a DataLoader of torch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from numcodecs_neural.errors import ConfigError

from .patches import Coordinates, PatchReader

__all__ = ["PatchDataset"]


class PatchDataset(Dataset[Any]):
    """Patches by their number; a loader that asks for a batch has its chunks decoded together.

    Workers may be forked or spawned: each opens the store by itself.

    Parameters
    ----------
    store : str, Path or PatchReader
    level : int
    xs, ys : sequence of int
        Left upper corners, in pixels of level 0.
    size : int
        Side of a patch, in pixels of the level.
    transform : callable, optional
        What to make of each patch, a uint8 tensor (3, size, size).

    Raises
    ------
    ConfigError
        If there are not as many `xs` as `ys`.
    SlideError
        If the store is no image of OME-Zarr.
    """

    def __init__(
        self,
        store: str | Path | PatchReader,
        level: int,
        xs: Coordinates,
        ys: Coordinates,
        size: int,
        *,
        transform: Callable[[torch.Tensor], Any] | None = None,
    ) -> None:
        if len(xs) != len(ys):
            raise ConfigError(f"{len(xs)} xs and {len(ys)} ys were given; there are to be as many")
        self.reader = store if isinstance(store, PatchReader) else PatchReader(store)
        self.level, self.size, self.transform = level, size, transform
        self.xs, self.ys = np.asarray(xs, np.int64), np.asarray(ys, np.int64)

    def __len__(self) -> int:
        return len(self.xs)

    def __getitem__(self, number: int) -> Any:
        return self.__getitems__([number])[0]

    def __getitems__(self, numbers: list[int]) -> list[Any]:
        """Return several patches: what a DataLoader calls for a batch."""
        patches = self.reader.read_torch(self.level, self.xs[numbers], self.ys[numbers], self.size)
        found = list(patches)
        return found if self.transform is None else [self.transform(patch) for patch in found]
