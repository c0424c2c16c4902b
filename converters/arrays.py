"""The arrays of a store: image levels, tissue label, coverage, and the scratch of a conversion."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from .codecs import ChunkCodec
from .geometry import LevelGrid
from .glass import GlassPlan
from .options import OmeZarrVersion

__all__ = ["PyramidArrays", "create_arrays", "write_coverage"]

IMAGE_AXES = ("c", "y", "x")
COVERAGE_GROUP = "coverage"
LABEL_GROUP = "labels/tissue"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PyramidArrays:
    """The arrays that regions are written to, level by level.

    Parameters
    ----------
    images : tuple of zarr.Array
        (3, y, x) uint8.
    labels : tuple of zarr.Array
        (y, x) uint8, 1 on tissue; empty where there is no tissue mask.
    scratch : tuple of zarr.Array
        (3, y, x) uint16: level n's reduced raw pixels in units of 1/256, until its own regions are
        written. Level 0 has none, so that place n belongs to level n + 1.
    """

    images: tuple[zarr.Array[Any], ...]
    labels: tuple[zarr.Array[Any], ...]
    scratch: tuple[zarr.Array[Any], ...]


def create_arrays(
    store: Path,
    scratch: Path,
    grids: tuple[LevelGrid, ...],
    *,
    version: OmeZarrVersion,
    codec: ChunkCodec,
    glass: GlassPlan,
) -> PyramidArrays:
    """Create all arrays; they hold nothing yet. There is a label where there is a tissue mask.

    Raises
    ------
    ConfigError
        If the codec cannot code such chunks.
    """
    return PyramidArrays(
        images=tuple(_create_image(store, grid, version, codec, glass) for grid in grids),
        labels=tuple(
            _create_label(store, grid, version) for grid in grids if glass.tissue is not None
        ),
        scratch=tuple(_create_scratch(scratch, grid) for grid in grids[1:]),
    )


def write_coverage(store: Path, coverage: list[NDArray[np.uint8]], version: OmeZarrVersion) -> None:
    """Write one small array a level that tells what became of each chunk, (row, column)."""
    for level, values in enumerate(coverage):
        array = zarr.create_array(
            store,
            name=f"{COVERAGE_GROUP}/{level}",
            shape=values.shape,
            chunks=values.shape,
            dtype=np.uint8,
            fill_value=0,
            **_plain(version, ("y", "x")),
        )
        array[:] = values


def _create_image(
    store: Path,
    grid: LevelGrid,
    version: OmeZarrVersion,
    codec: ChunkCodec,
    glass: GlassPlan,
) -> zarr.Array[Any]:
    sharding: dict[str, Any] = (
        {"shards": (3, grid.region_px, grid.region_px)} if version == "0.5" else {}
    )
    return zarr.create_array(
        store,
        name=str(grid.level),
        shape=(3, grid.height, grid.width),
        chunks=(3, grid.chunk_px, grid.chunk_px),
        dtype=np.uint8,
        fill_value=glass.fill_value,
        # Where nothing is elided on purpose, even white chunks are stored: what is absent is lost.
        config={"write_empty_chunks": glass.treatment != "elide"},
        **sharding,
        **_layout(version, IMAGE_AXES),
        **codec.zarr_arguments,
    )


def _create_label(store: Path, grid: LevelGrid, version: OmeZarrVersion) -> zarr.Array[Any]:
    return zarr.create_array(
        store,
        name=f"{LABEL_GROUP}/{grid.level}",
        shape=(grid.height, grid.width),
        # One chunk a region, since one task writes it; a mask this coarse costs a few bytes.
        chunks=(grid.region_px, grid.region_px),
        dtype=np.uint8,
        fill_value=0,
        **_plain(version, ("y", "x")),
    )


def _create_scratch(scratch: Path, grid: LevelGrid) -> zarr.Array[Any]:
    # Chunks of half a region: each is what one region of the finer level is reduced to.
    side = grid.region_px // 2
    return zarr.create_array(
        scratch,
        name=str(grid.level),
        shape=(3, grid.height, grid.width),
        chunks=(3, side, side),
        dtype=np.uint16,
        fill_value=0,
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
