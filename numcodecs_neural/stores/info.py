"""What a store is: levels, codecs, how chunks are coded, sizes, glass, history, pixel size."""

import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from numcodecs_neural.measure.picking import pick
from numcodecs_neural.omezarr.chunk_heads import heads_of
from numcodecs_neural.omezarr.coverage import ELIDED, EMPTY, EXACT, STORED
from numcodecs_neural.omezarr.embedded import WEIGHTS_GROUP
from numcodecs_neural.omezarr.history import lossy_history
from numcodecs_neural.omezarr.lost_files import level_nbytes, store_nbytes
from numcodecs_neural.omezarr.opened import OpenedImage, open_omezarr
from numcodecs_neural.omezarr.stored_arrays import StoredArray, stored_levels

__all__ = ["LevelFacts", "StoreFacts", "store_facts"]

# Of levels of more chunks, so many are looked at, unless all are asked for.
SAMPLED_CHUNKS = 4096
_STATES = {STORED: "stored", ELIDED: "elided", EMPTY: "empty", EXACT: "exact"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelFacts:
    """One level.

    Parameters
    ----------
    level : int
        0 is full resolution.
    path : str
        Of its array in the store.
    shape, chunk : tuple of int
        Of the array and of its chunks.
    shard : tuple of int, optional
        Of its shards; None where each chunk is a file.
    dtype : str
        Of its samples.
    fill_value : int, float or str
        What is read where nothing is stored; ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` as in
        the metadata of Zarr, since JSON has no such numbers; None where it is not defined.
    codecs : dict
        Settings by the names of the codecs, in order.
    chunks : int
        How many there are.
    coverage : dict, optional
        How many are stored, elided, empty, and stored and exact; None where nobody noted it.
    modes : dict, optional
        How many of the chunks that were looked at are coded how; None of other codecs.
    looked_at : int
        How many chunks that were.
    nbytes : int
        Of its files.
    bpp : float
        Bits per pixel of the whole level.
    bpp_stored : float, optional
        Bits per pixel of what is stored, where that is known.
    elided_area, empty_area : float, optional
        Parts of the level, 0 to 1, where they are known.
    """

    level: int
    path: str
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    shard: tuple[int, ...] | None
    dtype: str
    fill_value: int | float | str | None
    codecs: dict[str, dict[str, Any]]
    chunks: int
    coverage: dict[str, int] | None
    modes: dict[str, int] | None
    looked_at: int
    nbytes: int
    bpp: float
    bpp_stored: float | None
    elided_area: float | None
    empty_area: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """A store.

    Parameters
    ----------
    location : str
        Where it is.
    version : str
        Of OME-Zarr, as far as it says.
    images : int
        How many it holds; all else is of the first.
    axes : str
        Of the arrays.
    mpp : tuple of float, optional
        Microns per pixel of level 0, (y, x).
    nbytes : int
        Of all files of the store, metadata included; of the levels only where `is_listed` is false.
    is_listed : bool
        Whether the files of the store could be listed, which web servers do not do.
    software, glass : optional
        What wrote it and what it did with glass, of stores of this package.
    history : list of dict
        Lossy compressions, oldest first.
    weights : list of str
        Those that the store brings along.
    levels : list of LevelFacts
    """

    location: str
    version: str
    images: int
    axes: str
    mpp: tuple[float, float] | None
    nbytes: int
    is_listed: bool
    software: str | None
    glass: dict[str, Any] | None
    history: list[dict[str, Any]]
    weights: list[str]
    levels: list[LevelFacts] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-safe values."""
        return asdict(self)


def store_facts(location: str | Path, *, all_chunks: bool = False) -> StoreFacts:
    """Return what a store is; no chunk is decoded for it.

    Parameters
    ----------
    location : str or Path
        OME-Zarr of any version and codec: a folder, a zip or a URL.
    all_chunks : bool
        Look at the first bytes of all chunks; else at a sample of levels of more than 4096.

    Raises
    ------
    SourceError
        If it is no image of OME-Zarr, or a part of it that is asked for is damaged.
    """
    image = open_omezarr(location)
    try:
        levels = stored_levels(image)
        return StoreFacts(
            location=str(location),
            version=_version(image),
            images=image.series_count,
            axes=image.metadata.axes,
            mpp=image.metadata.mpp,
            nbytes=store_nbytes(image),
            is_listed=image.files.is_listed,
            software=image.block.get("software"),
            glass=image.block.get("glass"),
            history=_history(image, levels[0]),
            weights=_weights(image),
            levels=[
                _level(image, number, stored, all_chunks=all_chunks)
                for number, stored in enumerate(levels)
            ],
        )
    finally:
        image.close()


def _level(image: OpenedImage, number: int, stored: StoredArray, *, all_chunks: bool) -> LevelFacts:
    array, nbytes = stored.array, level_nbytes(image, number)
    pixels = _pixels(image, array.shape)
    areas = _areas(stored)
    kept = None if areas is None else pixels * (areas[STORED] + areas[EXACT])
    modes, looked_at = _modes(stored, all_chunks=all_chunks)
    return LevelFacts(
        level=number,
        path=stored.path,
        shape=array.shape,
        chunk=array.chunks,
        shard=array.shards,
        dtype=array.dtype.newbyteorder("=").name,
        fill_value=_fill_value(array.fill_value),
        codecs=stored.codecs,
        chunks=stored.count,
        coverage=_coverage(stored),
        modes=modes,
        looked_at=looked_at,
        nbytes=nbytes,
        bpp=round(8 * nbytes / pixels, 4),
        bpp_stored=round(8 * nbytes / kept, 4) if kept else None,
        elided_area=None if areas is None else round(areas[ELIDED], 4),
        empty_area=None if areas is None else round(areas[EMPTY], 4),
    )


def _fill_value(value: Any) -> int | float | str | None:
    found: int | float | None = np.asarray(value).item()
    if found is None or math.isfinite(found):
        return found
    return "NaN" if math.isnan(found) else "Infinity" if found > 0 else "-Infinity"


def _pixels(image: OpenedImage, shape: tuple[int, ...]) -> int:
    """Return the pixels of a level: three samples of RGB are one, and other channels are planes."""
    samples = 3 if image.is_rgb else 1
    return math.prod(shape) // samples


def _coverage(stored: StoredArray) -> dict[str, int] | None:
    if stored.coverage is None:
        return None
    return {name: int((stored.coverage == value).sum()) for value, name in _STATES.items()}


def _areas(stored: StoredArray) -> dict[int, float] | None:
    """Return which part of a level is in which state; chunks at its edges count as they are."""
    if stored.coverage is None:
        return None
    weights = np.ones((1,) * len(stored.grid))
    for axis, (count, side, length) in enumerate(
        zip(stored.grid, stored.array.chunks, stored.array.shape, strict=True)
    ):
        sides = np.minimum((np.arange(count) + 1) * side, length) - np.arange(count) * side
        weights = weights * np.expand_dims(
            sides / length, [n for n in range(len(stored.grid)) if n != axis]
        )
    return {value: float(weights[stored.coverage == value].sum()) for value in _STATES}


def _modes(stored: StoredArray, *, all_chunks: bool) -> tuple[dict[str, int] | None, int]:
    """Return how many chunks are coded how, and how many were looked at."""
    if not stored.is_ours:
        return None, 0
    indexes = list(_candidates(stored))
    if not all_chunks and len(indexes) > SAMPLED_CHUNKS:
        # In their order again: those of a shard have its index in common.
        picked = set(pick(indexes, SAMPLED_CHUNKS, key=lambda index: index))
        indexes = [index for index in indexes if index in picked]
    count = Counter(head.mode for head in heads_of(stored, indexes))
    return dict(sorted(count.items())), count.total()


def _candidates(stored: StoredArray) -> Any:
    """Return the chunks that may be stored."""
    if stored.coverage is None:
        return stored.indexes()
    kept = (STORED, EXACT)
    return (index for index in stored.indexes() if stored.state(index) in kept)


def _history(image: OpenedImage, first: StoredArray) -> list[dict[str, Any]]:
    array: Any = first.array
    ratio = array.nbytes / max(level_nbytes(image, 0), 1)
    steps = map(asdict, lossy_history(image.attributes, first.codecs, ratio=ratio))
    return [
        {key: value for key, value in {**step.pop("details"), **step}.items() if value is not None}
        for step in steps
    ]


def _version(image: OpenedImage) -> str:
    ome = image.attributes.get("ome")
    if isinstance(ome, dict):
        return str(ome.get("version", "unknown"))
    multiscales = image.attributes.get("multiscales")
    first = multiscales[0] if isinstance(multiscales, list) and multiscales else {}
    return str(first.get("version", "unknown"))


def _weights(image: OpenedImage) -> list[str]:
    group: Any = image.files.group().get(WEIGHTS_GROUP)
    return [] if group is None else sorted(group.array_keys())
