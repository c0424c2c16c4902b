"""Compares the chunks of a store with the slide that it was made of, or with another store."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.measure.distortion import ChunkQuality, chunk_quality
from numcodecs_neural.converters.sources import Frame, SlideInfo, SlideSource, open_source
from numcodecs_neural.converters.sources.omezarr.describe import describe
from numcodecs_neural.converters.sources.omezarr.source import OmeZarrSource
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.format import ChunkHeader, Mode
from numcodecs_neural.jpeg.requantize import EXACT as EXACT_QUALITY
from numcodecs_neural.measure.metrics import PEAK
from numcodecs_neural.omezarr.coverage import EXACT
from numcodecs_neural.omezarr.opened import OpenedImage
from numcodecs_neural.omezarr.stored_arrays import ChunkIndex, StoredArray

from .checking import CheckedChunk, Problem, problem_of

__all__ = ["Compared", "Comparison", "WorstChunk", "opened_comparison"]

_LABEL = "labels/tissue"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstChunk:
    """A chunk that differs from the source.

    Parameters
    ----------
    row, column : int
        Of its first pixel in its level.
    chunk : tuple of int
        Its index along the axes of the array.
    psnr_db, largest_error : float
        How much it differs.
    """

    row: int
    column: int
    chunk: ChunkIndex
    psnr_db: float
    largest_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How a chunk compares with the source.

    Parameters
    ----------
    quality : ChunkQuality
    largest_error : float
        Of its samples.
    is_exact : bool
        Whether it was to be equal, or within a bound.
    worst : WorstChunk, optional
        The same with its place; None where nothing differs.
    problem : Problem, optional
        If it was to be exact, and is not.
    """

    quality: ChunkQuality
    largest_error: float
    is_exact: bool
    worst: WorstChunk | None
    problem: Problem | None


@contextmanager
def opened_comparison(image: OpenedImage, location: Path, series: int) -> "Iterator[Comparison]":
    """Open what a store is compared with.

    Raises
    ------
    SourceError
        If it cannot be read.
    ConfigError
        If it is of another size, other axes or samples than the store.
    """
    source = open_source(location, series=series)
    try:
        yield Comparison(image, source, str(location))
    finally:
        source.close()


