"""StoredSlide: a finished store, opened to be read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.folder import Folder
from numcodecs_neural.jpeg.requantize import EXACT
from numcodecs_neural.omezarr.coverage import COVERAGE_GROUP

from ..codecs import ChunkCodec
from ..geometry.axes import Axes, Frame
from ..geometry.levels import (
    LevelGrid,
    Region,
    keep_level,
    keep_levels,
    plan_levels,
    reduced_levels,
)
from ..options import REGION_PX
from ..pipeline.levels import LevelPlan
from ..store.arrays import LABEL_GROUP
from ..store.transaction import store_folder
from .pictures import DisplayRange

__all__ = ["StoredSlide", "open_stored"]

# Of a step of the history, what is not about the codec.
_MEASURED = ("ratio", "psnr_db", "ssim", "chunks_sampled")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredSlide:
    """What a store says about itself, and its arrays.

    Parameters
    ----------
    folder : Folder
        Where it is.
    group : zarr.Group
        Its root.
    axes : Axes
        Those of its levels.
    levels : tuple of LevelPlan
        Its levels.
    codecs : tuple of ChunkCodec
        What codes the chunks of each, as far as the store tells.
    version : str
        Of OME-Zarr.
    block : dict
        What the converter noted about the conversion.
    channels : tuple
        (name, display range) of each that is shown.
    has_mask : bool
        Whether there is a tissue mask.
    """

    folder: Folder
    group: zarr.Group
    axes: Axes
    levels: tuple[LevelPlan, ...]
    codecs: tuple[ChunkCodec, ...]
    version: str
    block: dict[str, Any]
    channels: tuple[tuple[str, DisplayRange], ...]
    has_mask: bool

    @property
    def grids(self) -> tuple[LevelGrid, ...]:
        """The sizes of its levels."""
        return tuple(level.grid for level in self.levels)

    @property
    def first_frame(self) -> Frame:
        """The first channel, plane and time."""
        return (0,) * len(self.axes.frames)

    def image(self, level: int) -> zarr.Array[Any]:
        """Return the array of a level."""
        return _array(self.group, str(level))

    def read(self, region: Region, level: int, frame: Frame) -> NDArray[Any]:
        """Return pixels of a level as a reader gets them, (h, w, c)."""
        pixels = np.asarray(self.image(level)[self.axes.index(frame, region)])
        planes = pixels.reshape(self.axes.samples, region.height, region.width)
        return np.moveaxis(planes, 0, -1)

    def tissue(self, region: Region) -> NDArray[np.bool_]:
        """Return the tissue mask of a region of level 0; all of it where there is none."""
        if not self.has_mask:
            return np.ones((region.height, region.width), bool)
        return np.asarray(_array(self.group, f"{LABEL_GROUP}/0")[region.slices]) > 0

    def small_mask(self, side: int) -> NDArray[np.bool_]:
        """Return the tissue mask of the whole slide, at least `side` pixels long where it is."""
        level = small_level([(grid.height, grid.width) for grid in self.grids], side)
        label = _array(self.group, f"{LABEL_GROUP}/{level}")
        step = max(max(label.shape) // side, 1)
        return np.asarray(label[::step, ::step]) > 0

    def coverage(self, level: int) -> NDArray[np.uint8]:
        """Return what became of each chunk of a level, frame by frame."""
        return np.asarray(_array(self.group, f"{COVERAGE_GROUP}/{level}")[...])


@contextmanager
def open_stored(output: str) -> Iterator[StoredSlide]:
    """Open a finished store: a folder, a single file or a URL.

    Raises
    ------
    SourceError
        If what is there was not written by the converter.
    OSError
        If there is nothing, or it cannot be read.
    """
    folder = store_folder(output)
    store = folder.zarr_store()
    try:
        group = zarr.open_group(store, mode="r")
        yield _stored(folder, group)
    finally:
        store.close()
        folder.close()


def small_level(shapes: Sequence[tuple[int, int]], side: int) -> int:
    """Return the smallest of the levels that are at least `side` pixels long, or the largest.

    Examples
    --------
    >>> small_level([(3000, 4000), (1500, 2000), (750, 1000)], 900)
    2
    """
    enough = [level for level, shape in enumerate(shapes) if max(shape) >= side] or [0]
    return min(enough, key=lambda level: max(shapes[level]))


def _stored(folder: Folder, group: zarr.Group) -> StoredSlide:
    attributes: dict[str, Any] = dict(group.attrs)
    block = attributes.get("numcodecs_neural")
    if not isinstance(block, dict) or "glass" not in block:
        raise SourceError(f"{folder.location} was not written by this converter")
    ome = attributes.get("ome", attributes)
    (multiscale,) = ome["multiscales"]
    axes = _axes(multiscale, _array(group, "0"))
    grids = _grids(multiscale, group, block.get("levels"))
    noted = block.get("levels") or _noted_of_old(block, len(grids))
    return StoredSlide(
        folder=folder,
        group=group,
        axes=axes,
        levels=tuple(
            LevelPlan(
                grid=grid,
                coding=level["coding"],
                why=level.get("why", ""),
                jpeg_quality=level.get("jpeg_quality", EXACT),
            )
            for grid, level in zip(grids, noted, strict=True)
        ),
        codecs=tuple(_codec(level) for level in noted),
        version="0.4" if group.metadata.zarr_format == 2 else "0.5",
        block=block,
        channels=tuple(_channel(channel) for channel in ome["omero"]["channels"]),
        has_mask=f"{LABEL_GROUP}/0" in group,
    )


def _axes(multiscale: dict[str, Any], first: zarr.Array[Any]) -> Axes:
    lengths = dict(zip((axis["name"] for axis in multiscale["axes"]), first.shape, strict=True))
    chunks = dict(zip(lengths, first.chunks, strict=True))
    # The three samples of RGB are coded together, and channels of all else are not.
    samples = 3 if chunks.get("c") == 3 else 1
    names = [name for name in lengths if name not in ("y", "x", "c" if samples == 3 else "")]
    return Axes(samples=samples, frames=tuple((name, lengths[name]) for name in names))


def _noted_of_old(block: dict[str, Any], levels: int) -> list[dict[str, Any]]:
    """Return what a store without notes about its levels says of each: its last lossy step."""
    step = dict(block["lossy_history"][-1]) if block["lossy_history"] else {"method": "lossless"}
    codec = {key: value for key, value in step.items() if key not in _MEASURED}
    return [{"coding": "lossy", "codec": codec}] * levels


def _codec(level: dict[str, Any]) -> ChunkCodec:
    method, *parameters = level["codec"].items()
    return ChunkCodec(
        method=str(method[1]),
        parameters=dict(parameters),
        zarr_arguments={},
        is_lossless=level["coding"] == "lossless",
    )


def _grids(
    multiscale: dict[str, Any], group: zarr.Group, noted: list[dict[str, Any]] | None
) -> tuple[LevelGrid, ...]:
    """Return the levels: as the store notes them, or as older ones are known to be."""
    datasets = multiscale["datasets"]
    arrays = [_array(group, dataset["path"]) for dataset in datasets]
    shapes = tuple((int(array.shape[-2]), int(array.shape[-1])) for array in arrays)
    if noted is not None:
        grids: list[LevelGrid] = []
        for level, (array, its) in enumerate(zip(arrays, noted, strict=True)):
            chunk_px, region_px = _sides(array)
            if its.get("source_level") is None:
                grids += reduced_levels(grids[-1], levels=level + 1, step=its["reduced_by"])
            else:
                grids.append(keep_level(shapes, level, chunk_px=chunk_px, region_px=region_px))
        return tuple(grids)
    chunk_px, region_px = _sides(arrays[0])
    if multiscale.get("type") == "source":
        return keep_levels(shapes, chunk_px=chunk_px, region_px=region_px)
    scales = [dataset["coordinateTransformations"][0]["scale"][-1] for dataset in datasets]
    step = round(scales[1] / scales[0]) if len(scales) > 1 else 2
    return plan_levels(
        shapes[0], levels=len(shapes), chunk_px=chunk_px, region_px=region_px, step=step
    )


def _sides(array: zarr.Array[Any]) -> tuple[int, int]:
    """Return the sides of chunks and of regions; without shards any square of whole chunks does."""
    chunk_px = int(array.chunks[-1])
    return chunk_px, (
        int(array.shards[-1]) if array.shards else max(REGION_PX // chunk_px, 1) * chunk_px
    )


def _channel(channel: dict[str, Any]) -> tuple[str, DisplayRange]:
    window = channel["window"]
    return str(channel["label"]), (float(window["start"]), float(window["end"]))


def _array(group: zarr.Group, path: str) -> zarr.Array[Any]:
    array = group[path]
    if not isinstance(array, zarr.Array):
        raise SourceError(f"{path} in the store is no array")
    return array
