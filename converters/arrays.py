"""The arrays of a store: image levels, tissue label, coverage, and the scratch of a conversion."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec
from zarr.core.array_spec import ArrayConfig

from .axes import Axes
from .codecs import ChunkCodec
from .downsample import absent_value, reduced_dtype
from .geometry import LevelGrid
from .glass import GlassPlan
from .options import OmeZarrVersion
from .place import Folder

__all__ = ["COVERAGE_GROUP", "LABEL_GROUP", "PyramidArrays", "create_arrays", "write_plain"]

COVERAGE_GROUP = "coverage"
LABEL_GROUP = "labels/tissue"


@dataclass(frozen=True, kw_only=True, eq=False)
class PyramidArrays:
    """The arrays that regions are written to, opened when first used: on whichever machine that is.

    Parameters
    ----------
    store, scratch_folder : Folder
        Where they are.
    levels : int
        How many levels there are.
    has_label, has_scratch : bool
        Whether there is a tissue label, and whether levels are reduced from the one before.
    write_empty : bool
        Whether chunks that equal the fill value are stored.
    """

    store: Folder
    scratch_folder: Folder
    levels: int
    has_label: bool
    has_scratch: bool
    write_empty: bool

    def __getstate__(self) -> dict[str, Any]:
        opened = ("images", "labels", "scratch")
        return {key: value for key, value in vars(self).items() if key not in opened}

    @cached_property
    def images(self) -> tuple[zarr.Array[Any], ...]:
        """Of the axes of the slide, one a level."""
        # Zarr keeps this setting in no metadata: each writer has to know.
        config = ArrayConfig(order="C", write_empty_chunks=self.write_empty)
        opened = self._opened(self.store, [str(n) for n in range(self.levels)])
        return tuple(array.with_config(config) for array in opened)

    @cached_property
    def labels(self) -> tuple[zarr.Array[Any], ...]:
        """(y, x) uint8, 1 on tissue; empty where there is no tissue mask."""
        levels = self.levels if self.has_label else 0
        return self._opened(self.store, [f"{LABEL_GROUP}/{n}" for n in range(levels)])

    @cached_property
    def scratch(self) -> tuple[zarr.Array[Any], ...]:
        """(frame, sample, y, x): a level's reduced pixels, until its own regions are written.

        Level 0 has none, so that place n belongs to level n + 1.
        """
        levels = self.levels if self.has_scratch else 0
        return self._opened(self.scratch_folder, [str(n) for n in range(1, levels)])

    def _opened(self, folder: Folder, paths: list[str]) -> tuple[zarr.Array[Any], ...]:
        return tuple(zarr.open_array(folder.zarr_store(), path=path, mode="r+") for path in paths)


def create_arrays(
    arrays: PyramidArrays,
    grids: tuple[LevelGrid, ...],
    *,
    axes: Axes,
    dtype: "np.dtype[Any]",
    version: OmeZarrVersion,
    codec: ChunkCodec,
    glass: GlassPlan,
) -> None:
    """Create all arrays; they hold nothing yet.

    Raises
    ------
    ConfigError
        If the codec cannot code such chunks.
    """
    for grid in grids:
        _create_image(arrays, grid, axes, dtype, version, codec, glass)
        if arrays.has_label:
            _create_label(arrays.store, grid, version)
        if arrays.has_scratch and grid.level:
            _create_scratch(arrays.scratch_folder, grid, axes, dtype)


def write_plain(
    store: Folder,
    name: str,
    values: NDArray[Any],
    version: OmeZarrVersion,
    axes: tuple[str, ...],
    **arguments: Any,
) -> None:
    """Write a small array of one chunk that any Zarr reader decodes.

    Parameters
    ----------
    name : str
        Its path in the store.
    axes : tuple of str
        Names of its axes.
    **arguments
        Passed to `zarr.create_array`.
    """
    array = zarr.create_array(
        store.zarr_store(),
        name=name,
        shape=values.shape,
        chunks=values.shape,
        dtype=values.dtype,
        overwrite=True,
        **{"fill_value": 0, **arguments},
        **_plain(version, axes),
    )
    array[...] = values


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


def _create_scratch(scratch: Folder, grid: LevelGrid, axes: Axes, dtype: "np.dtype[Any]") -> None:
    # Each chunk is what one region of the finer level is reduced to.
    side = grid.region_px // grid.step
    zarr.create_array(
        scratch.zarr_store(),
        name=str(grid.level),
        shape=(axes.count, axes.samples, grid.height, grid.width),
        chunks=(1, axes.samples, side, side),
        dtype=reduced_dtype(dtype),
        fill_value=absent_value(dtype),
        compressors=None,
    )


def _plain(version: OmeZarrVersion, axes: tuple[str, ...]) -> dict[str, Any]:
    """Return the arguments of an array that any Zarr reader can decode."""
    if version == "0.4":
        return {
            "compressors": {"id": "zstd", "level": 3},
            "filters": None,
            **_layout(version, axes),
        }
    return {"compressors": ZstdCodec(level=3), **_layout(version, axes)}


def _layout(version: OmeZarrVersion, axes: tuple[str, ...]) -> dict[str, Any]:
    if version == "0.4":
        return {"zarr_format": 2, "chunk_key_encoding": {"name": "v2", "separator": "/"}}
    return {"zarr_format": 3, "dimension_names": axes}
