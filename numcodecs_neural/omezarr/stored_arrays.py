"""StoredArray: the chunks of one array of an image, with what is to be known of each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

from .chunk_files import StoredChunks
from .coverage import (
    COVERAGE_GROUP,
    ELIDED,
    EMPTY,
    EXACT,
    FILE_SIZES_GROUP,
    STORED,
    file_shape,
    is_stored,
)
from .levels import array_codecs, open_array
from .opened import OpenedImage

__all__ = ["ChunkIndex", "StoredArray", "stored_labels", "stored_levels", "stored_others"]

ChunkIndex = tuple[int, ...]
"""Of a chunk along each axis of its array."""

_CODEC = "neural_image"
_SHARDING = "sharding_indexed"
_VALUES = (STORED, ELIDED, EMPTY, EXACT)
_LABELS = "labels/tissue"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredArray:
    """One array.

    Parameters
    ----------
    name : str
        What to call it: ``"level 0"``, ``"label 0"``.
    path : str
        In the store.
    array : zarr.Array
        It.
    codecs : dict
        Their settings by their names, in order, without sharding.
    coverage : ndarray, optional
        What became of each chunk, in the shape of `grid`; None where nobody noted it.
    sizes : ndarray, optional
        Bytes of each chunk when the store was finished, in the shape of `grid`; None where nobody
        noted them, and of shards.
    chunks : StoredChunks, optional
        Their bytes; None of shards that are laid out in a way that is not read here.
    """

    name: str
    path: str
    array: zarr.Array[Any]
    codecs: dict[str, dict[str, Any]]
    coverage: NDArray[np.uint8] | None
    sizes: NDArray[np.int64] | None
    chunks: StoredChunks | None = field(repr=False)

    @property
    def grid(self) -> ChunkIndex:
        """How many chunks there are along each axis."""
        return _grid(self.array.shape, self.array.chunks)

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return int(np.prod(self.grid))

    @property
    def is_ours(self) -> bool:
        """Whether what is stored of a chunk is what `numcodecs_neural.NeuralImage` wrote."""
        return list(self.codecs)[-1:] == [_CODEC] and self.chunks is not None

    @property
    def has_filters(self) -> bool:
        """Whether chunks went through more than one codec."""
        return len(self.codecs) > 1

    @property
    def expected(self) -> int:
        """How many chunks are to be stored, as far as that is known; else all."""
        return self.count if self.coverage is None else int(is_stored(self.coverage).sum())

    def indexes(self) -> Iterator[ChunkIndex]:
        """Iterate over all chunks, file by file: those of a shard one after the other."""
        per_file = tuple(
            whole // part
            for whole, part in zip(file_shape(self.array), self.array.chunks, strict=True)
        )
        grid = self.grid
        for file in np.ndindex(_grid(grid, per_file)):
            first = [at * side for at, side in zip(file, per_file, strict=True)]
            for inside in np.ndindex(per_file):
                index = tuple(begin + at for begin, at in zip(first, inside, strict=True))
                if all(at < length for at, length in zip(index, grid, strict=True)):
                    yield index

    def selection(self, index: ChunkIndex) -> tuple[slice, ...]:
        """Return where the pixels of a chunk are in the array."""
        sides = zip(index, self.array.chunks, self.array.shape, strict=True)
        return tuple(slice(at * side, min((at + 1) * side, length)) for at, side, length in sides)

    def state(self, index: ChunkIndex) -> int | None:
        """Return what became of a chunk, where that is known."""
        return None if self.coverage is None else int(self.coverage[index])


def stored_levels(image: OpenedImage) -> list[StoredArray]:
    """Return the levels of an image.

    Raises
    ------
    SourceError
        If the coverage of one is lost.
    """
    return [
        _stored(image, f"level {number}", path, array, _coverage(image, number, array))
        for number, (path, array) in enumerate(zip(image.paths, image.levels, strict=False))
    ]


def stored_labels(image: OpenedImage) -> list[StoredArray]:
    """Return the levels of the tissue label that this package keeps beside an image."""
    found = []
    for number in range(len(image.levels)):
        path = f"{_LABELS}/{number}"
        array: Any = image.group.get(path) if image.block else None
        if isinstance(array, zarr.Array):
            sizes = _sizes(image, path, array)
            coverage = None
            if sizes is not None:
                coverage = np.where(sizes > 0, STORED, EMPTY).astype(np.uint8)
            found.append(_stored(image, f"label {number}", path, array, coverage))
    return found


def stored_others(image: OpenedImage) -> list[StoredArray]:
    """Return the arrays that the metadata of an image name, and that are no levels of it.

    Raises
    ------
    SourceError
        If one is not there.
    """
    root, first = image.files.group(), len(image.levels)
    return [
        _stored(image, f"array {number}", path, open_array(root, image.files, path), None)
        for number, path in enumerate(image.paths[first:], first)
    ]


def _stored(
    image: OpenedImage,
    name: str,
    path: str,
    array: zarr.Array[Any],
    coverage: NDArray[np.uint8] | None,
) -> StoredArray:
    codecs = array_codecs(image.files, path)
    codecs.pop(_SHARDING, None)
    try:
        chunks = StoredChunks(image.files.folder, path, array)
    except SourceError:
        chunks = None
    return StoredArray(
        name=name,
        path=path,
        array=array,
        codecs=codecs,
        coverage=coverage,
        sizes=_sizes(image, path, array),
        chunks=chunks,
    )


def _coverage(image: OpenedImage, level: int, array: zarr.Array[Any]) -> NDArray[np.uint8] | None:
    found = image.own_array(f"{COVERAGE_GROUP}/{image.metadata.paths[level]}")
    grid = _grid(array.shape, array.chunks)
    if found is None or found.size != np.prod(grid):
        return None
    if not np.isin(found, _VALUES).all():
        raise SourceError(
            f"{image.files.location}: the coverage of level {level} is lost, which tells chunks "
            "that were lost from those that were never stored: copy the store again"
        )
    return found.reshape(grid).astype(np.uint8)


def _sizes(image: OpenedImage, path: str, array: zarr.Array[Any]) -> NDArray[np.int64] | None:
    """Return the recorded sizes of the files of an array that has no shards."""
    own = path.removeprefix(f"{image.group.path}/") if image.group.path else path
    sizes = None if array.shards else image.own_array(f"{FILE_SIZES_GROUP}/{own}")
    grid = _grid(array.shape, array.chunks)
    if sizes is None or sizes.size != np.prod(grid) or (sizes < 0).any():
        return None
    return sizes.reshape(grid)


def _grid(shape: ChunkIndex, part: ChunkIndex) -> ChunkIndex:
    return tuple(-(-length // side) for length, side in zip(shape, part, strict=True))
