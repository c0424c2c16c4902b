"""Dry run: size of a store and time to write it, estimated from a few coded chunks."""

import time
from dataclasses import dataclass
from typing import Any

import zarr
from numpy.typing import NDArray
from zarr.storage import MemoryStore

from ..measure.sampling import SampleChunk, sample_chunks, sample_glass, sample_reduced
from ..pipeline.plan import ConversionPlan

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Estimated size and time of a conversion.

    Parameters
    ----------
    shape : tuple of int
        Height and width of level 0.
    levels : int
        Number of levels.
    raw_nbytes : int
        Raw bytes of all levels.
    nbytes : int
        Bytes of all levels.
    elided_area : float
        Part of level 0 that is not stored.
    seconds : float
        Of coding, with the options' workers; reading comes on top.
    """

    shape: tuple[int, int]
    levels: int
    raw_nbytes: int
    nbytes: int
    elided_area: float
    seconds: float


def estimate(plan: ConversionPlan) -> Estimate:
    """Code a few chunks of each sort of a slide, and extrapolate to all.

    Raises
    ------
    SourceError, ConfigError, WeightsError
        As `convert` does.
    """
    nbytes, seconds = 0.0, 0.0
    for samples, count in _sorts(plan):
        mean_nbytes, mean_seconds = _code(samples, plan)
        nbytes += count * mean_nbytes
        seconds += count * mean_seconds
    first = plan.grids[0]
    every = plan.axes.count * sum(grid.pixels for grid in plan.grids)
    return Estimate(
        shape=plan.info.shape,
        levels=len(plan.grids),
        raw_nbytes=plan.info.samples * plan.info.dtype.itemsize * every,
        nbytes=round(nbytes),
        elided_area=first.pixels_where(plan.glass.elided[0]) / first.pixels,
        seconds=seconds / plan.options.workers,
    )


def _sorts(plan: ConversionPlan) -> list[tuple[list[SampleChunk], int]]:
    """Return samples of each sort of chunk, and how many chunks of that sort would be stored.

    Those with tissue of level 0 and of smaller levels, and those without.
    """
    source, glass = plan.source, plan.glass
    stored = sum(int((~chunks).sum()) for chunks in glass.elided)
    tissue = [int(chunks.sum()) for chunks in glass.with_tissue]
    if not tissue[0]:
        tissue = [stored]
    reduced = sample_reduced(
        source, plan.grids, glass, use_existing_levels=plan.options.use_existing_levels
    )
    without = sample_glass(source, plan.grids[0], glass)
    sorts = [
        (sample_chunks(source, plan.options, glass), tissue[0]),
        (reduced, sum(tissue[1:])),
        (without, stored - sum(tissue)),
    ]
    return [(samples, plan.axes.count * count) for samples, count in sorts if samples and count]


def _code(samples: list[SampleChunk], plan: ConversionPlan) -> tuple[float, float]:
    """Return bytes and seconds of one chunk, the mean of all."""
    coded = [
        _code_chunk(sample.padded(plan.grids[0].chunk_px, plan.glass.fill_value), plan)
        for sample in (samples[0], *samples)
    ]
    # The first one twice: what is loaded and compiled for it is not counted.
    nbytes, seconds = zip(*coded[1:], strict=True)
    return sum(nbytes) / len(samples), sum(seconds) / len(samples)


def _code_chunk(planes: NDArray[Any], plan: ConversionPlan) -> tuple[int, float]:
    chunk = planes.reshape(plan.axes.frame_shape(*planes.shape[1:]))
    array = zarr.create_array(
        MemoryStore(),
        shape=chunk.shape,
        chunks=chunk.shape,
        dtype=chunk.dtype,
        zarr_format=2 if plan.options.ome_zarr_version == "0.4" else 3,
        config={"write_empty_chunks": True},
        **plan.codec.zarr_arguments,
    )
    metadata = int(array.nbytes_stored())
    started = time.perf_counter()
    array[...] = chunk
    return int(array.nbytes_stored()) - metadata, time.perf_counter() - started
