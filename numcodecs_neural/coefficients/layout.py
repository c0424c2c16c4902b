"""Layout of coefficients: what is known of them before any is decoded."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.jpeg import Colour
from numcodecs_neural.jpeg.mosaic import Mosaic

__all__ = ["Layout", "Plane"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Plane:
    """The blocks of one component, those of all tiles joined.

    Parameters
    ----------
    steps : tuple of int
        The 64 quantisation steps, row by row; each 1 to 65535.
    coded : ndarray of bool, shape (block rows, block columns)
        Which blocks are coded. All coefficients of the others are 0.
    """

    steps: tuple[int, ...]
    coded: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of its coefficients: (block rows, block columns, 64)."""
        rows, columns = self.coded.shape
        return rows, columns, 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """The components that are coded together.

    Where they are sampled differently, their numbers of block rows and of block columns are in
    whole ratios to the largest ones.

    Parameters
    ----------
    colour : Colour
        What the components are.
    planes : tuple of Plane
        One for each component.
    """

    colour: Colour
    planes: tuple[Plane, ...]

    @classmethod
    def of(cls, mosaic: Mosaic) -> Self:
        """Return the layout of a mosaic: the blocks of tiles that are present are coded."""
        planes = []
        for component, steps in zip(mosaic.frame.components, mosaic.steps, strict=True):
            tile = np.ones(mosaic.frame.block_shape(component), np.bool_)
            planes.append(Plane(steps=steps, coded=np.kron(mosaic.present, tile)))
        return cls(colour=mosaic.colour, planes=tuple(planes))