class Comparison:
    """A store and what it is compared with; safe between threads.

    Level 0 is compared, and those that the source has as well. Levels that were made by reduction
    are only compared with another store that has the same ones.

    Parameters
    ----------
    image : OpenedImage
        The store.
    source : SlideSource
        What it is compared with.
    location : str
        What to call that.
    """

    def __init__(self, image: OpenedImage, source: SlideSource, location: str) -> None:
        self._image, self._source = image, source
        self._info = describe(image)
        _check_alike(self._info, source.info, location)
        self._levels = [self._source_level(level) for level in range(len(image.levels))]
        self._range = _data_range(image)
        glass = image.block.get("glass") or {}
        self._is_painted = glass.get("treatment") == "flatten"

    @property
    def not_compared(self) -> list[int]:
        """Levels that the source does not have."""
        return [level for level, found in enumerate(self._levels) if found is None]

    def compare(self, stored: StoredArray, level: int, checked: CheckedChunk) -> Compared | None:
        """Compare a chunk of a level that was decoded; None where there is nothing to compare with.

        Raises
        ------
        SourceError
            If the source does not decode.
        """
        if self._levels[level] is None or checked.pixels is None:
            return None
        bound = self._bound(stored, level, checked)
        quality, largest = ChunkQuality(), 0.0
        for original, planes, mask in self._frames(stored, level, checked):
            quality += self._quality(original, planes, mask)
            largest = max(largest, _largest_error(original, planes, mask))
        problem = None
        if bound is not None and largest > bound:
            text = f"it was to be {_how_exact(bound)}, and a sample differs by {largest:g}"
            problem = problem_of(stored, checked.index, "not exact", text)
        return Compared(
            quality=quality,
            largest_error=largest,
            is_exact=bound is not None,
            worst=self._worst(stored, checked.index, quality, largest),
            problem=problem,
        )

    def _source_level(self, level: int) -> int | None:
        """Return which level of the source a level of the store is."""
        if level == 0:
            return 0
        if level >= len(self._info.level_shapes):
            return None  # It has fewer planes.
        shapes, noted = self._source.info.level_shapes, self._image.noted(level)
        found = noted.get("source_level")
        if found is None and isinstance(self._source, OmeZarrSource):
            found = level
        shape = self._info.level_shapes[level]
        return found if found is not None and shapes[found : found + 1] == (shape,) else None

    def _bound(self, stored: StoredArray, level: int, checked: CheckedChunk) -> int | None:
        """Return by how much samples may differ from the source; None if nobody said."""
        noted = self._image.noted(level)
        if level > 0 and noted.get("source_level") is None:
            return None
        if stored.state(checked.index) == EXACT or noted.get("is_exact"):
            return 0
        return None if checked.header is None else _bound_of(checked.header, noted)

    def _frames(
        self, stored: StoredArray, level: int, checked: CheckedChunk
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]]:
        """Yield pixels of the source and of the store, (c, y, x), and which are compared."""
        assert checked.pixels is not None  # for mypy: it was decoded
        *leading, rows, columns = stored.selection(checked.index)
        region = Region(
            rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start
        )
        mask = self._mask(level, region)
        places: list[Iterable[Any]] = [
            [slice(None)] if axis == "c" and self._info.is_rgb else range(part.stop - part.start)
            for axis, part in zip(self._image.metadata.axes, leading, strict=False)
        ]
        colors = self._colors(leading)
        for place in itertools.product(*places):
            planes = checked.pixels[place]
            frame = self._frame(leading, place)
            original = self._source.read_region(region, self._levels[level] or 0, frame)
            yield np.moveaxis(original, -1, 0)[colors], planes.reshape(-1, *mask.shape), mask

    def _colors(self, leading: list[slice]) -> slice:
        """Return which colours a chunk of RGB holds: others write each by itself."""
        at = dict(zip(self._image.metadata.axes, leading, strict=False))
        return at["c"] if self._info.is_rgb else slice(None)

    def _frame(self, leading: list[slice], place: tuple[Any, ...]) -> Frame:
        at = {
            axis: part.start + inside
            for axis, part, inside in zip(self._image.metadata.axes, leading, place, strict=False)
            if not isinstance(inside, slice)
        }
        return tuple(at[axis] for axis, _ in self._source.info.frames)

    def _mask(self, level: int, region: Region) -> NDArray[np.bool_]:
        """Return what of a region was not painted; that is known of tissue."""
        label: Any = self._image.group.get(f"{_LABEL}/{level}") if self._is_painted else None
        if isinstance(label, zarr.Array):
            return np.asarray(label[region.slices]) > 0
        return np.ones((region.height, region.width), np.bool_)

    def _quality(
        self, original: NDArray[Any], planes: NDArray[Any], mask: NDArray[np.bool_]
    ) -> ChunkQuality:
        is_float = original.dtype.kind == "f"
        if is_float and not np.array_equal(original, planes, equal_nan=True):
            return ChunkQuality()  # whose sums are of integers
        return chunk_quality(original, planes, mask, data_range=self._range)

    def _worst(
        self, stored: StoredArray, index: ChunkIndex, quality: ChunkQuality, largest: float
    ) -> WorstChunk | None:
        psnr_db = quality.psnr_db(self._range)
        if psnr_db is None:
            return None
        row, column = (part.start for part in stored.selection(index)[-2:])
        return WorstChunk(
            row=row, column=column, chunk=index, psnr_db=psnr_db, largest_error=largest
        )

    def psnr_db(self, quality: ChunkQuality) -> float | None:
        """Return the PSNR of sums, in dB; None where nothing differs."""
        psnr_db: float | None = quality.psnr_db(self._range)
        return psnr_db


def _check_alike(info: SlideInfo, other: SlideInfo, location: str) -> None:
    for what, own, its in (
        ("height and width", info.shape, other.shape),
        ("samples a pixel", info.samples, other.samples),
        ("axes", info.frames, other.frames),
        ("dtype", info.dtype, other.dtype),
    ):
        if own != its:
            raise ConfigError(
                f"--against {location}: it has other {what} ({its}) than the store ({own}): name "
                "the slide that the store was made of, or another store of it"
            )


def _data_range(image: OpenedImage) -> float:
    """Return what PSNR is relative to: 255 for 8 bits, else the range of the smallest level."""
    if image.dtype == np.uint8:
        return PEAK
    pixels = np.asarray(image.levels[-1][...], np.float64)
    return max(float(np.nanmax(pixels) - np.nanmin(pixels)), 1.0)


def _bound_of(header: ChunkHeader, noted: dict[str, Any]) -> int | None:
    """Return by how much the samples of a chunk may differ by its own word."""
    if header.mode is Mode.EXACT:
        return header.max_error
    is_coarser = noted.get("jpeg_quality", EXACT_QUALITY) < EXACT_QUALITY
    if header.mode is Mode.STORED or (header.mode is Mode.JPEG and not is_coarser):
        return 0
    return None


def _how_exact(bound: int) -> str:
    return f"within {bound}" if bound else "exact"


def _largest_error(original: NDArray[Any], planes: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    if np.array_equal(original, planes) or not mask.any():
        return 0
    kind = np.float64 if original.dtype.kind == "f" else np.int64
    difference = np.abs(original[:, mask].astype(kind) - planes[:, mask].astype(kind))
    return float(np.nanmax(difference))
