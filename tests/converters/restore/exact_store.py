"""Stores whose chunks hold the JPEG tiles of a slide, written with the converter's own parts."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.plan import ConversionPlan, plan_conversion
from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.converters.sources.folder import Folder
from numcodecs_neural.converters.store.arrays import PyramidArrays, create_arrays
from numcodecs_neural.converters.store.associated import write_extras
from numcodecs_neural.converters.store.deidentify import aperio_without_confidential
from numcodecs_neural.converters.store.metadata import Picture, write_image_group
from numcodecs_neural.jpeg.offers import offered

Cell = tuple[int, int]


def write_exact(
    slide: Path,
    folder: Path,
    *,
    chunk_px: int,
    absent: frozenset[Cell] = frozenset(),
    lossy: frozenset[tuple[int, Cell]] = frozenset(),
    extras: dict[str, str] | None = None,
    **options: Any,
) -> Path:
    """Write a slide with its own levels into a store, and return that.

    Parameters
    ----------
    absent : set of (row, column)
        Chunks of level 0 that are not stored.
    lossy : set of (level, (row, column))
        Chunks that are written without their JPEG tiles.
    extras : dict
        What else the store's attributes name.
    """
    chosen = ConvertOptions(
        use_existing_levels=True,
        bright_field="no",
        chunk_px=chunk_px,
        shard_px=2 * chunk_px,
        codec="neural",
        **options,
    )
    with closing(open_source(slide)) as source:
        plan = plan_conversion(source, chosen)
        store = Folder(str(folder))
        arrays = PyramidArrays(
            store=store, levels=len(plan.grids), has_label=False, write_empty=True
        )
        create_arrays(
            arrays,
            plan.grids,
            axes=plan.axes,
            dtype=plan.info.dtype,
            version=chosen.ome_zarr_version,
            codec=plan.codec,
            glass=plan.glass,
        )
        for grid in plan.grids:
            for row, column in np.ndindex(grid.chunk_grid):
                if grid.level > 0 or (row, column) not in absent:
                    _write_chunk(plan, arrays, grid, (row, column), lossy)
        kept = write_extras(store, source, chosen) | (extras or {})
        _write_metadata(plan, store, kept)
    return folder


def _write_chunk(
    plan: ConversionPlan, arrays: PyramidArrays, grid: Any, cell: Cell, lossy: Any
) -> None:
    region, source = grid.chunk(cell), plan.source
    pixels = np.moveaxis(source.read_region(region, grid.level), -1, 0)
    image = arrays.images[grid.level]
    chunk = np.full((len(pixels), *image.chunks[-2:]), image.fill_value, np.uint8)
    chunk[:, : region.height, : region.width] = pixels
    offers = []
    if (grid.level, cell) not in lossy:
        planes, axis = (chunk, -3) if len(pixels) == 3 else (chunk[0], 0)
        offers = [(planes, axis, source.read_mosaic(region, grid.level))]
    with offered(offers):
        place = region.slices if image.ndim == 2 else (slice(None), *region.slices)
        image[place] = pixels[0] if image.ndim == 2 else pixels


def _write_metadata(plan: ConversionPlan, store: Folder, extras: dict[str, str]) -> None:
    info, confidential = plan.info, plan.options.confidential
    picture = Picture(
        name=info.name,
        axes=plan.axes,
        grids=plan.grids,
        mpp=info.mpp,
        spacing={},
        channels=info.channels,
        windows=((0, 255),) * info.samples,
        limits=(0, 255),
        reduction="source",
    )
    block: dict[str, Any] = {"extras": extras, "magnification": info.magnification}
    if info.description is not None:
        block["image_description"] = (
            info.description if confidential else aperio_without_confidential(info.description)
        )
    attributes = {"numcodecs_neural": block}
    write_image_group(store, "", plan.options.ome_zarr_version, picture, attributes)
