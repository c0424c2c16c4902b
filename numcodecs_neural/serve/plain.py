"""Metadata of arrays and groups, rewritten for clients that know standard codecs only."""

import json
from collections.abc import Iterable
from typing import Any

from .form import Form

__all__ = ["ZSTD_LEVEL", "as_json", "consolidated_v2", "consolidated_v3", "plain_v2", "plain_v3"]

# On pixels, higher levels of zstd cost more than the network that they spare.
ZSTD_LEVEL = 1
_INDEX_CODECS = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]


def plain_v3(
    stored: dict[str, Any],
    *,
    chunk: tuple[int, ...],
    shard: tuple[int, ...] | None,
    itemsize: int,
    form: Form,
) -> dict[str, Any]:
    """Return the ``zarr.json`` of an array of Zarr v3 with the codecs ``bytes`` and ``zstd``.

    Parameters
    ----------
    stored : dict
        What the store says; all but codecs, grid and keys stays.
    chunk : tuple of int
        Shape of a chunk.
    shard : tuple of int or None
        Shape of a shard, if shards are shown.
    itemsize : int
        Bytes of a sample.
    form : Form
    """
    codecs = [_bytes_codec(itemsize)]
    if form.compression == "zstd":
        zstd = {"level": ZSTD_LEVEL, "checksum": False}
        codecs.append({"name": "zstd", "configuration": zstd})
    if shard is not None:
        sharding = {
            "chunk_shape": list(chunk),
            "codecs": codecs,
            "index_codecs": _INDEX_CODECS,
            "index_location": "end",
        }
        codecs = [{"name": "sharding_indexed", "configuration": sharding}]
    grid = {"chunk_shape": list(shard or chunk)}
    return stored | {
        "chunk_grid": {"name": "regular", "configuration": grid},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "codecs": codecs,
        "storage_transformers": [],
    }


def plain_v2(
    stored: dict[str, Any], *, chunk: tuple[int, ...], dtype: str, form: Form
) -> dict[str, Any]:
    """Return the ``.zarray`` of an array of Zarr v2 with the compressor ``zstd``, or none."""
    zstd = {"id": "zstd", "level": ZSTD_LEVEL}
    return stored | {
        "chunks": list(chunk),
        "dtype": dtype,
        "compressor": zstd if form.compression == "zstd" else None,
        "filters": None,
        "order": "C",
        "dimension_separator": "/",
    }


def consolidated_v3(
    root: dict[str, Any], nodes: Iterable[tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    """Return the ``zarr.json`` of a root group with all `nodes` below it, by their paths."""
    inline = {"kind": "inline", "must_understand": False, "metadata": dict(nodes)}
    return root | {"consolidated_metadata": inline}


def consolidated_v2(files: dict[str, Any]) -> dict[str, Any]:
    """Return ``.zmetadata``: all metadata `files` of a store of Zarr v2, by their paths."""
    return {"zarr_consolidated_format": 1, "metadata": files}


def as_json(document: dict[str, Any]) -> bytes:
    """Return the bytes of a document; NaN, which Zarr v2 allows as a number, stays."""
    return json.dumps(document, indent=1).encode()


def _bytes_codec(itemsize: int) -> dict[str, Any]:
    if itemsize == 1:
        return {"name": "bytes"}
    return {"name": "bytes", "configuration": {"endian": "little"}}
