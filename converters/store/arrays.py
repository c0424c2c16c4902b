"""The arrays of a store: image levels, tissue label, coverage and other small ones."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from numcodecs_neural.files.folder import Folder

from ..codecs import ChunkCodec
from ..geometry.axes import Axes
from ..geometry.levels import LevelGrid
from ..options import OmeZarrVersion
from ..tissue.glass_plan import GlassPlan

__all__ = ["LABEL_GROUP", "PyramidArrays", "create_arrays", "write_plain"]

LABEL_GROUP = "labels/tissue"


@dataclass(frozen=True, kw_only=True, eq=False)
class PyramidArrays:
    """The arrays that regions are written to, opened when first used: on whichever machine that is.

    Parameters
    ----------
    store : Folder
        Where they are.
    levels : int
        How many levels there are.
    has_label : bool
        Whether there is a tissue label.
    write_empty : bool
        Whether chunks that equal the fill value are stored.
    """

    store: Folder
    levels: int
    has_label: bool
    write_empty: bool

    def __getstate__(self) -> dict[str, Any]:
        opened = ("images", "labels")
        return {key: value for key, value in vars(self).items() if key not in opened}

    @cached_property
    def images(self) -> tuple[zarr.Array[Any], ...]:
        """Of the axes of the slide, one a level."""
        # Zarr keeps this setting in no metadata: each writer has to know.
        opened = self._opened([str(n) for n in range(self.levels)])
        return tuple(_with_empty(array, is_stored=self.write_empty) for array in opened)

    @cached_property
    def labels(self) -> tuple[zarr.Array[Any], ...]:
        """(y, x) uint8, 1 on tissue; empty where there is no tissue mask."""
        levels = self.levels if self.has_label else 0
        return self._opened([f"{LABEL_GROUP}/{n}" for n in range(levels)])

    def write_image(
        self, level: int, place: tuple[slice, ...], pixels: NDArray[Any], chunk_px: int
    ) -> None:
        """Write whole chunks of a level; those that equal the fill value only if all are stored.

        Parameters
        ----------
        place : tuple of slice
            Where in the array.
        pixels : ndarray
            In the shape of that place, with y and x last.
        """
        image = self.images[level]
        # Zarr compares every sample of every chunk, and that in one thread.
        if not _has_empty(pixels, chunk_px, image.fill_value):
            image = _with_empty(image)
        image[place] = pixels

    def write_label(
        self, level: int, place: tuple[slice, slice], tissue: NDArray[np.bool_]
    ) -> None:
        """Write the tissue mask of a region, which is one chunk; where there is none, nothing."""
        if tissue.any():
            label = _with_empty(self.labels[level])
            label[place] = tissue.astype(np.uint8)

    def _opened(self, paths: list[str]) -> tuple[zarr.Array[Any], ...]:
        store = self.store
        return tuple(zarr.open_array(store.zarr_store(), path=path, mode="r+") for path in paths)


def create_arrays(
    arrays: PyramidArrays,
    grids: tuple[LevelGrid, ...],
    *,
    axes: Axes,
    dtype: "np.dtype[Any]",
    version: OmeZarrVersion,
    codecs: tuple[ChunkCodec, ...],
    glass: GlassPlan,
) -> None:
    """Create all arrays; they hold nothing yet.

    Parameters
    ----------
    codecs : tuple of ChunkCodec
        That of each level.

    Raises
    ------
    ConfigError
        If the codec cannot code such chunks.
    """
    for grid, codec in zip(grids, codecs, strict=True):
        _create_image(arrays, grid, axes, dtype, version, codec, glass)
        if arrays.has_label:
            _create_label(arrays.store, grid, version)


def write_plain(
    store: Folder,
    name: str,
    values: NDArray[Any],
    version: OmeZarrVersion,
    axes: tuple[str, ...],
    *,
    fill_value: int = 0,
    attributes: dict[str, Any] | None = None,
) -> None:
    """Write a small array of one chunk that any Zarr reader decodes.

    Parameters
    ----------
    name : str
        Its path in the store.
    axes : tuple of str
        Names of its axes.
    fill_value : int
    attributes : dict, optional
    """
    array = zarr.create_array(
        store.zarr_store(),
        name=name,
        shape=values.shape,
        chunks=values.shape,
        dtype=values.dtype,
        overwrite=True,
        fill_value=fill_value,
        **_plain(version, axes, attributes),
    )
    array[...] = values


def _with_empty(array: zarr.Array[Any], *, is_stored: bool = True) -> zarr.Array[Any]:
    """Return the array with chunks that equal the fill value stored, or left out."""
    return array.with_config({"order": "C", "write_empty_chunks": is_stored})


def _has_empty(pixels: NDArray[Any], chunk_px: int, fill_value: Any) -> bool:
    """Return whether a chunk of `pixels` holds nothing but the fill value."""
    height, width = pixels.shape[-2:]
    for y in range(0, height, chunk_px):
        for x in range(0, width, chunk_px):
            chunk = pixels[..., y : y + chunk_px, x : x + chunk_px]
            # One sample tells of most chunks.
            if chunk.flat[0] == fill_value and (chunk == fill_value).all():
                return True
    return False


def _create_image(
    arrays: PyramidArrays,
    grid: LevelGrid,
    axes: Axes,
    dtype: "np.dtype[Any]",
    version: OmeZarrVersion,
    codec: ChunkCodec,
    glass: GlassPlan,
) -> None:
    sharding: dict[str, Any] = {}
    if version == "0.5":
        sharding["shards"] = axes.frame_shape(grid.region_px, grid.region_px)
    zarr.create_array(
        arrays.store.zarr_store(),
        name=str(grid.level),
        shape=axes.shape(grid.height, grid.width),
        chunks=axes.frame_shape(grid.chunk_px, grid.chunk_px),
        dtype=dtype,
        fill_value=glass.fill_value,
        **sharding,
        **_layout(version, axes.names),
        **codec.zarr_arguments,
    )


def _create_label(store: Folder, grid: LevelGrid, version: OmeZarrVersion) -> None:
    zarr.create_array(
        store.zarr_store(),
        name=f"{LABEL_GROUP}/{grid.level}",
        shape=(grid.height, grid.width),
        # One chunk a region, since one task writes it; a mask this coarse costs a few bytes.
        chunks=(grid.region_px, grid.region_px),
        dtype=np.uint8,
        fill_value=0,
        **_plain(version, ("y", "x")),
    )


def _plain(
    version: OmeZarrVersion, axes: tuple[str, ...], attributes: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the arguments of an array that any Zarr reader can decode."""
    layout = _layout(version, axes, attributes)
    if version == "0.4":
        return {"compressors": {"id": "zstd", "level": 3}, "filters": None, **layout}
    return {"compressors": ZstdCodec(level=3), **layout}


def _layout(
    version: OmeZarrVersion, axes: tuple[str, ...], attributes: dict[str, Any] | None = None
) -> dict[str, Any]:
    if version == "0.5":
        return {"zarr_format": 3, "dimension_names": axes, "attributes": attributes}
    return {
        "zarr_format": 2,
        "chunk_key_encoding": {"name": "v2", "separator": "/"},
        # Zarr v2 has no names of dimensions; xarray and TIAToolbox look for them here.
        "attributes": {"_ARRAY_DIMENSIONS": list(axes), **(attributes or {})},
    }
