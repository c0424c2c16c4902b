"""LostFiles: files of an image that its coverage says were stored, and that are not there."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

from .coverage import (
    COVERAGE_GROUP,
    ELIDED,
    EMPTY,
    EXACT,
    STORED,
    file_names,
    file_shape,
    file_sizes,
    has_file,
)
from .opened import OpenedImage

__all__ = [
    "LostFiles",
    "coverage_of",
    "find_lost_files",
    "level_nbytes",
    "lost_text",
    "store_nbytes",
]

_VALUES = (STORED, ELIDED, EMPTY, EXACT)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LostFiles:
    """Which files of each level are lost.

    Parameters
    ----------
    location : str
        Of the store.
    levels : tuple of zarr.Array
        The arrays.
    lost : tuple of ndarray
        True for each file that is lost, in the shape of the level's grid of files; None for a
        level of which that is not known.
    """

    location: str
    levels: tuple[zarr.Array[Any], ...]
    lost: tuple[NDArray[np.bool_] | None, ...]

    def check(self, level: int, selection: tuple[int | slice, ...]) -> None:
        """Refuse a selection of a level of which a file is lost: Zarr would read the fill value.

        Raises
        ------
        SourceError
            Names the store, the level and the file.
        """
        array, lost = self.levels[level], self.lost[level]
        if lost is None or not lost.any():
            return
        parts = zip(selection, file_shape(array), array.shape, strict=True)
        block = tuple(_files_of(part, side, length) for part, side, length in parts)
        found = np.argwhere(lost[block])
        if not found.size:
            return
        place = tuple(int(at) + part.start for at, part in zip(found[0], block, strict=True))
        y, x = (at * side for at, side in zip(place[-2:], file_shape(array)[-2:], strict=True))
        kind = "shard" if array.shards else "chunk"
        more = f" (the first of {len(found)})" if len(found) > 1 else ""
        what = f"the {kind} {array.metadata.encode_chunk_key(place)}"
        raise SourceError(lost_text(self.location, what, level=level, y=y, x=x, more=more))


def lost_text(location: str, what: str, *, level: int, y: int, x: int, more: str = "") -> str:
    """Return what an error says of a file or a chunk that is lost, and what to do."""
    return (
        f"{location}: {what} of level {level}, at row {y}, column {x}, was stored and is "
        f"lost{more}: copy the store again, or have it mended: convert its slide to it with the "
        "same options and --resume"
    )


def coverage_of(image: OpenedImage, level: int) -> NDArray[np.uint8] | None:
    """Return the coverage of a level, without the axis of samples; None if there is none.

    Raises
    ------
    SourceError
        If the coverage itself is lost.
    """
    coverage = image.own_array(f"{COVERAGE_GROUP}/{image.metadata.paths[level]}")
    if coverage is not None and not np.isin(coverage, _VALUES).all():
        raise SourceError(
            f"{image.files.location}: the coverage of level {level} is lost, which "
            "tells chunks that were lost from those that were never stored: copy the store again"
        )
    return coverage


def level_nbytes(image: OpenedImage, level: int) -> int:
    """Return the size of a level's files.

    Raises
    ------
    SourceError
        If its coverage is lost, which behind a web server says which files there are.
    OSError
        If the store cannot be reached.
    """
    path = image.paths[level]
    if image.files.is_listed:
        return image.files.nbytes(path)
    names = file_names(image.levels[level], coverage_of(image, level))
    return sum(image.files.sizes(path, names).values())


def store_nbytes(image: OpenedImage) -> int:
    """Return the size of a store; behind a web server, that of the image's levels.

    Raises
    ------
    SourceError, OSError
        As `level_nbytes`.
    """
    if image.files.is_listed:
        return image.files.nbytes("")
    return sum(level_nbytes(image, level) for level in range(len(image.levels)))


def find_lost_files(image: OpenedImage) -> LostFiles:
    """Compare the coverage that this package writes with the files of an image.

    Stores without coverage, and those whose chunks are other ones by now, have no lost files that
    could be known.

    Raises
    ------
    SourceError
        If the coverage itself is lost.
    """
    lost = tuple(_lost_of(image, level, array) for level, array in enumerate(image.levels))
    return LostFiles(location=image.files.location, levels=image.levels, lost=lost)


def _lost_of(image: OpenedImage, level: int, array: zarr.Array[Any]) -> NDArray[np.bool_] | None:
    coverage = coverage_of(image, level)
    if coverage is None:
        return None
    is_stored = has_file(array, coverage)
    if is_stored is None:
        return None
    names = file_names(array, coverage)
    found = file_sizes(array, image.files.sizes(image.paths[level], names))
    lost: NDArray[np.bool_] = is_stored & (found == 0)
    return lost


def _files_of(part: int | slice, side: int, length: int) -> slice:
    """Return which files of an axis hold a part of it."""
    start, stop = (part, part + 1) if isinstance(part, int) else part.indices(length)[:2]
    return slice(start // side, -(-stop // side))
