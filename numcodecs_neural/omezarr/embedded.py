"""Weights that a store brings along: the files of the decoders that its chunks need.

They are plain arrays of bytes in a group of their own, which any Zarr reader can read.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from numcodecs_neural.errors import SourceError, WeightsError
from numcodecs_neural.files.archive import Archive
from numcodecs_neural.files.folder import Folder
from numcodecs_neural.weights.catalogue import (
    CoefficientWeights,
    WeightsInfo,
    by_id,
    coefficient_weights_by_id,
    exact_weights_by_id,
)
from numcodecs_neural.weights.files import parse_weights, read_weights

from .chunk_heads import heads_of, weights_ids_of
from .store import OPEN_ERRORS, ZarrFiles
from .stored_arrays import StoredArray

__all__ = [
    "WEIGHTS_GROUP",
    "EmbeddedWeights",
    "embedded_weights",
    "needed_weights",
    "write_weights",
]

# Not "weights": a group of arrays in the root is what generic readers take for the image.
WEIGHTS_GROUP = "weights/files"
# Twenty times the largest that there are: a store may say anything of an array's size.
_MOST_NBYTES = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedWeights:
    """One file of weights.

    Parameters
    ----------
    name : str
        Of the weights, such as ``"he-fast-2"``.
    sha256 : str
        Digest of the file, in hexadecimal.
    content : bytes
        The file.
    """

    name: str
    sha256: str
    content: bytes


def needed_weights(levels: Iterable[StoredArray]) -> list[EmbeddedWeights]:
    """Return the weights that the chunks of levels name: those that are needed to read them.

    All chunks are looked at, since a chunk may be coded otherwise than its array says.

    Raises
    ------
    WeightsError
        If this release does not have them.
    SourceError
        If a shard is damaged.
    """
    ids: set[bytes] = set()
    for stored in levels:
        if stored.is_ours:
            ids |= set(weights_ids_of(heads_of(stored, stored.indexes())))
    return [_weights(weights_id) for weights_id in sorted(ids)]


def write_weights(
    store: Folder, weights: list[EmbeddedWeights], *, zarr_format: Literal[2, 3]
) -> None:
    """Write weights into a store, over those of the same names.

    Raises
    ------
    SourceError
        If the store is a zip, to which nothing can be added.
    """
    if isinstance(store, Archive):
        raise SourceError(
            f"{store.location} is a zip, in which nothing can be replaced: embed the weights in "
            "the folder that it was made of and pack that again, or convert the slide again with "
            "--embed-weights"
        )
    for one in weights:
        values = np.frombuffer(one.content, np.uint8)
        array = zarr.create_array(
            store.zarr_store(),
            name=f"{WEIGHTS_GROUP}/{one.name}",
            shape=values.shape,
            chunks=values.shape,
            dtype=values.dtype,
            fill_value=0,
            overwrite=True,
            attributes={"name": one.name, "sha256": one.sha256},
            **_layout(zarr_format),
        )
        array[...] = values


def embedded_weights(files: ZarrFiles) -> list[EmbeddedWeights]:
    """Return the weights that a store brings along, checked by their digests.

    Raises
    ------
    SourceError
        If they cannot be read.
    WeightsError
        If they are no weights, or were damaged.
    """
    return [_read(files.location, array) for array in _arrays(files)]


def _arrays(files: ZarrFiles) -> Iterator[zarr.Array[Any]]:
    try:
        group = files.group().get(WEIGHTS_GROUP)
        if isinstance(group, zarr.Group):
            yield from (array for _, array in sorted(group.arrays()))
    except OPEN_ERRORS as exc:
        raise SourceError(f"{files.location}: its weights cannot be read: {exc}") from exc


def _read(location: str, array: zarr.Array[Any]) -> EmbeddedWeights:
    if array.nbytes > _MOST_NBYTES:
        raise WeightsError(
            f"{location}: {array.path} has {array.nbytes} bytes, and weights have at most "
            f"{_MOST_NBYTES}"
        )
    try:
        content = np.asarray(array[...], np.uint8).tobytes()
    except OPEN_ERRORS as exc:
        raise SourceError(f"{location}: its weights {array.path} do not decode: {exc}") from exc
    noted, digest = str(array.attrs.get("sha256")), hashlib.sha256(content).hexdigest()
    if noted != digest:
        raise WeightsError(
            f"{location}: the weights {array.path} have SHA-256 {digest} and should have {noted}: "
            "copy the store again"
        )
    parse_weights(content, f"{location}: {array.path}")
    name = str(array.attrs.get("name") or array.name.rpartition("/")[2])
    return EmbeddedWeights(name=name, sha256=digest, content=content)


def _weights(weights_id: bytes) -> EmbeddedWeights:
    """Return weights of any kind by the id that chunks carry."""
    info = _found(weights_id)
    path = info.path if isinstance(info, CoefficientWeights) else info.decoder_path
    read_weights(path, sha256=info.sha256)
    return EmbeddedWeights(name=info.name, sha256=info.sha256, content=path.read_bytes())


def _found(weights_id: bytes) -> WeightsInfo | CoefficientWeights:
    for find in (by_id, exact_weights_by_id):
        with suppress(WeightsError):
            return find(weights_id)
    return coefficient_weights_by_id(weights_id)


def _layout(zarr_format: Literal[2, 3]) -> dict[str, Any]:
    """Return the arguments of an array that any Zarr reader can decode."""
    if zarr_format == 2:
        separated = {"name": "v2", "separator": "/"}
        compressor = {"id": "zstd", "level": 3}
        return {
            "zarr_format": 2,
            "chunk_key_encoding": separated,
            "compressors": compressor,
            "filters": None,
        }
    return {"zarr_format": 3, "compressors": ZstdCodec(level=3)}
