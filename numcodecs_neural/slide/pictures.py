"""Pictures: the label and the whole glass, which a store may keep beside the slide."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from PIL import Image

from numcodecs_neural.errors import SourceError
from numcodecs_neural.reading.chunks import READ_ERRORS
from numcodecs_neural.reading.reader import ImageReader

from .base import slide_errors

__all__ = ["Pictures", "extra_of"]

_NAMES = ("label", "macro")


class Pictures(Mapping[str, Image.Image]):
    """Pictures by their name, read when they are asked for, as RGBA.

    Parameters
    ----------
    reader : ImageReader
    """

    def __init__(self, reader: ImageReader) -> None:
        self._reader = reader
        self._names = [name for name in _NAMES if name in reader.image.extras]

    def __getitem__(self, name: str) -> Image.Image:
        if name not in self._names:
            raise KeyError(name)
        with slide_errors():
            planes = extra_of(self._reader, name)
        assert planes is not None
        return Image.fromarray(np.ascontiguousarray(np.moveaxis(planes, 0, -1))).convert("RGBA")

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._names})"

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return (width, height) of each picture that is there."""
        image = self._reader.image
        found = {}
        for name in self._names:
            # Of one that is lost, nothing is known; it is an error when it is asked for.
            with suppress(*READ_ERRORS):
                kept: Any = image.group[image.extras[name]]
                shape = (kept if isinstance(kept, zarr.Array) else kept["0"]).shape
                found[name] = (shape[-1], shape[-2])
        return found


def extra_of(reader: ImageReader, name: str) -> NDArray[np.uint8] | None:
    """Return what a store keeps beside the slide, or None.

    Raises
    ------
    SourceError
        If it is damaged.
    """
    try:
        return reader.image.extra(name)
    except SourceError:
        raise
    except READ_ERRORS as exc:
        raise SourceError(f"{reader.location}: its {name} cannot be read: {exc}") from exc
