"""Dry run: size of a store and time to write it, estimated from a few coded chunks."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import MemoryStore

from numcodecs_neural import exactly
from numcodecs_neural.jpeg.offers import offered

from ..geometry.levels import LevelGrid
from ..measure.distortion import ChunkQuality, chunk_quality
from ..measure.sampling import (
    SampleChunk,
    sample_chunks,
    sample_exact,
    sample_glass,
    sample_level,
    sampled_levels,
)
from ..pipeline.exact_chunks import offers_of, read_mosaics, with_coarser
from ..pipeline.plan import ConversionPlan

__all__ = ["Coded", "Estimate", "Sort", "code_sort", "estimate", "index_nbytes", "sorts_of"]

# Of the index of a shard: for each of its chunks, and once.
_PLACE_NBYTES, _CRC_NBYTES = 16, 4


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
    exact : tuple of int
        The levels that are to be exact.
    exact_chunks : int
        How many chunks of others are to be exact, in all frames.
    bounded : tuple of int
        The other levels of which every sample keeps the options' bound.
    why : str
        Why level 0 is not; empty where it is, or the options do not ask for it.
    """

    shape: tuple[int, int]
    levels: int
    raw_nbytes: int
    nbytes: int
    elided_area: float
    seconds: float
    exact: tuple[int, ...]
    exact_chunks: int
    bounded: tuple[int, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sort:
    """Samples of one sort of chunks.

    Parameters
    ----------
    level : int
        The level that the samples are of.
    has_tissue : bool
        Whether they hold tissue.
    samples : list of SampleChunk
        At least one.
    pixels : int
        How many pixels the chunks of this sort have in a store, in all frames. Padding at the edge
        of a level is not counted: it takes next to no bytes.
    is_exact : bool
        Whether they are to be exact, as regions of the options want it.
    """

    level: int
    has_tissue: bool
    samples: list[SampleChunk]
    pixels: int
    is_exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """One pixel of a sort, the mean of all samples.

    Parameters
    ----------
    nbytes : float
    encode_s, decode_s : float
        Seconds.
    quality : ChunkQuality
        Distortion on tissue of all samples, of a level that keeps its JPEG data.
    """

    nbytes: float
    encode_s: float
    decode_s: float
    quality: ChunkQuality


def estimate(plan: ConversionPlan) -> Estimate:
    """Code a few chunks of each sort of a slide, and extrapolate to all.

    Raises
    ------
    SourceError, ConfigError, WeightsError
        As `convert` does.
    """
    coded = [(sort.pixels, code_sort(sort, plan)) for sort in sorts_of(plan)]
    exact = [n for n in range(len(plan.levels)) if _is_exact(plan, n)]
    first = plan.grids[0]
    every = plan.axes.count * sum(grid.pixels for grid in plan.grids)
    return Estimate(
        shape=plan.info.shape,
        levels=len(plan.grids),
        raw_nbytes=plan.info.samples * plan.info.dtype.itemsize * every,
        nbytes=round(sum(pixels * one.nbytes for pixels, one in coded)) + index_nbytes(plan),
        elided_area=first.pixels_where(plan.glass.elided[0]) / first.pixels,
        seconds=sum(pixels * one.encode_s for pixels, one in coded) / plan.options.workers,
        exact=tuple(exact),
        exact_chunks=plan.axes.count
        * sum(int(chunks.sum()) for n, chunks in enumerate(plan.exact) if n not in exact),
        bounded=tuple(
            n
            for n, codec in enumerate(plan.codecs)
            if n not in exact and codec.parameters.get("max_error") is not None
        ),
        why=plan.levels[0].why,
    )


def _is_exact(plan: ConversionPlan, level: int) -> bool:
    """Return whether a level is to have the pixels of one of the source."""
    keeps_all = plan.codecs[level].is_lossless and not plan.grids[level].is_reduced
    return keeps_all or plan.levels[level].is_exact


def index_nbytes(plan: ConversionPlan) -> int:
    """Return the bytes by which shards tell where their chunks are, stored or not."""
    if plan.options.ome_zarr_version == "0.4":
        return 0
    return plan.axes.count * sum(
        _shards(grid, elided)
        * (_PLACE_NBYTES * (grid.region_px // grid.chunk_px) ** 2 + _CRC_NBYTES)
        for grid, elided in zip(plan.grids, plan.glass.elided, strict=True)
    )


def _shards(grid: LevelGrid, elided: NDArray[np.bool_]) -> int:
    """Return how many shards of a level hold a chunk."""
    return sum(not elided[grid.chunks_of(cell)].all() for cell in grid.regions())


def sorts_of(plan: ConversionPlan) -> list[Sort]:
    """Return samples of each sort of chunk, and how many pixels of it would be stored.

    Those with tissue of each level of the source, those of reduced levels together, those without
    tissue, and those of exact regions, for which some of level 0 stand.
    """
    source, glass, grids = plan.source, plan.glass, plan.grids
    stored = sum(_pixels(grids, [~(e | x) for e, x in zip(glass.elided, plan.exact, strict=True)]))
    tissue = _pixels(
        grids, [chunks & ~x for chunks, x in zip(glass.with_tissue, plan.exact, strict=True)]
    )
    if not tissue[0]:
        tissue = [stored, *(0 for _ in grids[1:])]
    sorts = [
        Sort(
            level=level,
            has_tissue=True,
            samples=sample_level(source, grids, glass, level)
            if level
            else sample_chunks(source, grids[0], glass),
            pixels=sum(tissue[n] for n in alike),
        )
        for level, alike in sampled_levels(grids).items()
    ]
    without = sample_glass(source, grids[0], glass)
    sorts.append(Sort(level=0, has_tissue=False, samples=without, pixels=stored - sum(tissue)))
    sorts.append(
        Sort(
            level=0,
            has_tissue=True,
            samples=sample_exact(source, grids[0], glass, plan.exact[0]),
            pixels=sum(_pixels(grids, plan.exact)),
            is_exact=True,
        )
    )
    return [
        Sort(
            level=sort.level,
            has_tissue=sort.has_tissue,
            samples=sort.samples,
            pixels=plan.axes.count * sort.pixels,
            is_exact=sort.is_exact,
        )
        for sort in sorts
        if sort.samples and sort.pixels
    ]


def _pixels(grids: Sequence[LevelGrid], chosen: Sequence[NDArray[np.bool_]]) -> list[int]:
    """Return how many pixels of each level lie in chosen chunks."""
    return [grid.pixels_where(chunks) for grid, chunks in zip(grids, chosen, strict=True)]


def code_sort(sort: Sort, plan: ConversionPlan) -> Coded:
    """Return size and times of one pixel of a sort, with the JPEG data behind it if they are kept.

    Raises
    ------
    SourceError
        If the slide does not decode.
    """
    # The first one twice: what is loaded and compiled for it is not counted.
    samples = [sort.samples[0], *sort.samples]
    with exactly() if sort.is_exact else nullcontext():
        coded = [_code(sample, sort.level, plan) for sample in samples][1:]
    pixels = sum(sample.tissue.size for sample in sort.samples)
    return Coded(
        nbytes=sum(chunk.nbytes for chunk in coded) / pixels,
        encode_s=sum(chunk.encode_s for chunk in coded) / pixels,
        decode_s=sum(chunk.decode_s for chunk in coded) / pixels,
        quality=sum((chunk.quality for chunk in coded), ChunkQuality()),
    )


def _code(sample: SampleChunk, level: int, plan: ConversionPlan) -> Coded:
    """Return size and times of one sample, all of its pixels together."""
    grid, (frame, cell) = plan.grids[level], sample.place
    region, keeps_jpeg = grid.chunk(cell), plan.levels[level].coding == "jpeg"
    started = time.perf_counter()
    found = read_mosaics(plan, grid, frame, [cell] if keeps_jpeg else [])
    pixels, found = with_coarser(plan, grid, region, sample.pixels, found)
    read_s = time.perf_counter() - started
    planes = replace(sample, pixels=pixels).padded(grid.chunk_px, plan.glass.fill_value)
    chunk = planes.reshape(plan.axes.frame_shape(*planes.shape[1:]))
    array = zarr.create_array(
        MemoryStore(),
        shape=chunk.shape,
        chunks=chunk.shape,
        dtype=chunk.dtype,
        zarr_format=2 if plan.options.ome_zarr_version == "0.4" else 3,
        config={"write_empty_chunks": True},
        **plan.codecs[level].zarr_arguments,
    )
    metadata = int(array.nbytes_stored())
    started = time.perf_counter()
    offers = offers_of(plan, grid, region, pixels, found)
    with offered(offers, are_exact=plan.options.archive):
        array[...] = chunk
    written = time.perf_counter()
    stored = np.asarray(array[...]).reshape(planes.shape)
    decoded = time.perf_counter()
    inside = stored[:, : region.height, : region.width]
    return Coded(
        nbytes=int(array.nbytes_stored()) - metadata,
        encode_s=read_s + written - started,
        decode_s=decoded - written,
        quality=chunk_quality(sample.pixels, inside, sample.tissue)
        if keeps_jpeg
        else ChunkQuality(),
    )
