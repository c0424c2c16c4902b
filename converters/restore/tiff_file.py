"""SlideTiff: a TIFF of JPEG tiles, in the order of pages that readers of slides know."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.jpeg import Colour
from numcodecs_neural.jpeg.writing import write_tables

from .tiling import Tiling

__all__ = ["Description", "SlideTiff"]

_REDUCED = 1
_PHOTOMETRICS = {Colour.GREY: "minisblack", Colour.RGB: "rgb", Colour.YCBCR: "ycbcr"}
_MICRONS_PER_CM = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a page says about itself.

    Parameters
    ----------
    text : str, optional
        Its ImageDescription.
    subfile : int
        Its NewSubfileType.
    """

    text: str | None = None
    subfile: int = 0


class SlideTiff:
    """A TIFF that is written page by page.

    Parameters
    ----------
    path : Path
        The file.
    is_big : bool
        Whether it is a BigTIFF.
    profile : bytes, optional
        Colour profile of all levels.
    """

    def __init__(self, path: Path, *, is_big: bool, profile: bytes | None) -> None:
        self._writer = tifffile.TiffWriter(path, bigtiff=is_big)
        self._profile = profile

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def write_level(
        self,
        tiling: Tiling,
        tiles: Iterator[bytes],
        description: Description,
        mpp: tuple[float, float] | None,
    ) -> None:
        """Write a level.

        Parameters
        ----------
        tiles : iterator of bytes
            Abbreviated streams, row by row.
        mpp : tuple of float, optional
            Microns per pixel of this level, (y, x).
        """
        channels = () if tiling.colour is Colour.GREY else (3,)
        self._writer.write(
            tiles,
            shape=(*tiling.shape.level, *channels),
            dtype=np.uint8,
            tile=tiling.tile,
            compression="jpeg",
            jpegtables=write_tables(tiling.steps),
            iccprofile=self._profile,
            **_colours(tiling),
            **_resolution(mpp),
            **_described(description),
        )

    def write_picture(
        self, pixels: NDArray[np.uint8], description: Description, *, is_lossy: bool = False
    ) -> None:
        """Write a picture that is no level, (height, width, 3), in one strip."""
        compression: dict[str, Any] = {"compression": "zlib", "predictor": True}
        if is_lossy:
            compression = {"compression": "jpeg", "compressionargs": {"level": 90}}
        self._writer.write(
            pixels,
            photometric="rgb",
            rowsperstrip=len(pixels),
            **compression,
            **_described(description),
        )


def _colours(tiling: Tiling) -> dict[str, Any]:
    name = _PHOTOMETRICS[tiling.colour]
    if tiling.colour is Colour.GREY:
        return {"photometric": name}
    first = tiling.frame.components[0]
    return {
        "photometric": name,
        "subsampling": (first.horizontal, first.vertical),
        "compressionargs": {"outcolorspace": name},
    }


def _resolution(mpp: tuple[float, float] | None) -> dict[str, Any]:
    if mpp is None:
        return {}
    y, x = mpp
    return {
        "resolution": (_MICRONS_PER_CM / x, _MICRONS_PER_CM / y),
        "resolutionunit": "CENTIMETER",
    }


def _described(description: Description) -> dict[str, Any]:
    return {
        "description": description.text,
        "subfiletype": description.subfile,
        "metadata": None,
        "software": False,
    }
