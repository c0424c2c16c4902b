"""Checks one chunk: it is there where coverage says so, is undamaged, and decodes."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.engine import decode
from numcodecs_neural.errors import NeuralCodecError, SourceError, WeightsError
from numcodecs_neural.files.reasons import reason_of
from numcodecs_neural.format import ChunkHeader, unpack_chunk
from numcodecs_neural.omezarr.coverage import ELIDED, EMPTY, EXACT, STORED
from numcodecs_neural.omezarr.store import OPEN_ERRORS
from numcodecs_neural.omezarr.stored_arrays import ChunkIndex, StoredArray

__all__ = ["CheckedChunk", "Problem", "check_chunk"]

# Codecs of all kinds decode here, each with errors of its own.
_READ_ERRORS = (
    *OPEN_ERRORS,
    *(NeuralCodecError, ImportError, MemoryError, zlib.error),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a chunk.

    Parameters
    ----------
    kind : str
        ``"lost"``: coverage says it was stored, and it is not there. ``"stray"``: coverage says it
        was not stored, and it is there. ``"damaged"``: its bytes are not what was written.
        ``"weights"``: those that it needs are not installed. ``"not exact"``: it was to be exact,
        and the source has other pixels.
    array : str
        ``"level 0"``, or the name of another array.
    row, column : int
        Of its first pixel in that array.
    chunk : tuple of int
        Its index along the axes of the array.
    text : str
        What is wrong, in a sentence.
    """

    kind: str
    array: str
    row: int
    column: int
    chunk: ChunkIndex
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckedChunk:
    """A chunk that was looked at.

    Parameters
    ----------
    index : tuple of int
        Which.
    problem : Problem, optional
        What is wrong with it.
    header : ChunkHeader, optional
        Of a stored chunk of this package's codec.
    pixels : ndarray, optional
        What it decodes to, without what is beyond the array; None if it is not stored or not whole.
    """

    index: ChunkIndex
    problem: Problem | None = None
    header: ChunkHeader | None = None
    pixels: NDArray[Any] | None = None


def problem_of(stored: StoredArray, index: ChunkIndex, kind: str, text: str) -> Problem:
    """Return a problem of a chunk, with its place."""
    row, column = (part.start for part in stored.selection(index)[-2:])
    return Problem(kind=kind, array=stored.name, row=row, column=column, chunk=index, text=text)


def check_chunk(stored: StoredArray, index: ChunkIndex) -> CheckedChunk:
    """Return what a chunk is; nothing that is wrong with it is raised."""
    header = None
    try:
        problem, is_there = _presence(stored, index)
        if problem is not None or not is_there:
            return CheckedChunk(index=index, problem=problem)
        if stored.is_ours:
            header, pixels = _decoded(stored, index)
        else:
            pixels = _read(stored, index)
    except WeightsError as exc:
        return CheckedChunk(index=index, problem=problem_of(stored, index, "weights", str(exc)))
    except _READ_ERRORS as exc:
        text = str(exc) if isinstance(exc, NeuralCodecError) else reason_of(exc)
        return CheckedChunk(index=index, problem=problem_of(stored, index, "damaged", text))
    return CheckedChunk(index=index, header=header, pixels=pixels)


def _presence(stored: StoredArray, index: ChunkIndex) -> tuple[Problem | None, bool]:
    """Return what is wrong with a chunk's being there or not, and whether it is."""
    state = stored.state(index)
    if stored.chunks is None:
        return None, state not in (ELIDED, EMPTY)
    nbytes = stored.chunks.size(index)
    if nbytes == 0 and state is None and stored.chunks.read(index) is not None:
        text = "its file is there, and has no bytes"
        return problem_of(stored, index, "damaged", text), True
    is_there = nbytes > 0
    if not is_there and state in (STORED, EXACT):
        text = "coverage says that it was stored, and it is not there"
        return problem_of(stored, index, "lost", text), False
    if is_there and state in (ELIDED, EMPTY):
        text = "coverage says that it was never stored, and it is there"
        return problem_of(stored, index, "stray", text), True
    # What is wrong with chunks of this package's codec they tell better themselves.
    noted = 0 if stored.is_ours or stored.sizes is None else int(stored.sizes[index])
    if is_there and nbytes < noted:
        text = f"it has {nbytes} bytes, and had {noted} when the store was finished"
        return problem_of(stored, index, "damaged", text), True
    return None, is_there


def _decoded(stored: StoredArray, index: ChunkIndex) -> tuple[ChunkHeader, NDArray[Any]]:
    """Return the header and the pixels of a chunk of this package's codec.

    Raises
    ------
    SourceError, BitstreamError
        If it is damaged, or was written for another array.
    WeightsError
        If its weights are not installed.
    """
    assert stored.chunks is not None  # for mypy: it is of this package's codec
    data = stored.chunks.read(index)
    if data is None:
        raise SourceError("it was there a moment ago, and is not any more")
    chunk = unpack_chunk(data)
    header, array = chunk.header, stored.array
    pixels = decode(chunk)
    if stored.has_filters:
        return header, _read(stored, index)
    found = header.dtype.newbyteorder("="), array.dtype.newbyteorder("=")
    if header.shape != array.chunks or found[0] != found[1]:
        raise SourceError(
            f"it holds {found[0].name} samples of shape {header.shape}, and its array has chunks "
            f"of {found[1].name} of shape {array.chunks}: it belongs to another array"
        )
    inside = tuple(slice(part.stop - part.start) for part in stored.selection(index))
    return header, pixels[inside]


def _read(stored: StoredArray, index: ChunkIndex) -> NDArray[Any]:
    return np.asarray(stored.array[stored.selection(index)])
