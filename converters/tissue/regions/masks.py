"""Masks of a whole slide, as pictures or as labels of OME-Zarr, and the chunks that they mark."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError

from ...geometry.levels import LevelGrid
from ..glass_plan import spans
from ..picture import check_proportions, read_mask

__all__ = ["chunks_of_label", "chunks_of_picture"]

_WHAT = "exact regions"


class _Rows(Protocol):
    """What gives rows of a mask (..., y, x)."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, selection: Any, /) -> Any: ...


def chunks_of_picture(path: Path, grid: LevelGrid) -> NDArray[np.bool_]:
    """Return the chunks of level 0 under which a picture of the slide is not black.

    Raises
    ------
    ConfigError
        If it does not open, is of another shape than the slide, or is all black.
    """
    return _marked(str(path), read_mask(path, _WHAT), grid)


def chunks_of_label(path: str, grid: LevelGrid) -> NDArray[np.bool_]:
    """Return the chunks of level 0 under which a label of OME-Zarr is not 0.

    Parameters
    ----------
    path : str
        Folder of the label, ``slide.ome.zarr/labels/NAME``, or of one of its arrays.
    grid : LevelGrid
        Of level 0.

    Raises
    ------
    ConfigError
        If nothing opens there, it is an image or a group of several labels, of another shape than
        the slide, or all 0.
    """
    return _marked(path, _label(path), grid)


def _label(path: str) -> _Rows:
    try:
        found = zarr.open(path, mode="r")
    except (FileNotFoundError, KeyError, ValueError) as exc:
        raise ConfigError(f"{path} does not open as a label of OME-Zarr: {exc}") from exc
    if isinstance(found, zarr.Group):
        found = _first_array(path, found)
    array: _Rows = found
    kind = np.dtype(found.dtype).kind
    if kind not in "biu" or len(array.shape) < 2:
        raise ConfigError(
            f"{path} holds {found.dtype} of shape {array.shape}; a label is whole numbers (y, x)"
        )
    return array


def _first_array(path: str, group: zarr.Group) -> Any:
    """Return the largest level of a label."""
    attributes: Any = dict(group.attrs)
    metadata = attributes.get("ome", attributes)
    if "labels" in group and "image-label" not in metadata:
        names = sorted(name for name, _ in group["labels"].groups())  # type: ignore[union-attr]
        raise ConfigError(
            f"{path} is an image, and exact regions are a label: name one of "
            f"{', '.join(f'{path}/labels/{name}' for name in names) or 'its labels (it has none)'}"
        )
    try:
        return group[metadata["multiscales"][0]["datasets"][0]["path"]]
    except (KeyError, IndexError, TypeError) as exc:
        raise ConfigError(
            f"{path} is no label of OME-Zarr: it has no multiscales; name slide/labels/NAME"
        ) from exc


def _marked(name: str, mask: _Rows, grid: LevelGrid) -> NDArray[np.bool_]:
    """Return the chunks under which a mask, in the proportions of the slide, is not 0."""
    shape, slide = mask.shape[-2:], (grid.height, grid.width)
    check_proportions(name, shape, slide, _WHAT)
    chunks = np.zeros(grid.chunk_grid, bool)
    top, bottom = spans(grid.chunk_grid[0], grid, grid.down_y, slide[0], shape[0])
    left, right = spans(grid.chunk_grid[1], grid, grid.down_x, slide[1], shape[1])
    for row, (first, end) in enumerate(zip(top, bottom, strict=True)):
        # Some rows at a time: the label of a large slide does not fit into memory.
        band = np.asarray(mask[..., int(first) : int(end), :]) != 0
        count = np.concatenate([[0], np.cumsum(band.reshape(-1, shape[1]).any(axis=0))])
        chunks[row] = count[right] > count[left]
    if not chunks.any():
        raise ConfigError(
            f"{name} marks nothing: exact regions are what is not 0, or not black, in it"
        )
    return chunks
